"""A list as a download: CSV and Excel of the current filter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response

from tracker import clock
from tracker.shop.sheets import neutral, to_csv, to_xlsx

__all__ = ["answer", "neutral", "to_csv", "to_xlsx"]

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def answer(format: str, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """The file as a download `name-2026-11-23.csv`. Cells: text, int, Money, Quantity, date, datetime, bool or None."""
    if format == "xlsx":
        return _download(to_xlsx(name, header, rows), f"{name}.xlsx", _XLSX)
    return _download(to_csv(header, rows).encode("utf-8-sig"), f"{name}.csv", "text/csv; charset=utf-8")


def _download(content: bytes, filename: str, kind: str) -> Response:
    stem, _, ending = filename.rpartition(".")
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:60] or "list"
    response = Response(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{safe}-{clock.today().isoformat()}.{ending}"'
    return response
