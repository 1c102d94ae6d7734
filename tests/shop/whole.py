"""Everything that stands in the books, as one text: to look for what must not stand there."""

from __future__ import annotations

from tracker import db


def books_as_text() -> str:
    """Every value of every row of every table."""
    tables = [name for (name,) in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert "session" in tables and "mail" in tables
    return "\n".join(repr(row) for name in tables for row in db.rows(f'SELECT * FROM "{name}"'))
