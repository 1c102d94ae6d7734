"""The morning page: what to pay, what to order, what is there, and what went wrong (about 4 s)."""

from __future__ import annotations

import pytest

from tests.shop.ledgers import MORNING, owe
from tests.web.owing import day, shop
from tracker import clock
from tracker.money import Money
from tracker.ops import schedules, timetable
from tracker.quantity import Quantity
from tracker.shop import cash, incoming, payables, products, settings, stock


@pytest.fixture
def s(app):
    with shop() as made:
        yield made


def _low(sku, name, level, on_hand, **more):
    product = products.add(sku, name, reorder_level=Quantity.of(level), **more)
    if on_hand:
        stock.opening(product.id, Quantity.of(on_hand))
    return product.id


def test_a_stranger_is_sent_to_the_log_in(s, zawadi, people):
    assert zawadi.get("/").status_code == 303


def test_amina_sees_what_is_overdue_with_a_link_to_pay_and_what_comes(s, amina):
    page = amina.get("/").text
    assert "Good morning, Amina" in page and "Monday 23 November" in page
    assert "USD 569" in page and "overdue, to 1 supplier · USD 80 more within 7 days" in page
    assert "2 invoices, oldest 12 days late" in page and "due tomorrow" in page
    assert f'href="/payments/new?supplier={s.kimani}"' in page
    assert "INV-2207" not in page, "it is due in twenty days"


@pytest.mark.parametrize(("hour", "words"), [(5, "morning"), (12, "afternoon"), (18, "evening")])
def test_the_greeting_knows_the_time_of_day(s, browser_of, hour, words):
    with clock.frozen(MORNING.replace(hour=hour)):
        assert f"Good {words}, Amina" in browser_of("amina").get("/").text


def test_a_promised_debt_stands_last_with_its_reason_and_out_of_the_sum(s, amina):
    payables.promise(owe(s.nur, 98_00, day(-1), "EL-42").id, day(2))
    page = amina.get("/").text
    assert "USD 569" in page and "promised for 25 Nov" in page
    assert page.index("due tomorrow") < page.index("promised for")


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (649_00, "covers what is overdue and due in the next 7 days<"),
        (700_00, "covers what is overdue and due in the next 7 days, and USD 51 stays"),
        (600_00, "covers what is overdue, and USD 31 stays"),
        (568_00, "USD 1 short of what is overdue"),
    ],
)
def test_the_money_says_whether_it_covers_what_is_due(s, amina, held, words):
    cash.pay_out(s.bank.id, Money(5000_00))
    (cash.take if held > 400_00 else cash.pay_out)(s.till.id, Money(abs(held - 400_00)))
    assert words in amina.get("/").text


def test_what_to_order_comes_sold_out_first_and_what_is_ordered_last(s, amina):
    _low("SUG", "Sugar 1 kg", 24, 6, reorder_quantity=Quantity.of(48))
    _low("MLK", "Milk 500 ml", 48, 0)
    oil = _low("OIL", "Cooking oil", 20, 9)
    incoming.mark_ordered(oil, Quantity.of(60), day(3))
    products.snooze(_low("TEA", "Tea", 10, 1), day(9))
    _low("RIC", "Rice", 5, 40)
    page = amina.get("/").text
    assert "2 products" in page and "1 sold out · 2 new · 1 ordered already" in page
    assert page.index("Milk 500 ml") < page.index("Sugar 1 kg") < page.index("Cooking oil")
    assert "order 48 · level 24" in page and "60 coming Thursday" in page and "6 left" in page
    assert "Tea" not in page.replace("Teas", "") and "Rice" not in page


def test_the_till_sees_what_to_order_but_neither_debts_nor_money(s, juma):
    _low("MLK", "Milk 500 ml", 48, 0)
    page = juma.get("/").text
    assert "Milk 500 ml" in page
    assert "Kimani" not in page and "USD" not in page and "To pay" not in page


def test_the_next_reminder_is_named_from_its_schedule(s, amina):
    before = dict(timetable.declared())
    try:
        timetable.declare("debt_reminders", at="08:30")
        schedules.sync()
    finally:
        timetable.declared().clear()
        timetable.declared().update(before)
    assert "next reminder today 08:30" in amina.get("/").text
    schedules.pause("debt_reminders")
    assert "next reminder" not in amina.get("/").text


def test_a_new_shop_is_shown_its_first_steps_and_a_running_one_is_not(app, amina):
    page = amina.get("/").text
    assert "0 of 5 done" in page and 'href="/cash/accounts/new"' in page
    cash.add_account("Till", "till", Money(1))
    assert "1 of 5 done" in amina.get("/").text
    _low("MLK", "Milk 500 ml", 48, 0)
    assert "First steps" not in amina.get("/").text


def test_what_went_wrong_is_said_with_a_fix_to_those_who_may_see_it(s, amina, juma):
    settings.change(is_set_up=True)
    assert "What went wrong" in amina.get("/").text, "nobody can be reached by mail"
    assert "What went wrong" not in juma.get("/").text


def test_the_page_itself_asks_little(s, juma, amina, statements):
    juma.get("/")
    with statements() as asked:
        juma.get("/")
    assert len(asked) <= 5, asked
    with statements() as asked:
        amina.get("/")
    ours = [sql for sql in asked if "payable" in sql or "cash_account" in sql or "FROM product" in sql]
    assert len(ours) <= 4, asked
