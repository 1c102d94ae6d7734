"""Payments: money leaves an account and debts are settled, all of it or nothing, and once (about 4 s)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.shop.ledgers import MORNING, TODAY, left, owe, supplier
from tracker import clock, db, money
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.shop import books as check
from tracker.shop import cash, payables, payments


@pytest.fixture(autouse=True)
def _day(books: Config) -> Iterator[None]:
    clock.use("UTC")
    with clock.frozen(MORNING):
        yield


def test_a_payment_settles_the_oldest_debt_first_and_empties_the_till() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    old, young = owe(kimani, 100, TODAY - timedelta(9)), owe(kimani, 100, TODAY)
    payment = payments.record(kimani, till.id, Money(150), TODAY, reference="M-Pesa QX12")
    assert (left(old.id), left(young.id), cash.balance(till.id)) == (0, 50, Money(50))
    assert payments.parts_of(payment.id) == [(old.id, Money(100)), (young.id, Money(50))]
    assert cash.entries(till.id)[0].source == payment.document
    assert check.verify() == []


def test_a_payment_goes_to_the_debts_that_were_chosen() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    old, young = owe(kimani, 100, TODAY - timedelta(9)), owe(kimani, 100, TODAY)
    payments.record(kimani, till.id, Money(70), TODAY, parts={young.id: Money(70), old.id: Money(0)})
    assert (left(old.id), left(young.id)) == (100, 30)


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (60, r"USD 0.40 of this payment is not set against any debt."),
        (140, r"The debts add up to USD 0.40 more than the amount paid."),
    ],
)
def test_parts_that_do_not_make_the_amount_are_refused_with_the_difference(part: int, sentence: str) -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    debt = owe(kimani, 200, TODAY)
    with pytest.raises(Refused, match=sentence) as refusal:
        payments.record(kimani, till.id, Money(100), TODAY, parts={debt.id: Money(part)})
    assert refusal.value.field == "parts"
    _nothing_booked(debt.id, till.id, 200)


def test_a_payment_never_reaches_another_suppliers_debt() -> None:
    kimani, nur, till = supplier("Kimani"), supplier("Nur"), cash.add_account("Till", "till", Money(200))
    debt = owe(nur, 200, TODAY)
    with pytest.raises(Refused, match="another supplier"):
        payments.record(kimani, till.id, Money(100), TODAY, parts={debt.id: Money(100)})
    _nothing_booked(debt.id, till.id, 200)


def test_money_paid_ahead_is_refused_and_nothing_is_booked() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    debt = owe(kimani, 100, TODAY)
    with pytest.raises(Refused, match="You owe Kimani Wholesale only USD 1.00"):
        payments.record(kimani, till.id, Money(101), TODAY)
    _nothing_booked(debt.id, till.id, 100)


def test_a_till_without_enough_money_pays_nothing_at_all() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    debt = owe(kimani, 300, TODAY)
    with pytest.raises(Refused, match="The till holds only USD 2.00"):
        payments.record(kimani, till.id, Money(300), TODAY)
    _nothing_booked(debt.id, till.id, 300)


def _nothing_booked(payable_id: int, account_id: int, owed: int) -> None:
    assert left(payable_id) == owed
    assert cash.balance(account_id) == Money(200)
    assert not db.rows("SELECT 1 FROM payment")
    assert check.verify() == []


def test_a_payment_in_the_future_and_one_of_nothing_are_refused() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    owe(kimani, 100, TODAY)
    with pytest.raises(Refused, match="in the future"):
        payments.record(kimani, till.id, Money(1), TODAY + timedelta(1))
    with pytest.raises(Refused, match="more than zero"):
        payments.record(kimani, till.id, Money(0), TODAY)
    with pytest.raises(NotFound):
        payments.record(kimani, 99, Money(1), TODAY)


def test_a_payment_of_last_week_is_booked_on_its_own_day() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    debt = owe(kimani, 100, TODAY)
    day = TODAY - timedelta(7)
    payments.record(kimani, till.id, Money(100), day)
    assert payables.entries(debt.id)[-1].moved_on == day
    assert cash.entries(till.id)[0].moved_on == day


def test_a_key_belongs_to_one_payment() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    owe(kimani, 200, TODAY)
    first = payments.record(kimani, till.id, Money(100), TODAY, key="form-0001")
    again = payments.record(kimani, till.id, Money(100), TODAY, key="form-0001")
    assert first.id == again.id
    assert payables.outstanding(kimani) == Money(100)
    with pytest.raises(Refused, match="used for something else"):
        cash.take(till.id, Money(1), key="form-0001")


def test_a_refused_form_may_be_sent_again_with_its_key() -> None:
    kimani, till = supplier(), cash.add_account("Till", "till", Money(200))
    owe(kimani, 200, TODAY)
    with pytest.raises(Refused):
        payments.record(kimani, till.id, Money(201), TODAY, key="form-0001")
    assert payments.record(kimani, till.id, Money(200), TODAY, key="form-0001").id == 1


@pytest.mark.parametrize("code", ["KES", "JPY", "TND"])
def test_39_91_in_three_parts_comes_out_even_in_every_currency(code: str) -> None:
    money.use(code, money.places_of(code), "en_KE")
    kimani, till = supplier(), cash.add_account("Till", "till", Money(10_000))
    amount = Money.parse_plain({"KES": "39.91", "JPY": "3991", "TND": "3.991"}[code])
    assert amount == Money(3991)
    debt = owe(kimani, amount.minor, TODAY)
    for part in amount.split([1, 1, 1]):
        payments.record(kimani, till.id, part, TODAY)
    assert left(debt.id) == 0
    assert cash.balance(till.id) == Money(10_000 - 3991)
    assert check.verify() == []


@pytest.mark.parametrize("key", ["", "one-form-sent-eight-times"])
def test_eight_people_pay_one_debt_at_once_and_it_is_paid_once(key: str) -> None:
    kimani, bank = supplier(), cash.add_account("Bank", "bank", Money(100_000))
    debt = owe(kimani, 3991, TODAY)
    start, paid, refused = threading.Barrier(8), [], []

    def pay() -> None:
        start.wait()
        try:
            paid.append(payments.record(kimani, bank.id, Money(3991), TODAY, key=key).id)
        except Refused as refusal:
            refused.append(refusal.message)
        finally:
            db.release()

    threads = [threading.Thread(target=pay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert db.rows("SELECT COUNT(*) FROM payment") == [(1,)]
    assert set(paid) == {1}
    assert len(refused) == (0 if key else 7)
    assert set(refused) <= {"You owe Kimani Wholesale nothing."}
    assert (left(debt.id), cash.balance(bank.id)) == (0, Money(100_000 - 3991))
    assert check.verify() == []
