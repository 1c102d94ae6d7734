"""Shops for the tests of what is owed and held: a day that stands still, suppliers, and rows made wrong on purpose."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tracker import db
from tracker.money import Money
from tracker.shop import payables, suppliers
from tracker.shop.payables import Payable

TODAY = date(2026, 11, 23)
MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def supplier(name: str = "Kimani Wholesale", terms_days: int | None = None) -> int:
    """A new supplier's number."""
    return int(suppliers.add(name, terms_days=terms_days).id)


def owe(supplier_id: int, amount: int, due_on: date, reference: str = "") -> Payable:
    """A debt of so many minor units, issued on the day it is due."""
    return payables.owe(supplier_id, Money(amount), due_on, due_on, reference=reference)


def left(payable_id: int) -> int:
    return payables.get(payable_id).left_to_pay.minor


def plant(sql: str, *values: object) -> None:
    """Change the books behind the program's back, as a bug or a stranger with a database tool would."""
    with db.write():
        triggers = db.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        for name, _ in triggers:
            db.books.execute_sql(f"DROP TRIGGER {name}")
        db.books.execute_sql("PRAGMA ignore_check_constraints = 1")
        db.books.execute_sql(sql, values)
        for _, trigger in triggers:
            db.books.execute_sql(trigger)
    db.books.execute_sql("PRAGMA ignore_check_constraints = 0")
