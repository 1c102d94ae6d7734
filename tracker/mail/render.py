"""From a mail's name and its stored context to subject, text and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2

from tracker import money
from tracker.errors import NotFound, Refused
from tracker.mail import formats, mjml, servers

KINDS = ("debt_reminder", "reorder_alert", "low_stock_notification", "new_account", "reset_password", "test_email")
MOST_GROUPS = 30  # beyond these a line with a link says how many more there are
MOST_ROWS = 120
LARGEST = 100_000  # bytes; Gmail cuts a mail at about 102 KB


@dataclass(frozen=True)
class ShopFacts:
    """What every mail says about the shop. `base_url` has no slash at its end."""

    name: str
    base_url: str
    locale: str = "en"
    is_loopback: bool = False

    @classmethod
    def of(cls, name: str, base_url: str, locale: str = "en") -> ShopFacts:
        """The facts, with the question whether the address works only on the shop's own PC answered from it."""
        return cls(name, base_url.rstrip("/"), locale, servers.reach(urlsplit(base_url).hostname or "") == "pc")


@dataclass(frozen=True)
class Rendered:
    """One mail, ready to be put into an envelope."""

    subject: str
    text: str
    html: str


def render(kind: str, context: dict[str, Any], shop: ShopFacts) -> Rendered:
    """Fill one of the six mails. The context is the plain JSON of the outbox: money in minor units, quantities in
    thousandths, dates ISO, instants ISO with Z.

    Raises NotFound for an unknown kind, Refused when a link is not a web address; a context that lacks something is a
    programming error and raises jinja2.UndefinedError.
    """
    if kind not in KINDS:
        raise NotFound(f"There is no mail called {kind!r}. The mails are: {', '.join(KINDS)}.")
    facts, rows = _cleaned(context), MOST_ROWS
    while True:
        made = _filled(kind, _prepared(kind, facts, rows), shop)
        if len(made.html.encode()) < LARGEST or rows < 10:
            return made
        rows = rows * 3 // 4


def _filled(kind: str, prepared: dict[str, Any], shop: ShopFacts) -> Rendered:
    values = _with_formats({**prepared, "shop": _cleaned_shop(shop), "reach": _reach(shop)}, shop)
    subject, _, text = _text.get_template(f"{kind}.txt").render(values).partition("\n")
    subject = subject.removeprefix("Subject:").strip()
    html = _html.get_template(kind).render({**values, "subject": subject})
    return Rendered(subject, text.lstrip("\n"), html)


def _reach(shop: ShopFacts) -> str:
    """From where the links work: `pc` (this one only), `network` (the shop's), `anywhere`."""
    return "pc" if shop.is_loopback else servers.reach(urlsplit(shop.base_url).hostname or "")


def _cleaned_shop(shop: ShopFacts) -> ShopFacts:
    return ShopFacts(formats.clean(shop.name), _web_address(shop.base_url), shop.locale, shop.is_loopback)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return formats.clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(inner) for key, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def _prepared(kind: str, context: dict[str, Any], most: int) -> dict[str, Any]:
    """What both bodies need beyond the stored facts: the rows that fit, how many do not, links that are links."""
    if "link" in context:
        _web_address(context["link"])
    if kind == "debt_reminder":
        shown, hidden = _capped([(supplier, supplier["debts"]) for supplier in context["suppliers"]], most)
        coming, later = _capped([(None, context["due_soon"])], most // 4)
        return {
            **context,
            "shown": [{**supplier, "debts": debts} for supplier, debts in shown],
            "hidden_debts": hidden,
            "coming": coming[0][1] if coming else [],
            "hidden_coming": later,
            "worst": max(
                (debt["days_late"] for supplier in context["suppliers"] for debt in supplier["debts"]), default=0
            ),
            "currency": money.currency(),
            "why": _WHY,
        }
    if kind == "reorder_alert":
        parts = [(label, context[key]) for key, label in _PARTS if context[key]]
        shown, hidden = _capped(parts, most)
        counted = {label: len(rows) for label, rows in parts}
        return {
            **context,
            "parts": [{"label": label, "count": counted[label], "products": rows} for label, rows in shown],
            "hidden": hidden,
            "to_order": sum(len(context[key]) for key in ("sold_out", "new", "still_low")),
            "why": _WHY,
        }
    if kind == "low_stock_notification":
        shown, hidden = _capped([(None, context["products"])], most)
        return {**context, "shown": shown[0][1] if shown else [], "hidden": hidden, "why": _WHY}
    return {**context, "why": ""}


_WHY = "It comes because your notices are sent by mail too; you choose that in the shop, under your name."


_PARTS = (
    ("sold_out", "Sold out"),
    ("new", "Newly low"),
    ("still_low", "Still low"),
    ("ordered", "Already ordered"),
    ("later", "Later"),
)


def _capped(groups: list[tuple[Any, list[Any]]], most: int) -> tuple[list[tuple[Any, list[Any]]], int]:
    """The first groups and rows that fit into a mail, and how many rows do not."""
    shown: list[tuple[Any, list[Any]]] = []
    room = most
    for head, rows in groups[:MOST_GROUPS]:
        if room and rows:
            shown.append((head, rows[:room]))
            room -= len(rows[:room])
    return shown, sum(len(rows) for _, rows in groups) - (most - room)


def _web_address(link: str) -> str:
    """A link goes to a web page and nowhere else. Raises Refused."""
    parts = urlsplit(link)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(c.isspace() for c in link):
        raise Refused(f"“{link}” is not a web address.")
    return link


def _with_formats(values: dict[str, Any], shop: ShopFacts) -> dict[str, Any]:
    # Filters are shared by all threads, the locale is this mail's: so the dates are functions in its own context.
    dated = {
        name: partial(getattr(formats, name), locale=shop.locale)
        for name in ("day", "short_day", "long_day", "instant")
    }
    return {**values, **dated}


def _environment(loader: jinja2.BaseLoader, autoescape: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=loader, autoescape=autoescape, undefined=jinja2.StrictUndefined, trim_blocks=not autoescape,
        lstrip_blocks=not autoescape, keep_trailing_newline=True,
    )  # fmt: skip
    for name in ("money", "amount", "quantity", "days_late", "due_in", "plural", "tel", "isolate"):
        environment.filters[name] = getattr(formats, name)
    return environment


def _compiled(name: str) -> tuple[str, None, Any]:
    html = mjml.load(name)
    return html, None, lambda: mjml.load(name) is html


_html = _environment(jinja2.FunctionLoader(_compiled), autoescape=True)
_text = _environment(jinja2.FileSystemLoader(Path(mjml.FOLDER) / "src"), autoescape=False)
