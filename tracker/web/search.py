"""One search box over everything: pages and actions here, products, suppliers and documents by their own modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import g

from tracker.web import chrome
from tracker.web.access import Person


@dataclass(frozen=True)
class Hit:
    """One thing found: where it is and what to call it; `note` says which one it is (a SKU, an amount, a date)."""

    url: str
    label: str
    note: str = ""
    icon: str = "arrow-right"


Finder = Callable[[str, Person], list[Hit]]
_finders: dict[str, Finder] = {}
_actions: list[tuple[str, str, str]] = []
MOST = 8


def provide(group: str, find: Finder) -> None:
    """Let a noun answer searches: at most eight hits, in one statement, only what this person may see."""
    _finders[group] = find


def action(label: str, url: str, words: str = "") -> None:
    """Make something to do findable, e.g. `action("New supplier", "/suppliers/new", "add vendor")`."""
    if (label, url, words) not in _actions:
        _actions.append((label, url, words))


def find(q: str) -> list[tuple[str, list[Hit]]]:
    """Groups with hits, things before pages; an empty question lists the pages."""
    groups = [(name, find(q, g.person)[:MOST]) for name, find in _finders.items()] if q else []
    groups.append(("Pages", _pages(q)))
    groups.append(("Actions", _things_to_do(q)))
    return [(name, hits) for name, hits in groups if hits]


def _pages(q: str) -> list[Hit]:
    entries = [item for item in chrome.MENU if chrome.may_open(item.url, g.person)]
    return [Hit(item.url, item.label, icon=item.icon) for item in entries if q.casefold() in item.label.casefold()]


def _things_to_do(q: str) -> list[Hit]:
    wanted = q.casefold()
    found = [(label, url) for label, url, words in _actions if wanted in f"{label} {words}".casefold()]
    return [Hit(url, label, icon="plus-lg") for label, url in found if chrome.may_open(url, g.person)][:MOST]
