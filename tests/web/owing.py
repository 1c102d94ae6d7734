"""A small shop for the pages of debts, payments and money, on a day that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import SimpleNamespace

from tests.shop.ledgers import MORNING, TODAY, owe, supplier
from tracker import clock
from tracker.money import Money
from tracker.shop import cash


def day(number: int) -> date:
    return TODAY + timedelta(days=number)


@contextmanager
def shop() -> Iterator[SimpleNamespace]:
    """Kimani is owed two late debts and one for tomorrow, Nur one for later; the till and the bank hold money."""
    clock.use("UTC")
    with clock.frozen(MORNING):
        kimani, nur = supplier("Kimani Wholesale"), supplier("Nur Traders")
        yield SimpleNamespace(
            kimani=kimani,
            nur=nur,
            old=owe(kimani, 324_00, day(-12), "INV-1180"),
            late=owe(kimani, 245_00, day(-3), "INV-1192"),
            soon=owe(kimani, 80_00, day(1), "INV-1201"),
            later=owe(nur, 215_00, day(20), "INV-2207"),
            till=cash.add_account("Till", "till", Money(400_00)),
            bank=cash.add_account("Bank", "bank", Money(5000_00)),
        )
