"""A list as a file: CSV and Excel with typed cells, and without cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

from tracker import clock
from tracker.money import Money, places
from tracker.quantity import PLACES, Quantity

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def neutral(text: str) -> str:
    """Text that a spreadsheet can't take for a formula: a `'` before it; plain numbers stay as they are.

    A text that looks as if it had been treated already gets one more `'`, so that `original` always gives it back.
    """
    return f"'{text}" if _is_risky(text.lstrip("'")) else text


def original(cell: str) -> str:
    """What `neutral` was given, when this is what it made of it."""
    return cell[1:] if cell.startswith("'") and _is_risky(cell.lstrip("'")) else cell


def _is_risky(text: str) -> bool:
    return text.startswith(_RISKY) and not _PLAIN_NUMBER.fullmatch(text)


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Numbers plain (`1250.00`), dates ISO, instants in the shop's time; text that would be a formula gets a `'`."""
    out = io.StringIO(newline="")
    write_csv(out, header, rows)
    return out.getvalue()


def write_csv(file: IO[str], header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """`to_csv`, row by row into a file that was opened with newline=""."""
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)


def to_xlsx(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """One sheet with typed cells and a frozen header."""
    import xlsxwriter  # 40 ms: only when somebody exports

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", " ", name)[:31] or "List")
        bold = book.add_format({"bold": True})
        formats = {
            Money: book.add_format({"num_format": "#,##0" + ("." + "0" * places() if places() else "")}),
            Quantity: book.add_format({"num_format": "#,##0.###"}),
            date: book.add_format({"num_format": "yyyy-mm-dd"}),
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        sheet.write_row(0, 0, [str(title) for title in header], bold)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(header) - 1, 0), 16)
        for index, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                _write_cell(sheet, index, column, cell, formats.get(type(cell)))
    return out.getvalue()


def _csv_cell(cell: Any) -> str:
    if isinstance(cell, (Money, Quantity)):
        return cell.plain()
    if isinstance(cell, datetime):
        return clock.local(cell).strftime("%Y-%m-%d %H:%M")
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else neutral(str(cell))


def _write_cell(sheet: Any, row: int, column: int, cell: Any, look: Any) -> None:
    if isinstance(cell, Money):
        sheet.write_number(row, column, Decimal(cell.minor).scaleb(-places()), look)
    elif isinstance(cell, Quantity):
        sheet.write_number(row, column, Decimal(cell.thousandths).scaleb(-PLACES), look)
    elif isinstance(cell, datetime):
        sheet.write_datetime(row, column, clock.local(cell).replace(tzinfo=None), look)
    elif isinstance(cell, date):
        sheet.write_datetime(row, column, cell, look)
    elif isinstance(cell, bool):
        sheet.write_string(row, column, "yes" if cell else "no")
    elif isinstance(cell, int):
        sheet.write_number(row, column, cell)
    elif cell is not None:
        sheet.write_string(row, column, neutral(str(cell)))
