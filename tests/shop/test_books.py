"""The check of the books: silent about sound books, and naming the row of every fault planted in them (about 6 s)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.shop.ledgers import MORNING, TODAY, owe, plant, supplier
from tracker import clock, db
from tracker.config import Config
from tracker.errors import Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import books as check
from tracker.shop import cash, incoming, payables, payments, products, stock, voids

MOVED = "INSERT INTO stock_movement (product_id, at, moved_on, kind, quantity, value) VALUES"
AT = "'2026-11-23T08:00:00.000Z'"
MAIL = (
    "INSERT INTO mail (key, kind, to_address, context, message_id, due_at, created_at, state, stage) "
    f"VALUES ('k', 'test_email', 'a@b.c', '', 'm', {AT}, {AT},"
)


@pytest.fixture
def shop(books: Config) -> Iterator[None]:
    """A shop in which everything happened once: all kinds of rows, voided and not."""
    clock.use("UTC")
    with clock.frozen(MORNING):
        kimani = supplier("Kimani", terms_days=30)
        sugar = products.add("SUG", "Sugar 1 kg", cost=Money(100))
        stock.opening(sugar.id, Quantity.of(10))
        stock.issue(sugar.id, Quantity.of(3), "sale:1")
        voids.void(f"stock:{stock.adjust(sugar.id, Quantity.of(-1), 'damage').id}", "was found")
        incoming.mark_ordered(sugar.id, Quantity.of(24))
        till, bank = cash.add_account("Till", "till", Money(5000)), cash.add_account("Bank", "bank")
        cash.transfer(till.id, bank.id, Money(1000))
        owe(kimani, 2000, TODAY, "INV-1")
        voids.void(owe(kimani, 900, TODAY, "INV-2").document, "not ours")
        payments.record(kimani, till.id, Money(500), TODAY, key="form-0001")
        voids.void(payments.record(kimani, bank.id, Money(300), TODAY, key="form-0002").document, "bounced")
        yield


@pytest.mark.usefixtures("shop")
def test_sound_books_have_no_fault() -> None:
    assert check.verify() == []
    assert check.verify(thorough=False) == []


def test_empty_books_have_no_fault(books: Config) -> None:
    assert check.verify() == []
    assert set(check.figures().values()) == {0}


FAULTS: list[tuple[str, str, tuple[str, str, int | None], str]] = [
    (
        "on hand",
        "UPDATE product SET on_hand = 8000",
        ("I1", "product", 1),
        "SUG: 8 on hand, but its movements add up to 7.",
    ),
    (
        "value",
        "UPDATE product SET stock_value = 701",
        ("I1", "product", 1),
        "SUG: its stock is worth USD 7.01, but its",
    ),
    (
        "on order",
        "UPDATE product SET on_order = 1000",
        ("I1", "product", 1),
        "SUG: 1 on order, but its open orders add up to 24.",
    ),
    (
        "a movement more",
        f"{MOVED} (1, {AT}, '2026-11-23', 'in', 5, 0)",
        ("I1", "product", 1),
        "SUG: 7 on hand, but its movements add up to 7.005.",
    ),
    ("a movement less", "DELETE FROM stock_movement WHERE kind = 'out'", ("I1", "product", 1), "SUG: 7 on hand"),
    (
        "balance",
        "UPDATE cash_account SET balance = 3501 WHERE id = 1",
        ("I4", "cash_account", 1),
        "Till shows USD 35.01, but its",
    ),
    (
        "a changed entry",
        "UPDATE cash_entry SET amount = 4999 WHERE id = 1",
        ("I4", "cash_account", 1),
        "Till shows USD 35.00, but",
    ),
    (
        "left",
        "UPDATE payable SET left_to_pay = 1499 WHERE id = 1",
        ("I3", "payable", 1),
        "Kimani INV-1: USD 14.99 left to pay, but its",
    ),
    (
        "the debt's amount",
        "UPDATE payable SET amount = 2001 WHERE id = 1",
        ("I3", "payable", 1),
        "Kimani INV-1: the debt says USD 20.01",
    ),
    (
        "a voided debt",
        "UPDATE payable SET left_to_pay = 900 WHERE id = 2",
        ("I3", "payable", 2),
        "Kimani INV-2: USD 9.00 left to pay",
    ),
    (
        "a payment's amount",
        "UPDATE payment SET amount = 501 WHERE id = 1",
        ("I2", "payment", 1),
        "Payment 1 of USD 5.01 settled USD 5.00",
    ),
    (
        "a payment's cash",
        "UPDATE cash_entry SET source = '' WHERE source = 'payment:1'",
        ("I2", "payment", 1),
        "Payment 1 of USD 5.00 settled USD 5.00 of debts and took USD 0.00 out of cash.",
    ),
    (
        "an unequal reversal",
        "UPDATE payable_entry SET amount = 299 WHERE kind = 'reversal' AND source = 'payment:2'",
        ("I5", "payable_entry", 6),
        "is not the exact opposite of row",
    ),
    (
        "another product's reversal",
        "UPDATE stock_movement SET value = value + 1 WHERE kind = 'reversal'",
        ("I5", "stock_movement", 4),
        "Row 4 of stock_movement is not the exact opposite of row 3, which it takes back.",
    ),
    (
        "half a void",
        "DELETE FROM cash_entry WHERE kind = 'reversal'",
        ("I5", "cash_entry", 5),
        "payment:2 was voided, but row 5 of cash_entry still stands.",
    ),
    (
        "a void of nothing",
        f"INSERT INTO void (document, reason, voided_on, at) VALUES ('payment:1', 'x', '2026-11-23', {AT})",
        ("I5", "void", 4),
        "payment:1 was voided, but nothing of it was taken back.",
    ),
    (
        "a reversal without a void",
        "DELETE FROM void WHERE document = 'payment:2'",
        ("I5", "cash_entry", 6),
        "Row 6 of cash_entry takes back row 5, but nothing was voided.",
    ),
    (
        "goods taken back without a void",
        "DELETE FROM void WHERE document = 'stock:3'",
        ("I5", "stock_movement", 4),
        "Row 4 of stock_movement takes back row 3, but nothing was voided.",
    ),
    (
        "a void nobody made",
        "DELETE FROM audit WHERE action = 'void' AND subject = 'payment:2'",
        ("I11", "void", 3),
        "payment:2 was voided, but the record does not say by whom.",
    ),
    (
        "a key of nothing",
        "UPDATE request_key SET document = 'payment:77' WHERE key = 'form-0001'",
        ("I6", "request_key", None),
        "The form form-0001 made payment:77, which does not exist.",
    ),
    (
        "two keys of one payment",
        f"INSERT INTO request_key VALUES ('form-0003', 'payment:1', {AT})",
        ("I6", "request_key", None),
        "payment:1 was made by 2 forms.",
    ),
    ("a mail sent at no time", f"{MAIL} 'sent', NULL)", ("I9", "mail", 1), "Mail 1 counts as sent"),
    ("a mail sent by nobody", f"{MAIL} 'sending', 'data')", ("I9", "mail", 1), "Mail 1 is being sent, but by nobody"),
    ("a waiting mail at a stage", f"{MAIL} 'queued', 'data')", ("I9", "mail", 1), "Mail 1 is queued, yet at the stage"),
]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(("sql", "where", "words"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_the_check_names_the_row_of_a_planted_fault(sql: str, where: tuple[Any, ...], words: str) -> None:
    db.books.pragma("foreign_keys", 0)
    plant(sql)
    found = check.verify(thorough=False)
    assert [
        fault for fault in found if (fault.invariant, fault.table, fault.row) == where and words in fault.sentence
    ], found


@pytest.mark.usefixtures("shop")
def test_stock_below_zero_is_a_fault_only_where_the_shop_forbids_it() -> None:
    from tracker.shop import settings

    settings.change(allow_negative_stock=True)
    stock.issue(1, Quantity.of(9), "sale:2")
    assert check.verify() == []
    settings.change(allow_negative_stock=False)
    assert [fault.sentence for fault in check.verify()] == ["SUG: -2 on hand, which is below zero."]


@pytest.mark.usefixtures("shop")
def test_a_till_below_zero_is_a_fault_even_when_its_entries_agree() -> None:
    with db.write():
        plant("UPDATE cash_account SET balance = -1 WHERE id = 1")
        plant("UPDATE cash_entry SET amount = 1499 WHERE id = 1")
    assert "Till holds USD -0.01, which is below zero." in [fault.sentence for fault in check.verify()]


@pytest.mark.usefixtures("shop")
def test_a_missing_guard_is_a_fault() -> None:
    db.books.execute_sql("DROP TRIGGER append_only_cash_entry_delete")
    assert check.verify() == [
        check.Fault("I5", "The guard that keeps rows of cash_entry from being removed is missing.", "cash_entry")
    ]


@pytest.mark.usefixtures("shop")
def test_a_row_that_points_to_nothing_is_a_fault() -> None:
    db.books.pragma("foreign_keys", 0)
    plant("UPDATE payment SET account_id = 9 WHERE id = 1")
    assert (
        check.Fault("I12", "Row 1 of payment points to a cash_account that does not exist.", "payment", 1)
        in check.verify()
    )


@pytest.mark.usefixtures("shop")
def test_a_check_constraint_that_does_not_hold_is_a_fault_of_the_file() -> None:
    plant("UPDATE supplier SET terms_days = 9999")
    assert ["The file is damaged: CHECK constraint failed in supplier."] == [fault.sentence for fault in check.verify()]


@pytest.mark.usefixtures("shop")
def test_ledger_rows_can_not_be_changed_or_removed() -> None:
    for table in check.LEDGERS[:5]:
        for sql in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match=f"rows of {table} are never changed or removed"), db.write():
                db.books.execute_sql(sql)


@pytest.mark.usefixtures("shop")
def test_the_figures_tell_one_state_of_the_books_from_the_next() -> None:
    before = check.figures()
    assert (before["stock_value"], before["owed"], before["cash"], before["payment_rows"]) == (700, 1500, 4500, 2)
    payments.record(1, 1, Money(100), TODAY)
    after = check.figures()
    assert {name for name in before if before[name] != after[name]} == {
        "owed",
        "cash",
        "payment_rows",
        "cash_entry_rows",
    }


@pytest.mark.usefixtures("shop")
def test_a_check_in_the_middle_of_the_trade_sees_one_moment_and_no_fault() -> None:
    stop, faults = threading.Event(), []

    def trade() -> None:
        while not stop.is_set():
            try:
                payments.record(1, 2, Money(1), TODAY)
                cash.take(2, Money(1))
            except Refused:
                break

    thread = threading.Thread(target=trade)
    thread.start()
    for _ in range(60):
        faults += check.verify(thorough=False)
    stop.set()
    thread.join(30)
    assert faults == []
    assert payables.outstanding(1) < Money(1500), "nobody traded meanwhile"


def test_a_hundred_thousand_products_are_checked_in_reasonable_time(books: Config) -> None:
    with db.write():
        db.books.execute_sql(
            f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            INSERT INTO product (sku, sku_key, name, name_key, on_hand, stock_value, created_at)
            SELECT 'P' || i, 'p' || i, 'N' || i, 'n' || i, 3000, 30, {AT} FROM n"""
        )
        for _ in range(3):
            db.books.execute_sql(
                f"""INSERT INTO stock_movement (product_id, at, moved_on, kind, quantity, value)
                SELECT id, {AT}, '2026-11-23', 'in', 1000, 10 FROM product"""
            )
    started = clock.monotonic()
    assert check.verify(thorough=False) == []
    assert clock.monotonic() - started < 5
