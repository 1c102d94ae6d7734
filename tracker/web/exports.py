"""A list as a file: CSV and Excel of the current filter, typed, and without cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask import Response

from tracker import clock
from tracker.money import Money, places
from tracker.quantity import PLACES, Quantity

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def answer(format: str, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """The file as a download `name-2026-11-23.csv`. Cells: text, int, Money, Quantity, date, datetime, bool or None."""
    if format == "xlsx":
        return _download(to_xlsx(name, header, rows), f"{name}.xlsx", _XLSX)
    return _download(to_csv(header, rows).encode("utf-8-sig"), f"{name}.csv", "text/csv; charset=utf-8")


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Numbers plain (`1250.00`), dates ISO, instants in the shop's time; text that would be a formula gets a `'`."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


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


def neutral(text: str) -> str:
    """Text that a spreadsheet can't take for a formula; plain numbers stay as they are."""
    if text.startswith(_RISKY) and not _PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text


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


def _download(content: bytes, filename: str, kind: str) -> Response:
    stem, _, ending = filename.rpartition(".")
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:60] or "list"
    response = Response(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{safe}-{clock.today().isoformat()}.{ending}"'
    return response
