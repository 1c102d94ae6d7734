"""Bringing in what the shop has already: products, suppliers, categories and open debts from a file, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from tracker import db
from tracker.errors import NotFound, Refused
from tracker.shop import audit, sheets
from tracker.shop.imports import categories, debts, fields, lines, products, suppliers
from tracker.shop.imports.fields import Columns
from tracker.shop.imports.files import Sheet
from tracker.shop.imports.lines import Line

KINDS: dict[str, ModuleType] = {
    "products": products, "suppliers": suppliers, "categories": categories, "debts": debts,
}  # fmt: skip
NOTES_SHOWN = 5


@dataclass(frozen=True)
class Wish:
    """How a file is to be taken: change what exists, leave out bad rows, which column is which field."""

    update: bool = False
    skip_bad: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a file does to the books: `is_good` when it can come in, `is_booked` when it did."""

    kind: str
    lines: list[Line]
    columns: Columns
    notes: list[str]
    is_good: bool
    is_booked: bool = False

    def count(self, *states: str) -> int:
        """How many rows are in one of these states."""
        return sum(line.state in states for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """As `run.py import --json` prints it. Nothing is added where nothing can be booked."""
        added, updated = (self.count(lines.NEW), self.count(lines.UPDATE)) if self.is_good else (0, 0)
        return {
            "rows": len(self.lines),
            "added": added,
            "updated": updated,
            "skipped": len(self.lines) - added - updated if self.is_good else 0,
            "errors": [
                {"row": line.number, "column": fault.column, "message": fault.message}
                for line in self.lines
                for fault in line.faults
            ],
        }


def header(kind: str) -> list[str]:
    """The template's columns, in order. Raises NotFound for an unknown kind."""
    return [one.name for one in _kind(kind).FIELDS if not one.extra]


def template(kind: str) -> str:
    """An empty file to fill in."""
    return sheets.to_csv(header(kind), [])


def preview(kind: str, sheet: Sheet, wish: Wish | None = None) -> Outcome:
    """What booking would do, now; nothing is written. Raises Refused for a file that has not the columns it needs."""
    return _prepared(kind, sheet, wish or Wish())[0]


def book(kind: str, sheet: Sheet, wish: Wish | None = None) -> Outcome:
    """Bring the file in: everything that `preview` says in one transaction, or nothing when a row is bad.

    All is read and looked up before the books are locked, so that selling goes on meanwhile; what changed since then is
    looked up again. Raises Refused as `preview` does.
    """
    wish = wish or Wish()
    outcome, seen = _prepared(kind, sheet, wish)
    with db.write():
        if seen != _state():
            outcome, _ = _prepared(kind, sheet, wish)
        if not outcome.is_good:
            return outcome
        _kind(kind).book(outcome.lines)
        told = {name: value for name, value in outcome.as_json().items() if name != "errors"}
        audit.note("import.book", f"import:{kind}", **told)
    return replace(outcome, is_booked=True)


def _state() -> tuple[Any, ...]:
    """What tells that somebody added or changed a product, supplier, category or debt: each leaves one of these behind.

    A sale does not; what it changes, the stock, is looked at when it is written.
    """
    tables = ("audit", "product", "supplier", "category", "payable", "void")
    return db.rows(f"SELECT {', '.join(f'(SELECT MAX(id) FROM {table})' for table in tables)}")[0]


def _prepared(kind: str, sheet: Sheet, wish: Wish) -> tuple[Outcome, tuple[Any, ...]]:
    """What would become of each row, and the state of the books that says so."""
    columns, found = _read(kind, sheet, wish)
    with db.books.atomic():  # one state of the books for all questions
        seen = _state()
        _kind(kind).prepare(found, wish.update)
    is_good = wish.skip_bad or not any(line.faults for line in found)
    return Outcome(kind, found, columns, _told(found) + _ignored(columns), is_good), seen


def _read(kind: str, sheet: Sheet, wish: Wish) -> tuple[Columns, list[Line]]:
    module = _kind(kind)
    columns = fields.match(module.FIELDS, sheet.header, wish.columns)
    missing = [name for name in module.NEEDED if name not in columns.where]
    if missing and (module.NEEDS_ALL or len(missing) == len(module.NEEDED)):
        words = " and no ".join(missing)
        there = ", ".join(filter(None, sheet.header))[:300]
        raise Refused(f"The file has no column {words}. Its columns are: {there}.")
    return columns, lines.read(module.FIELDS, columns, sheet)


def _ignored(columns: Columns) -> list[str]:
    if not columns.ignored:
        return []
    shown = ", ".join(columns.ignored[:12])
    return [f"Columns that are not read: {shown}{' and more' if len(columns.ignored) > 12 else ''}."]


def _told(found: list[Line]) -> list[str]:
    """What is said about good rows: each thing once, with the rows it is true of."""
    rows: dict[str, list[int]] = {}
    for line in found:
        for note in line.notes if not line.faults else ():
            rows.setdefault(note, []).append(line.number)
    told = [_sentence(note, numbers) for note, numbers in rows.items()]
    more = len(told) - NOTES_SHOWN
    return told if more <= 0 else [*told[:NOTES_SHOWN], f"And {more:,} more such differences."]


def _sentence(note: str, numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:NOTES_SHOWN])
    more = f" and {len(numbers) - NOTES_SHOWN:,} more" if len(numbers) > NOTES_SHOWN else ""
    return f"Row{'s' if len(numbers) > 1 else ''} {shown}{more}: {note}."


def _kind(name: str) -> ModuleType:
    if name not in KINDS:
        raise NotFound(f"There is nothing to import named {name}. There are: {', '.join(KINDS)}.")
    return KINDS[name]
