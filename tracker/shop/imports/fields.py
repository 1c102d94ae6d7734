"""What the columns of a table mean: their names, the other names they go by, and how a cell is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tracker.errors import Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import settings


@dataclass(frozen=True)
class Field:
    """One column: `name` heads the template; `extra` ones are read when they are there but stand in no template."""

    name: str
    read: Callable[[str], Any]
    aliases: tuple[str, ...] = ()
    extra: bool = False
    inverted: tuple[str, ...] = ()  # names whose "yes" means our "no"


@dataclass(frozen=True)
class Columns:
    """Where each field stands in a file: (position, the file's own word for it), and what the file has besides."""

    where: Mapping[str, tuple[int, str]]
    inverted: frozenset[str]
    ignored: tuple[str, ...]


def match(fields: Sequence[Field], header: Sequence[str], given: Mapping[str, str] | None = None) -> Columns:
    """Find each field's column: as `given` says, else by its name, else by its first alias that is there.

    Raises Refused when `given` names a field or a column that does not exist.
    """
    keys = [_key(title) for title in header]
    where: dict[str, tuple[int, str]] = {}
    inverted = set()
    for name, title in (given or {}).items():
        where[name] = _given(fields, header, keys, name, title)
        if _key(title) in [_key(other) for one in fields if one.name == name for other in one.inverted]:
            inverted.add(name)
    for by_alias in (False, True):  # a column of a field's own name is never taken for another field's alias
        for field in fields:
            names = (*field.aliases, *field.inverted) if by_alias else (field.name,)
            found = _first(names, keys, {position for position, _ in where.values()})
            if found and field.name not in where:
                title, position = found
                where[field.name] = position, header[position]
                if title in field.inverted:
                    inverted.add(field.name)
    taken = {position for position, _ in where.values()}
    ignored = tuple(title for position, title in enumerate(header) if title and position not in taken)
    return Columns(where, frozenset(inverted), ignored)


def _given(fields: Sequence[Field], header: Sequence[str], keys: list[str], field: str, title: str) -> tuple[int, str]:
    names = [one.name for one in fields]
    if field not in names:
        raise Refused(f"There is no field {field}. They are: {', '.join(names)}.", "map")
    if _key(title) not in keys:
        raise Refused(f"The file has no column {title}. It has: {', '.join(filter(None, header))}.", "map")
    position = keys.index(_key(title))
    return position, header[position]


def _first(names: Sequence[str], keys: list[str], taken: set[int]) -> tuple[str, int] | None:
    for name in names:
        if _key(name) in keys and keys.index(_key(name)) not in taken:
            return name, keys.index(_key(name))
    return None


def _key(title: str) -> str:
    """`Unit Price`, `unit_price` and `UnitPrice` are one name."""
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", title).casefold())


# --- how cells are read -----------------------------------------------------------------------------------------------


def plain(cell: str) -> str:
    return cell


def amount(cell: str) -> Money:
    return Money.parse_plain(cell)


def quantity(cell: str) -> Quantity:
    return Quantity.parse_plain(cell)


def whole(cell: str) -> int:
    """A whole number of up to five digits."""
    if not re.fullmatch(r"[0-9]{1,5}", cell):
        raise Refused(f"“{_cut(cell)}” is not a whole number.")
    return int(cell)


_YES = frozenset("1 y yes true t x on active ja oui si sí ndio ndiyo -1".split())
_NO = frozenset("0 n no false f off inactive archived nein non hapana".split())


def yes_or_no(cell: str) -> bool:
    word = cell.casefold()
    if word in _YES | _NO:
        return word in _YES
    raise Refused(f"“{_cut(cell)}” is neither yes nor no.")


_MONTH_FIRST = frozenset("US PH PW FM MH GU AS PR VI MP".split())


def day(cell: str) -> date:
    """`2026-11-23`, or with strokes or dots as the shop's country writes dates, year last and in full."""
    text = re.sub(r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}.*)?$", "", cell)
    iso = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})", text)
    local = re.fullmatch(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", text)
    if iso:
        year, month, number = iso.groups()
    elif local:
        number, _, month, year = local.groups()
        if settings.current().country in _MONTH_FIRST and local[2] == "/":
            number, month = month, number
    else:
        raise _no_date(cell)
    try:
        found = date(int(year), int(month), int(number))
    except ValueError as error:
        raise _no_date(cell) from error
    if not 1990 <= found.year <= 2200:
        raise Refused(f"The year {found.year} can't be right.")
    return found


def _no_date(cell: str) -> Refused:
    return Refused(f"“{_cut(cell)}” is not a date. Write it like 2026-11-23.")


def _cut(cell: str) -> str:
    return cell if len(cell) <= 30 else f"{cell[:30]}…"
