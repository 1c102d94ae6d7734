"""Lists: sort, filters and page read from the address by allow-lists, addresses that keep them, and the file formats.

`view = listing.read(sorts=("name", "left"), filters={"state": ("overdue", "soon")})`; a page function hands `view` to
its query and to the template. Nothing that is not on the lists reaches a query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import request

SIZES = (50, 25, 100)
_LAST_PAGE = 100_000


@dataclass
class View:
    """What a list shows now. `has_more` and `total` are set by the page function after its query."""

    path: str
    sort: str
    desc: bool
    q: str
    filters: dict[str, str]
    page: int
    size: int
    format: str
    default_sort: str
    default_desc: bool = False
    has_more: bool = False
    total: int | None = None
    shown: int = 0
    first_desc: tuple[str, ...] = field(default=())

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size

    @property
    def limit(self) -> int:
        """One more than the page holds: its presence says that there is a next page."""
        return self.size + 1

    def cut(self, found: Sequence[Any]) -> Sequence[Any]:
        """Take what `limit` rows brought and keep one page of it."""
        self.has_more = len(found) > self.size
        self.shown = min(len(found), self.size)
        return found[: self.size]

    def state(self) -> dict[str, Any]:
        """All that the address says now; defaults are left out."""
        state: dict[str, Any] = {"q": self.q, **self.filters}
        if (self.sort, self.desc) != (self.default_sort, self.default_desc):
            state |= {"sort": self.sort, "dir": "desc" if self.desc else "asc"}
        if self.size != SIZES[0]:
            state["size"] = self.size
        if self.page > 1:
            state["page"] = self.page
        return {name: value for name, value in state.items() if value not in ("", None)}

    def url(self, **changes: Any) -> str:
        """This list with something changed; None takes it out, a changed filter usually resets `page=None` too."""
        state = {name: value for name, value in (self.state() | changes).items() if value not in ("", None)}
        if state.get("page") == 1:
            del state["page"]
        return f"{self.path}?{urlencode(state)}" if state else self.path

    def start(self, name: str) -> str:
        """This list up to `name=`, for a menu that puts one value behind it."""
        rest = self.url(**{name: None, "page": None})
        return f"{rest}{'&' if '?' in rest else '?'}{name}="

    def sort_url(self, key: str) -> str:
        """Sort by this column; a second click turns it round."""
        desc = not self.desc if key == self.sort else key in self.first_desc
        return self.url(sort=key, dir="desc" if desc else "asc", page=None)

    def kept(self, without: Sequence[str] = ()) -> list[tuple[str, Any]]:
        """The state as hidden fields of a search form."""
        return [(name, value) for name, value in self.state().items() if name not in without]

    def active(self) -> list[tuple[str, str]]:
        """Filters and search that narrow the list, for the chips."""
        return ([("q", self.q)] if self.q else []) + list(self.filters.items())

    def says(self) -> str:
        """`1–50 of 214`, or `1–50` where counting would cost too much."""
        if not self.shown:
            return "Nothing here" if self.page > 1 else ""
        span = f"{self.offset + 1:,}–{self.offset + self.shown:,}"
        return f"{span} of {self.total:,}" if self.total is not None else span


def read(
    sorts: Sequence[str],
    default: str = "",
    desc: bool = False,
    filters: Mapping[str, Sequence[str] | None] | None = None,
    first_desc: Sequence[str] = (),
) -> View:
    """The list's state from the address. `filters` maps a name to its allowed values, None = a whole number (an id).

    Anything unknown is left out, never an error: old bookmarks keep working.
    """
    args = request.args
    default = default or sorts[0]
    sort = args.get("sort", "")
    known = sort in sorts
    return View(
        path=request.path,
        sort=sort if known else default,
        desc=args.get("dir") == "desc" if known else desc,
        q=" ".join(args.get("q", "").split())[:100],
        filters=_filters(filters or {}),
        page=_number(args.get("page"), 1, _LAST_PAGE),
        size=size if (size := _number(args.get("size"), 0, 1000)) in SIZES else SIZES[0],
        format=args.get("format", "") if args.get("format") in ("csv", "xlsx") else "",
        default_sort=default,
        default_desc=desc,
        first_desc=tuple(first_desc),
    )


def _filters(allowed: Mapping[str, Sequence[str] | None]) -> dict[str, str]:
    found = {}
    for name, values in allowed.items():
        value = request.args.get(name, "")
        if value and (
            value in values if values is not None else value.isascii() and value.isdigit() and len(value) < 16
        ):
            found[name] = value
    return found


def whole(text: str | None) -> int | None:
    """A whole number that an address or a hidden field names, such as an id; None when it is none, or far too long."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def _number(text: str | None, low: int, high: int) -> int:
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return low
    return min(max(int(text), low), high)
