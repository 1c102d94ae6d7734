"""The payments' pages: paying in few clicks, choosing debts, refusals, voids (about 5 s)."""

from __future__ import annotations

import re

import pytest

from tests.web.owing import shop
from tracker.money import Money
from tracker.shop import books, cash, payables, payments


@pytest.fixture
def s(app):
    with shop() as made:
        yield made


def _pay(client, s, query="", **more):
    typed = {"amount": "569.00", "account": s.bank.id, "paid_on": "2026-11-23", "reference": "", "note": ""}
    return client.send(f"/payments/new?supplier={s.kimani}{query}", **typed | more)


def test_a_stranger_and_the_till_may_not_pay_and_the_viewer_only_reads(s, zawadi, juma, browser_of):
    assert zawadi.get("/payments").status_code == 303
    assert juma.get("/payments").status_code == 403
    vera = browser_of("vera")
    assert vera.get("/payments").status_code == 200
    assert vera.get("/payments/new").status_code == 403
    assert _pay(vera, s).status_code == 403


def test_from_the_debts_to_paid_is_two_clicks_with_what_is_overdue_filled_in(s, amina):
    link = re.search(r'href="(/payments/new\?supplier=\d+)"[^>]*>Pay…', amina.get("/debts").text)
    page = amina.get(link[1]).text
    assert 'name="amount"' in page and 'value="569.00"' in page
    assert "You owe USD 649, of which USD 569 is overdue." in page
    assert re.search(rf'<option[^>]*value="{s.bank.id}"[^>]*selected|<option selected[^>]*value="{s.bank.id}"', page), (
        "the till does not hold enough"
    )
    answer = amina.send(link[1], amount="569.00", account=s.bank.id, paid_on="2026-11-23")
    assert answer.status_code == 303
    assert payables.outstanding(s.kimani) == Money(80_00)
    shown = amina.get(answer.headers["Location"]).text
    assert "USD 569.00 is paid. Bank now holds USD 4,431.00." in shown
    assert "INV-1180" in shown and "INV-1192" in shown and "INV-1201" not in shown


def test_with_nothing_overdue_what_is_due_first_is_filled_in(s, amina):
    assert 'value="215.00"' in amina.get(f"/payments/new?supplier={s.nur}").text


def test_one_debt_can_be_paid_in_part_by_its_own_link(s, amina):
    page = amina.get(f"/payments/new?supplier={s.kimani}&debt={s.soon.id}").text
    assert "This pays INV-1201." in page and 'value="80.00"' in page
    _pay(amina, s, f"&debt={s.soon.id}", amount="30.00")
    assert payables.get(s.soon.id).left_to_pay == Money(50_00)
    assert payables.get(s.old.id).left_to_pay == Money(324_00)


def test_the_parts_typed_beside_the_debts_decide(s, amina):
    parts = {f"part-{s.late.id}": "45.00", f"part-{s.soon.id}": "5.00"}
    assert _pay(amina, s, amount="50.00", **parts).status_code == 303
    assert payments.parts_of(1) == [(s.late.id, Money(45_00)), (s.soon.id, Money(5_00))]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"amount": "649.01"}, "You owe Kimani Wholesale only USD 649.00."),
        ({"amount": "0"}, "The amount must be more than zero."),
        ({"amount": "12,5"}, "can&#39;t be read as an amount"),
        ({"paid_on": "2026-11-24"}, "The day of the payment is in the future."),
        ({"account": ""}, "Choose one from the list."),
        ({"account": "99"}, "Choose one from the list."),
    ],
)
def test_a_refused_payment_keeps_what_was_typed_and_books_nothing(s, amina, typed, sentence):
    answer = _pay(amina, s, reference="QKJ3H81", **typed)
    assert answer.status_code == 422
    assert sentence in answer.text and "QKJ3H81" in answer.text
    assert payables.outstanding(s.kimani) == Money(649_00)


def test_a_till_that_holds_too_little_says_so_at_the_amount(s, amina):
    answer = _pay(amina, s, account=s.till.id)
    assert answer.status_code == 422
    assert 'href="#amount">The till holds only USD 400.00.' in answer.text


def test_parts_that_do_not_add_up_and_parts_that_are_no_number_are_refused(s, amina):
    answer = _pay(amina, s, amount="50.00", **{f"part-{s.late.id}": "45.00"})
    assert answer.status_code == 422 and "USD 5.00 of this payment is not set against any debt." in answer.text
    answer = _pay(amina, s, amount="50.00", **{f"part-{s.late.id}": "4x"})
    assert (
        answer.status_code == 422
        and "“4x” can&#39;t be read as an amount" in answer.text
        and 'value="4x"' in answer.text
    )


def test_a_payment_sent_twice_is_paid_once(s, amina):
    first = _pay(amina, s, request_key="the-same-form-twice")
    second = _pay(amina, s, request_key="the-same-form-twice")
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert cash.balance(s.bank.id) == Money(4431_00)


def test_an_overdrawn_bank_is_said_after_the_payment(s, amina):
    cash.pay_out(s.bank.id, Money(4900_00))
    answer = _pay(amina, s)
    assert "Bank now holds USD -469.00. It is overdrawn." in amina.get(answer.headers["Location"]).text


def test_without_a_supplier_the_page_asks_whom(s, amina):
    page = amina.get("/payments/new").text
    assert "Whom do you pay?" in page and f"/payments/new?supplier={s.kimani}" in page


def test_a_shop_without_accounts_is_sent_to_make_one(app, amina):
    from tests.shop.ledgers import TODAY, owe, supplier

    nur = supplier("Nur")
    owe(nur, 100, TODAY)
    assert "No account to pay from" in amina.get(f"/payments/new?supplier={nur}").text


def test_a_voided_payment_is_owed_again_and_struck_out_on_the_list(s, amina, browser_of):
    _pay(amina, s)
    assert "USD 569.00 goes back to Bank, and is owed to Kimani Wholesale again." in amina.get("/payments/1").text
    assert browser_of("wanjiru").send("/payments/1/void", reason="bounced").status_code == 403
    assert amina.send("/payments/1/void", reason="").status_code == 422
    assert amina.send("/payments/1/void", reason="bounced").status_code == 303
    assert payables.outstanding(s.kimani) == Money(649_00)
    assert "Voided on 23 Nov: bounced" in amina.get("/payments/1").text
    assert "is-void" in amina.get("/payments").text
    assert amina.send("/payments/1/void", reason="bounced").status_code == 422
    assert books.verify() == []


def test_the_list_is_searched_exported_and_asks_little(s, amina, statements):
    _pay(amina, s, reference="QKJ3H81")
    amina.get("/payments")
    with statements() as asked:
        assert "QKJ3H81" in amina.get("/payments?q=qkj").text
    assert len(asked) <= 5, asked
    assert "QKJ3H81" not in amina.get("/payments?q=other").text
    assert "569.00" in amina.get("/payments?format=csv").text
    assert amina.get("/payments/99").status_code == 404
