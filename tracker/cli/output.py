"""What commands print: sentences for people, one JSON document for programs, complaints on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any


def say(line: str = "") -> None:
    """A line for people."""
    print(line, flush=True)


def complain(sentence: str) -> None:
    """What went wrong, for people, where it can't disturb a program that reads stdout."""
    print(sentence, file=sys.stderr, flush=True)


def document(value: Any) -> None:
    """The one JSON document of a `--json` command: money as "1250.00", dates ISO, instants ISO with Z."""
    print(json.dumps(value, ensure_ascii=False, indent=1, default=_plain), flush=True)


def table(rows: Sequence[Sequence[object]], head: Sequence[str] = ()) -> None:
    """Rows in columns as wide as their widest cell."""
    cells = [[str(cell) for cell in row] for row in ([head, *rows] if head else rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))] if cells else []
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _plain(value: Any) -> str:
    from tracker.db import instant_text  # here, because most commands print no JSON and should not wait for Peewee
    from tracker.money import Money
    from tracker.quantity import Quantity

    if isinstance(value, Money | Quantity):
        return value.plain()
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} has no JSON form")
