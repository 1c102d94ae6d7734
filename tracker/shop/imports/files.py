"""Reading a table that somebody brings: CSV in whatever code and separator, Excel and LibreOffice workbooks.

Every cell becomes text: `12.0` of a workbook is `12`, a date `2026-11-23`. What could harm is refused first: a
large file, too many rows, a small file that unpacks to a huge one, a single cell far out that makes an empty table of
millions.
"""

from __future__ import annotations

import csv
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from tracker.errors import NotFound, Refused
from tracker.shop.sheets import original

LARGEST = 20_000_000  # bytes of the file
UNPACKED = 150_000_000  # bytes of a workbook once it is unpacked
ROWS = 200_000
COLUMNS = 200
CELLS = 5_000_000  # a workbook's table is held whole, empty cells too
LONGEST_CELL = 2_100  # what the longest field takes and a little more; a longer cell is no shop's
# What a workbook raises that a stick or a download spoilt, wherever in it the wrong byte is.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, NotImplementedError, RuntimeError, EOFError),
    *(OSError, ValueError, OverflowError, LookupError),
)
_REF = re.compile(rb'<c [^>]*?\br="([A-Z]{1,7})([0-9]{1,9})"')
_REPEATED = re.compile(
    rb'<table:table-(row|cell)([^>]*?)number-(?:columns|rows)-repeated="([0-9]{3,})"([^>]*)>(?=(.{0,2000}))', re.DOTALL
)


@dataclass(frozen=True)
class Sheet:
    """A table as read: its header and its rows that hold anything, each with its number in the file (header = 1)."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    is_workbook: bool = False


def read_path(path: Path) -> Sheet:
    """Read a file of the PC. Raises NotFound and Refused with a sentence."""
    try:
        if path.stat().st_size > LARGEST:
            raise _too_large()
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.") from error
    except OSError as error:
        raise Refused(f"The file {path} can't be read: {error.strerror}.") from error
    return read(content)


def read(content: bytes) -> Sheet:
    """Read what is in a file; its content decides what it is, not its name. Raises Refused with a sentence."""
    if len(content) > LARGEST:
        raise _too_large()
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused("This is an old Excel file (.xls) or one with a password. Save it as .xlsx or CSV.")
    if content.startswith(b"SQLite format 3") or content.startswith(b"%PDF"):
        raise Refused("This is not a table. Save it as CSV or Excel.")
    is_workbook = content.startswith(b"PK\x03\x04")
    numbered = enumerate(_workbook(content) if is_workbook else _text(content), start=1)
    return _sheet(((number, cells) for number, cells in numbered if any(cells)), is_workbook)


def _too_large() -> Refused:
    return Refused(f"The file is larger than {LARGEST // 1_000_000} MB. Split it in two.")


def _sheet(rows: Iterator[tuple[int, list[str]]], is_workbook: bool) -> Sheet:
    first = next(rows, None)
    if first is None:
        raise Refused("The file is empty.")
    found = list(islice(rows, ROWS + 1))
    if len(found) > ROWS:
        raise Refused(f"The file has more than {ROWS:,} rows. Split it.")
    return Sheet(first[1], found, is_workbook)


# --- CSV --------------------------------------------------------------------------------------------------------------


def _text(content: bytes) -> Iterator[list[str]]:
    text = _decoded(content).replace("\0", "")
    csv.field_size_limit(LARGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    try:
        for cells in reader:
            yield _trimmed(original(_short(cell).strip()) for cell in cells)
    except csv.Error as error:
        raise Refused(f"The file can't be read as CSV near line {reader.line_num}.") from error


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        code = "utf-16"
    elif content[1:40:2].count(0) > 10 or content[0:40:2].count(0) > 10:  # UTF-16 without its mark
        code = "utf-16-le" if content[1:40:2].count(0) > 10 else "utf-16-be"
    else:
        code = "utf-8-sig"
    try:
        return content.decode(code)
    except UnicodeDecodeError:
        # What Excel on Windows writes; its five empty places must not stop a file.
        return content.decode("cp1252", errors="replace")


def _separator(text: str) -> str:
    """The sign that the header line has most of, outside of quotes; `sep=;` above it is Excel's own hint."""
    line = re.sub(r'"[^"]*"', "", next((line for line in text[:20_000].splitlines() if line.strip()), ""))
    return max(",;\t", key=line.count)


def _short(cell: str) -> str:
    """A cell of a megabyte must not travel on; what is cut is still too long for every field, which then says so."""
    return cell if len(cell) <= LONGEST_CELL else cell[: LONGEST_CELL + 1]


def _trimmed(cells: Iterable[str]) -> list[str]:
    found = list(islice(cells, COLUMNS))
    while found and not found[-1]:
        found.pop()
    return found


# --- workbooks --------------------------------------------------------------------------------------------------------


def _workbook(content: bytes) -> Iterator[list[str]]:
    from python_calamine import CalamineError, CalamineWorkbook  # only when somebody brings one

    try:
        _refuse_bombs(content)
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
        table = sheet.to_python(skip_empty_area=False)
    except (*_DAMAGED, CalamineError) as error:
        raise Refused("The file can't be read. Open it in your spreadsheet program and save it as CSV.") from error
    for cells in table:
        yield _trimmed(original(_short(_cell(cell)).strip()) for cell in cells)


def _refuse_bombs(content: bytes) -> None:
    """Unpack piece by piece, counting, before the reader unpacks it whole."""
    huge = Refused("The workbook is too large once it is unpacked. Save only its table as CSV.")
    left = UNPACKED
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        if len(parts.infolist()) > 5_000 or sum(part.file_size for part in parts.infolist()) > UNPACKED:
            raise huge
        for part in parts.infolist():
            reach, tail = [0, 0], b""
            with parts.open(part) as file:
                while piece := file.read(1_000_000):
                    left -= len(piece)
                    if part.filename.startswith("xl/worksheets/"):
                        _stretch(reach, tail + piece)
                    elif part.filename == "content.xml" and _repeats_much(tail + piece):
                        raise huge
                    tail = piece[-4_000:]
            if left < 0 or reach[0] * reach[1] > CELLS:
                raise huge


def _stretch(reach: list[int], xml: bytes) -> None:
    """How far right and down the cells of an Excel sheet go: the reader makes a table of all that is between."""
    for letters, digits in _REF.findall(xml):
        column = 0
        for letter in letters:
            column = column * 26 + letter - 64
        reach[0], reach[1] = max(reach[0], column), max(reach[1], int(digits))


def _repeats_much(xml: bytes) -> bool:
    """Whether a filled cell or row of a LibreOffice sheet stands for hundreds; empty ones at the end always do."""
    for kind, before, times, after, inside in _REPEATED.findall(xml):
        content = inside.partition(b"</table:table-row>")[0] if kind == b"row" else before + after
        if int(times) > 500 and b"office:value" in content:
            return True
    return False


def _cell(value: Any) -> str:
    """A workbook's cell as text. Fractions with 15 digits, as spreadsheets show them; whole numbers without `.0`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if not (value.hour or value.minute) else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    try:
        number = Decimal(f"{value:.15g}")
    except (ValueError, TypeError, ArithmeticError):  # a time, a duration
        return str(value)
    if not number.is_finite() or abs(number) > 10**20:
        return str(value)
    words = format(number, "f")
    return words.rstrip("0").rstrip(".") if "." in words else words
