"""Importing categories."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.shop import categories
from tracker.shop.imports import named
from tracker.shop.imports.fields import Field, plain
from tracker.shop.imports.lines import Line

FIELDS = (
    Field("code", plain, ("id", "category id", "category code", "no", "number")),
    Field("name", plain, ("category", "category name", "title")),
    Field("description", plain, ("details", "notes", "note", "text")),
)
NEEDS_ALL = True
NEEDED = ("name",)


def prepare(found: Sequence[Line], update: bool) -> None:
    """Decide what becomes of each row."""
    named.prepare(found, "category", update, categories.checked, categories.FIELDS)


def book(found: Sequence[Line]) -> None:
    """Write what was decided, inside the caller's transaction."""
    empty = {"code": "", "code_key": None, "name": "", "name_key": "", "description": ""}
    named.book(found, "category", empty)
