"""Questions about the stock ledger: a product's history, what all the goods are worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tracker import db
from tracker.money import Money
from tracker.quantity import Quantity


@dataclass(frozen=True, slots=True)
class MovementRow:
    """A movement on a page; `on_hand` is what was there after it, `is_reversed` whether a later one took it back."""

    id: int
    at: datetime
    moved_on: date
    kind: str
    reason: str | None
    quantity: Quantity
    value: Money
    source: str
    note: str
    who: str
    on_hand: Quantity
    reverses_id: int | None
    is_reversed: bool


def of(product_id: int, limit: int = 50, before_id: int | None = None) -> list[MovementRow]:
    """A product's movements, newest first; `before_id` continues below a movement. One statement."""
    found = db.rows(
        "SELECT m.id, m.at, m.moved_on, m.kind, m.reason, m.quantity, m.value, m.source, m.note, COALESCE(u.name, ''), "
        "m.on_hand, m.reverses_id, EXISTS (SELECT 1 FROM stock_movement r WHERE r.reverses_id = m.id) FROM ("
        "SELECT *, SUM(quantity) OVER (ORDER BY id) AS on_hand FROM stock_movement WHERE product_id = ?) m "
        "LEFT JOIN user u ON u.id = m.user_id WHERE m.id < ? ORDER BY m.id DESC LIMIT ?",
        product_id,
        before_id if before_id is not None else 2**62,
        limit,
    )
    return [
        MovementRow(
            row[0], datetime.fromisoformat(row[1]), date.fromisoformat(row[2]), row[3], row[4], Quantity(row[5]),
            Money(row[6]), row[7], row[8], row[9] or "Finance Tracker", Quantity(row[10]), row[11], bool(row[12]),
        )
        for row in found
    ]  # fmt: skip


def value_of_all() -> Money:
    """What all the goods in the shop are worth at cost."""
    return Money(db.rows("SELECT COALESCE(SUM(stock_value), 0) FROM product")[0][0])
