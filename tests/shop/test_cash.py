"""The cash book: what is in the till, at the bank and in mobile money (about 2 s)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shop.ledgers import MORNING
from tracker import clock, db
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.shop import audit, cash


@pytest.fixture(autouse=True)
def _day(books: Config) -> Iterator[None]:
    with clock.frozen(MORNING):
        yield


def test_an_account_begins_with_what_is_in_it() -> None:
    till = cash.add_account("Till", "till", Money(18_230))
    assert cash.balance(till.id) == Money(18_230)
    assert [(row.kind, row.amount.minor, row.source) for row in cash.entries(till.id)] == [
        ("opening", 18_230, "cash:1")
    ]


def test_an_empty_account_begins_without_an_entry() -> None:
    assert cash.entries(cash.add_account("Till", "till").id) == []


def test_two_accounts_may_not_share_a_name() -> None:
    cash.add_account("M-Pesa", "mobile_money")
    with pytest.raises(Refused, match="There is an account “M-Pesa” already") as refusal:
        cash.add_account("m-pesa ", "till")
    assert refusal.value.field == "name"


def test_money_comes_and_goes_and_the_balance_follows() -> None:
    till = cash.add_account("Till", "till", Money(100))
    cash.take(till.id, Money(50), note="Change from the bank")
    cash.pay_out(till.id, Money(30), note="Milk for the tea")
    assert cash.balance(till.id) == Money(120)
    assert [row.amount.minor for row in cash.entries(till.id)] == [-30, 50, 100]


@pytest.mark.parametrize(("name", "kind", "who"), [("Till", "till", "The till"), ("M-Pesa", "mobile_money", "M-Pesa")])
def test_a_till_gives_no_more_than_it_holds(name: str, kind: str, who: str) -> None:
    account = cash.add_account(name, kind, Money(100))
    with pytest.raises(Refused, match=rf"{who} holds only USD 1.00."):
        cash.pay_out(account.id, Money(101))
    assert cash.balance(account.id) == Money(100)
    cash.pay_out(account.id, Money(100))
    assert cash.balance(account.id) == Money(0)


def test_a_bank_account_may_be_overdrawn() -> None:
    bank = cash.add_account("Bank", "bank")
    cash.pay_out(bank.id, Money(500))
    assert cash.balance(bank.id) == Money(-500)


def test_nothing_and_less_than_nothing_are_no_amounts() -> None:
    till = cash.add_account("Till", "till")
    for amount in (0, -1):
        with pytest.raises(Refused):
            cash.take(till.id, Money(amount))
        with pytest.raises(Refused):
            cash.pay_out(till.id, Money(amount))


def test_a_transfer_moves_money_and_its_two_rows_share_one_source() -> None:
    till, bank = cash.add_account("Till", "till", Money(100)), cash.add_account("Bank", "bank")
    first = cash.transfer(till.id, bank.id, Money(60))
    assert [account.balance.minor for account in cash.balances()] == [40, 60]
    assert {row.source for row in cash.entries()[:2]} == {first.source}
    assert {row.note for row in cash.entries()[:2]} == {"Till to Bank"}


def test_a_transfer_of_more_than_the_till_holds_changes_nothing() -> None:
    till, bank = cash.add_account("Till", "till", Money(100)), cash.add_account("Bank", "bank")
    with pytest.raises(Refused):
        cash.transfer(till.id, bank.id, Money(101))
    with pytest.raises(Refused, match="two different"):
        cash.transfer(till.id, till.id, Money(1))
    assert [account.balance.minor for account in cash.balances()] == [100, 0]
    assert db.rows("SELECT COUNT(*) FROM cash_entry")[0][0] == 1


def test_a_reversal_posts_the_opposite_once() -> None:
    till, bank = cash.add_account("Till", "till", Money(100)), cash.add_account("Bank", "bank")
    source = cash.transfer(till.id, bank.id, Money(60)).source
    assert cash.reverse(source) == 2
    assert cash.reverse(source) == 0
    assert [account.balance.minor for account in cash.balances()] == [100, 0]


def test_money_that_is_gone_can_not_be_taken_back_out_of_the_till() -> None:
    till = cash.add_account("Till", "till")
    source = cash.take(till.id, Money(100)).source
    cash.pay_out(till.id, Money(60))
    with pytest.raises(Refused, match="The till holds only USD 0.40"):
        cash.reverse(source)
    assert cash.balance(till.id) == Money(40)


def test_the_same_form_sent_twice_is_booked_once() -> None:
    till, bank = cash.add_account("Till", "till", Money(100)), cash.add_account("Bank", "bank")
    for _ in range(2):
        cash.take(till.id, Money(10), key="form-take")
        cash.pay_out(till.id, Money(20), key="form-pay-out")
        cash.transfer(till.id, bank.id, Money(30), key="form-transfer")
    assert [account.balance.minor for account in cash.balances()] == [60, 30]


def test_an_account_is_archived_when_it_is_empty_and_then_takes_nothing() -> None:
    till = cash.add_account("Till", "till", Money(100))
    with pytest.raises(Refused, match="Till still holds USD 1.00"):
        cash.archive(till.id)
    cash.pay_out(till.id, Money(100))
    cash.archive(till.id)
    assert cash.balances() == []
    assert len(cash.balances(archived=True)) == 1
    with pytest.raises(Refused, match="archived"):
        cash.take(till.id, Money(1))


def test_an_account_can_be_renamed_and_the_record_says_who_did_it() -> None:
    till = cash.add_account("Till", "till")
    with audit.acting(audit.Actor(None, "Amina")):
        cash.rename(till.id, "Front till")
    assert cash.account_of(till.id).name == "Front till"
    assert audit.of(f"cash_account:{till.id}")[0].who == "Amina"


def test_the_book_is_read_newest_first_and_page_by_page() -> None:
    till = cash.add_account("Till", "till")
    for amount in range(1, 8):
        cash.take(till.id, Money(amount))
    first = cash.entries(till.id, limit=3)
    second = cash.entries(till.id, before=first[-1].id, limit=3)
    assert [row.amount.minor for row in first + second] == [7, 6, 5, 4, 3, 2]
    assert cash.total_held() == Money(28)


def test_an_unknown_account_or_entry_is_not_found() -> None:
    with pytest.raises(NotFound):
        cash.take(9, Money(1))
    with pytest.raises(NotFound):
        cash.entry(9)
    with pytest.raises(Refused, match="Choose till"):
        cash.add_account("Safe", "safe")
