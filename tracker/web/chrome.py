"""What stands around every page: the menu, its numbers, the bell, banners; other modules fill the hooks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask, current_app, g, request
from werkzeug.exceptions import HTTPException

from tracker.shop import settings
from tracker.web.access import Access, Person, access_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """One entry of the menu. `key` marks it as the current one: a page says `{% set nav = "debts" %}`."""

    key: str
    label: str
    icon: str
    url: str
    low: bool = False  # stands at the foot of the sidebar


@dataclass(frozen=True)
class Banner:
    """A sentence over every page: kind is info, warn or bad; with a link that mends it, if there is one."""

    kind: str
    sentence: str
    link: str = ""
    link_text: str = ""


MENU = (
    Item("morning", "Morning", "sunrise", "/"),
    Item("sell", "Sell", "cart", "/sell"),
    Item("products", "Products", "box-seam", "/products"),
    Item("low", "Low stock", "exclamation-triangle", "/stock/low"),
    Item("debts", "Debts", "receipt", "/debts"),
    Item("suppliers", "Suppliers", "truck", "/suppliers"),
    Item("money", "Money", "cash-stack", "/cash"),
    Item("health", "Health", "heart-pulse", "/health", low=True),
    Item("settings", "Settings", "gear", "/settings", low=True),
)
ON_PHONES = ("morning", "low", "debts", "money")  # the bottom bar; "More" opens the whole menu

_badges: dict[str, Callable[[Person], int]] = {}
_banners: list[Callable[[Person], Banner | None]] = []
_bell: list[Callable[[Person], int]] = []


def badge(key: str, count: Callable[[Person], int]) -> None:
    """A number beside a menu entry, asked once per whole page: keep it one cheap statement."""
    _badges[key] = count


def banner(find: Callable[[Person], Banner | None]) -> None:
    """A banner that may stand over every page."""
    if find not in _banners:
        _banners.append(find)


def bell(count: Callable[[Person], int]) -> None:
    """How many notices a person has not read; one function for the whole program."""
    _bell[:] = [count]


class Chrome:
    """Made for each request; a fragment that does not use it asks nothing."""

    @property
    def person(self) -> Person | None:
        return g.get("person")

    @property
    def shop(self) -> settings.Settings:
        return settings.current()

    @property
    def theme(self) -> str:
        """light, dark or auto: the person's, or a stranger's cookie."""
        chosen = self.person.theme if self.person else request.cookies.get("theme", "auto")
        return chosen if chosen in ("light", "dark") else "auto"

    @cached_property
    def menu(self) -> list[tuple[Item, int]]:
        """The entries that exist and that this person may open, each with its number."""
        person = self.person
        if person is None:
            return []
        return [(item, self._count(item.key, person)) for item in MENU if may_open(item.url, person)]

    @cached_property
    def phone_menu(self) -> list[tuple[Item, int]]:
        return [entry for entry in self.menu if entry[0].key in ON_PHONES]

    @cached_property
    def unread(self) -> int:
        return _asked(_bell[0], self.person, 0) if _bell and self.person else 0

    @cached_property
    def banners(self) -> list[Banner]:
        found = [_asked(find, self.person, None) for find in _banners] if self.person else []
        return [one for one in found if one is not None]

    @property
    def routes(self) -> Mapping[str, Any]:
        """The endpoints there are: a template may ask whether a page exists before it links to it."""
        return current_app.view_functions

    def has(self, url: str) -> bool:
        """Whether this address is a page that this person may open."""
        return self.person is not None and may_open(url, self.person)

    def _count(self, key: str, person: Person) -> int:
        return _asked(_badges[key], person, 0) if key in _badges else 0


def _asked(hook: Callable[[Person], Any], person: Person, instead: Any) -> Any:
    """What a hook says. A number that can't be found must not take every page away: it is logged and left out."""
    try:
        return hook(person)
    except Exception:
        log.exception("%s.%s", hook.__module__, hook.__qualname__)
        return instead


def may_open(url: str, person: Person) -> bool:
    """Whether an address is one of our pages and this person's role may open it."""
    access = _access_at(current_app._get_current_object(), url)  # type: ignore[attr-defined]
    if access is None:
        return False
    return access.kind != "needs" or person.can(access.action)


def _access_at(app: Flask, url: str) -> Access | None:
    known: dict[str, Access | None] = app.extensions.setdefault("access_at", {})
    if url not in known:
        try:
            endpoint, _ = app.url_map.bind("localhost").match(url, method="GET")
            known[url] = access_of(app, endpoint)
        except HTTPException:
            known[url] = None
    return known[url]


def install(app: Flask) -> None:
    """Templates get `chrome`."""

    @app.context_processor
    def around() -> dict[str, Any]:
        if "chrome" not in g:
            g.chrome = Chrome()
        return {"chrome": g.chrome}
