"""One statement a table for thousands of rows: what the verbs of the books write one at a time, at a tenth of the cost.

Used inside the import's one `db.write()` only, so the numbers that are given out here stay free until it commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tracker import clock, db
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import audit

_AUDIT = ("at", "user_id", "who", "action", "subject", "detail")


def next_number(table: str) -> int:
    """The number that the table's next row gets."""
    return int(db.rows(f"SELECT COALESCE(MAX(id), 0) + 1 FROM {table}")[0][0])


def insert(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Add rows; Money and Quantity may stand in them."""
    marks = ", ".join("?" * len(columns))
    run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


def change(table: str, number: int, columns: Mapping[str, Any]) -> None:
    """Write some columns of one row."""
    sets = ", ".join(f"{name} = ?" for name in columns)
    run(f"UPDATE {table} SET {sets} WHERE id = ?", [(*columns.values(), number)])


def run(sql: str, rows: Iterable[Sequence[Any]]) -> None:
    """One statement for each of these rows of values."""
    db.books.connection().executemany(sql, ([_stored(value) for value in row] for row in rows))


def note(changes: Iterable[tuple[str, str, Mapping[str, Any]]]) -> None:
    """Audit rows of (action, subject, detail), as `audit.note` writes them."""
    now, who = db.instant_text(clock.now()), audit.actor()
    insert("audit", _AUDIT, [
        (now, who.id, who.name, action, subject,
         json.dumps(detail, ensure_ascii=False, default=str, sort_keys=True) if detail else "")
        for action, subject, detail in changes
    ])  # fmt: skip


def _stored(value: Any) -> Any:
    kind = type(value)
    return value.minor if kind is Money else value.thousandths if kind is Quantity else value
