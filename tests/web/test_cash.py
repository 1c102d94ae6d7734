"""The money pages: accounts, the cash book, money in, out and across (about 4 s)."""

from __future__ import annotations

import pytest

from tests.web.owing import shop
from tracker.money import Money
from tracker.shop import books, cash, payments


@pytest.fixture
def s(app):
    with shop() as made:
        yield made


def test_a_stranger_and_the_till_may_not_see_the_money(s, zawadi, juma, browser_of):
    assert zawadi.get("/cash").status_code == 303
    assert juma.get("/cash").status_code == 403
    vera = browser_of("vera")
    assert "New account" not in vera.get("/cash").text
    assert vera.get("/cash/in").status_code == 403


def test_the_page_shows_what_is_where_and_the_book(s, amina, statements):
    payments.record(s.kimani, s.bank.id, Money(300_00), s.soon.issued_on.replace(day=20))
    amina.get("/cash")
    with statements() as asked:
        page = amina.get("/cash").text
    assert "USD 5,100" in page and "USD 400" in page and "USD 4,700" in page
    assert "Paid to Kimani Wholesale" in page and "Opening balance" in page
    assert len(asked) <= 5, asked


def _typed(s, **more):
    return {"account": s.till.id, "amount": "50.00", "note": "Milk for the tea", "moved_on": "2026-11-23"} | more


def test_money_in_and_out_is_booked(s, amina):
    assert amina.send("/cash/in", **_typed(s)).status_code == 303
    assert amina.send("/cash/out", **_typed(s, amount="120.00")).status_code == 303
    assert cash.balance(s.till.id) == Money(330_00)
    assert "Milk for the tea" in amina.get("/cash?q=milk").text
    assert "Opening balance" not in amina.get("/cash?q=milk").text


def test_a_transfer_moves_money_from_one_account_to_the_other(s, amina):
    typed = _typed(s, to_account=s.bank.id, note="")
    assert amina.send("/cash/transfer", **typed).status_code == 303
    assert (cash.balance(s.till.id), cash.balance(s.bank.id)) == (Money(350_00), Money(5050_00))
    answer = amina.send("/cash/transfer", **typed | {"to_account": s.till.id})
    assert answer.status_code == 422 and "Choose two different accounts." in answer.text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"amount": "400.01"}, "The till holds only USD 400.00."),
        ({"amount": "-1"}, "The amount must be more than zero."),
        ({"note": ""}, "Fill in “Purpose”."),
        ({"moved_on": "2026-11-24"}, "This day is in the future."),
        ({"account": "77"}, "Choose one from the list."),
    ],
)
def test_a_wrong_entry_is_refused_with_what_was_typed(s, amina, typed, sentence):
    answer = amina.send("/cash/out", **_typed(s, **typed))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert cash.balance(s.till.id) == Money(400_00)


def test_an_entry_sent_twice_is_booked_once(s, amina):
    for _ in range(2):
        assert amina.send("/cash/in", **_typed(s, request_key="the-same-form-twice")).status_code == 303
    assert cash.balance(s.till.id) == Money(450_00)


def test_a_manual_entry_is_voided_but_a_payments_entry_is_not(s, amina, browser_of):
    amina.send("/cash/in", **_typed(s))
    number = cash.entries(s.till.id)[0].id
    assert "USD 50.00 is taken back out of Till." in amina.get(f"/cash/entries/{number}").text
    assert browser_of("wanjiru").send(f"/cash/entries/{number}/void", reason="slip").status_code == 403
    assert amina.send(f"/cash/entries/{number}/void", reason="").status_code == 422
    assert amina.send(f"/cash/entries/{number}/void", reason="typed twice").status_code == 303
    assert cash.balance(s.till.id) == Money(400_00)
    assert "Voided on 23 Nov: typed twice" in amina.get(f"/cash/entries/{number}").text
    payments.record(s.kimani, s.bank.id, Money(1_00), s.soon.issued_on.replace(day=20))
    page = amina.get(f"/cash/entries/{cash.entries(s.bank.id)[0].id}").text
    assert "Open payment 1" in page and "Void…" not in page
    assert books.verify() == []


def test_a_payment_is_never_voided_by_way_of_the_cash_book(s, browser_of, amina):
    payments.record(s.kimani, s.bank.id, Money(1_00), s.soon.issued_on.replace(day=20))
    number = cash.entries(s.bank.id)[0].id
    answer = amina.send(f"/cash/entries/{number}/void", reason="slip")
    assert answer.status_code == 422 and "Void the payment itself" in answer.text
    assert cash.balance(s.bank.id) == Money(4999_00)


def test_an_account_is_added_with_what_is_in_it_renamed_and_archived_when_empty(s, amina):
    typed = {"name": "M-Pesa", "kind": "mobile_money", "opening": "615.00"}
    assert amina.send("/cash/accounts", **typed).status_code == 303
    account = cash.balances()[-1]
    assert (account.name, account.balance) == ("M-Pesa", Money(615_00))
    assert amina.send("/cash/accounts", **typed).status_code == 422
    assert amina.send(f"/cash/accounts/{account.id}", name="M-Pesa till").status_code == 303
    assert amina.send(f"/cash/accounts/{account.id}/archive").status_code == 422
    cash.pay_out(account.id, Money(615_00))
    assert amina.send(f"/cash/accounts/{account.id}/archive").status_code == 303
    assert [one.name for one in cash.balances()] == ["Till", "Bank"]


def test_the_book_is_filtered_by_account_and_exported(s, amina):
    rows = amina.get(f"/cash?account={s.bank.id}&format=csv").data.decode("utf-8-sig").splitlines()
    assert rows[0] == "number,date,account,amount,notes,recorded_by,voided"
    assert rows[1:] == ["2,2026-11-23,Bank,5000.00,Opening balance,Finance Tracker,no"]


def test_an_empty_shop_is_asked_where_its_money_is(app, amina):
    assert "Where is your money?" in amina.get("/cash").text
    assert "No account yet" in amina.get("/cash/in").text
    assert amina.get("/cash/entries/9").status_code == 404
