"""Voids: once, today, with a reason, in every ledger at the same moment (about 2 s)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.shop.ledgers import MORNING, TODAY, left, owe, supplier
from tracker import clock, db
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import audit, cash, payables, payments, products, stock, voids
from tracker.shop import books as check


@pytest.fixture(autouse=True)
def _day(books: Config) -> Iterator[None]:
    clock.use("UTC")
    with clock.frozen(MORNING):
        yield


def _paid() -> tuple[int, int, str]:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    debt = owe(kimani, 150, TODAY, "INV-1")
    return debt.id, till.id, payments.record(kimani, till.id, Money(100), TODAY).document


def test_a_voided_payment_is_owed_again_and_back_in_the_till() -> None:
    debt, till, document = _paid()
    row = voids.void(document, "paid to the wrong supplier")
    assert (left(debt), cash.balance(till)) == (150, Money(200))
    assert (row.voided_on, row.reason) == (TODAY, "paid to the wrong supplier")
    assert voids.of(document) == row
    assert check.verify() == []


def test_a_void_is_booked_on_the_day_it_is_made_not_on_the_payments() -> None:
    _, till, document = _paid()
    with clock.frozen(MORNING + timedelta(days=3)):
        voids.void(document, "bounced")
    assert cash.entries(till)[0].moved_on == TODAY + timedelta(days=3)


def test_nothing_is_voided_twice() -> None:
    debt, till, document = _paid()
    voids.void(document, "bounced")
    with pytest.raises(Refused, match="This was voided on 23 Nov 2026 already: bounced"):
        voids.void(document, "bounced")
    assert (left(debt), cash.balance(till)) == (150, Money(200))


def test_a_void_needs_a_reason() -> None:
    _, _, document = _paid()
    with pytest.raises(Refused) as refusal:
        voids.void(document, "  ")
    assert refusal.value.field == "reason"
    assert voids.of(document) is None


def test_a_partly_paid_debt_is_voided_after_its_payment() -> None:
    debt, _, document = _paid()
    with pytest.raises(Refused, match=r"INV-1 is partly paid. Void the payment first."):
        voids.void(f"payable:{debt}", "never delivered")
    voids.void(document, "never delivered")
    voids.void(f"payable:{debt}", "never delivered")
    assert payables.total_owed() == Money(0)
    assert check.verify() == []


def test_a_payment_can_not_be_voided_by_its_cash_entry() -> None:
    _, till, document = _paid()
    entry = cash.entries(till)[0]
    assert entry.source == document
    with pytest.raises(NotFound):
        voids.void(f"cash:{entry.id}", "slip")


def test_a_manual_cash_entry_a_transfer_and_an_opening_balance_are_their_own_documents() -> None:
    till, bank = cash.add_account("Till", "till", Money(100)), cash.add_account("Bank", "bank")
    voids.void(cash.take(till.id, Money(5)).source, "typed twice")
    voids.void(cash.transfer(till.id, bank.id, Money(60)).source, "not brought yet")
    assert [account.balance.minor for account in cash.balances()] == [100, 0]
    voids.void(cash.entries(till.id)[-1].source, "counted wrong")
    assert cash.total_held() == Money(0)
    assert check.verify() == []


def test_a_stock_adjustment_is_its_own_document() -> None:
    sugar = products.add("SUG", "Sugar 1 kg", cost=Money(100))
    stock.opening(sugar.id, Quantity.of(10))
    broken = stock.adjust(sugar.id, Quantity.of(-3), "damage")
    voids.void(f"stock:{broken.id}", "they were found")
    assert products.get(sugar.id).on_hand == Quantity.of(10)
    assert products.get(sugar.id).stock_value == Money(1000)
    with pytest.raises(Refused, match="voided on"):
        voids.void(f"stock:{broken.id}", "they were found")
    assert check.verify() == []


def test_goods_that_are_gone_can_not_be_taken_back() -> None:
    sugar = products.add("SUG", "Sugar 1 kg", cost=Money(100))
    receipt = stock.receive(sugar.id, Quantity.of(10), Money(900))
    stock.adjust(sugar.id, Quantity.of(-6), "own_use")
    with pytest.raises(Refused, match="Only 4 left"):
        voids.void(f"stock:{receipt.id}", "sent back")
    assert voids.of(f"stock:{receipt.id}") is None


def test_one_source_is_reversed_in_every_ledger_at_once() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(500))
    sugar = products.add("SUG", "Sugar 1 kg")
    with db.write():
        stock.receive(sugar.id, Quantity.of(4), Money(800), source="purchase:1")
        cash.pay_out(till.id, Money(300), source="purchase:1")
        payables.owe(kimani, Money(500), TODAY, source="purchase:1")
    with pytest.raises(Refused, match="belongs to purchase 1"):
        voids.void("stock:1", "wrong")
    voids.void("purchase:1", "sent back")
    assert (products.get(sugar.id).on_hand, cash.balance(till.id), payables.total_owed()) == (
        Quantity(0),
        Money(500),
        Money(0),
    )
    assert check.verify() == []


def test_the_record_says_who_voided_what_and_why() -> None:
    _, _, document = _paid()
    with audit.acting(audit.Actor(None, "Amina")):
        voids.void(document, "bounced")
    noted = audit.of(document)[0]
    assert (noted.who, noted.action, noted.detail) == ("Amina", "void", '{"reason": "bounced"}')


def test_unknown_documents_are_not_found_and_leave_no_trace() -> None:
    for document in ("payment:9", "payable:9", "cash:9", "stock:9", "nonsense", ""):
        with pytest.raises(NotFound):
            voids.void(document, "slip")
    assert voids.among(["payment:9"]) == {}
    assert not db.rows("SELECT 1 FROM void")


def test_many_documents_are_asked_for_in_one_go() -> None:
    _, _, document = _paid()
    voids.void(document, "bounced")
    assert list(voids.among([document, "payment:2"])) == [document]
    assert voids.among([]) == {}
