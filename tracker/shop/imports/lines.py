"""The rows of a file on their way into the books: what each says, what is wrong with it, what will become of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracker.errors import Refused
from tracker.shop.imports.fields import Columns, Field
from tracker.shop.imports.files import Sheet

NEW, UPDATE, SAME, SKIP, BAD = "new", "update", "same", "skip", "bad"


@dataclass(frozen=True)
class Fault:
    """Why a row can't come in: which column (the file's own word for it), in a sentence."""

    column: str
    message: str


@dataclass(slots=True)
class Line:
    """One row. `values` holds what its filled cells say, by field; an empty cell has no entry."""

    number: int
    titles: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    state: str = NEW
    target: int | None = None  # what is in the books already
    columns: dict[str, Any] = field(default_factory=dict)  # what will be written
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)

    def fault(self, name: str, message: str) -> None:
        """Something is wrong with this field."""
        self.faults.append(Fault(self.titles.get(name, name), message))
        self.state = BAD

    def attempt(self, name: str, action: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """What the action gives; what it refuses becomes a fault of the field, and None."""
        try:
            return action(*args, **kwargs)
        except Refused as no:
            self.fault(no.field if no.field and no.field in self.titles else name, no.message)
            return None


def read(fields: Sequence[Field], columns: Columns, sheet: Sheet) -> list[Line]:
    """Every row's cells as values; nothing is asked of the books."""
    titles = {name: title for name, (_, title) in columns.where.items()}
    wanted = [(one, columns.where[one.name][0]) for one in fields if one.name in columns.where]
    lines = []
    for number, cells in sheet.rows:
        line = Line(number, titles, cells=cells)
        if len(cells) > len(sheet.header):
            line.fault("", "This row has more cells than the header. Is a separator inside a text without quotes?")
        for one, position in wanted:
            cell = cells[position] if position < len(cells) else ""
            if cell:
                _read_cell(line, one, cell, one.name in columns.inverted)
        lines.append(line)
    return lines


def _read_cell(line: Line, one: Field, cell: str, inverted: bool) -> None:
    value = line.attempt(one.name, one.read, cell)
    if value is not None:
        line.values[one.name] = not value if inverted else value


def once(line: Line, name: str, key: str, seen: dict[str, int], words: str) -> None:
    """A fault when an earlier row has this key too."""
    if key and seen.setdefault(key, line.number) != line.number:
        line.fault(name, f"Row {seen[key]} has this {words} already.")
