"""What happens to a product's stock, on its pages: received, counted, lost, ordered, put off, voided. About 5 s."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from tests.web.conftest import Browser
from tracker import clock
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import incoming, products, stock
from tracker.shop.notifications import Notification
from tracker.shop.products import Product


def q(units: int) -> Quantity:
    return Quantity.of(units)


@pytest.fixture
def chai(app: Flask) -> int:
    number = products.add("CHA", "Chai", cost=Money(1000), reorder_level=q(3)).id
    stock.opening(number, q(10))
    return number


def now(number: int) -> Product:
    return products.get(number)


def test_goods_received_raise_the_stock_and_close_the_order(amina: Browser, chai: int) -> None:
    incoming.mark_ordered(chai, q(5))
    assert 'value="10.00"' in amina.get(f"/products/{chai}/receive").text
    answer = amina.send(f"/products/{chai}/receive", quantity="6", unit_cost="12.50", note="DN 118")
    assert answer.location == f"/products/{chai}"
    product = now(chai)
    assert (product.on_hand, product.stock_value, product.cost, product.on_order) == (
        q(16), Money(17_500), Money(1250), q(0),
    )  # fmt: skip
    page = amina.get(f"/products/{chai}").text
    assert "DN 118" in page and "Received" in page


def test_a_cashier_receives_goods_at_the_known_cost(juma: Browser, chai: int) -> None:
    assert juma.send(f"/products/{chai}/receive", quantity="1", unit_cost="999").status_code == 303
    assert (now(chai).stock_value, now(chai).cost) == (Money(11_000), Money(1000))


@pytest.mark.parametrize("typed", ["", "0", "-1", "1.5", "many"])
def test_a_quantity_that_makes_no_sense_stays_in_the_form(amina: Browser, chai: int, typed: str) -> None:
    answer = amina.send(f"/products/{chai}/receive", quantity=typed, unit_cost="12", note="keep")
    assert answer.status_code == 422 and 'href="#quantity"' in answer.text and "keep" in answer.text
    assert now(chai).on_hand == q(10)


def test_a_double_click_books_once(amina: Browser, chai: int) -> None:
    fields = {"quantity": "2", "unit_cost": "10", "note": "", "request_key": "abcdefgh12345678"}
    for _ in range(2):
        assert amina.send(f"/products/{chai}/receive", **fields).status_code == 303
    assert now(chai).on_hand == q(12)


def test_a_count_takes_over_what_is_on_the_shelf(amina: Browser, chai: int) -> None:
    amina.send(f"/products/{chai}/count", counted="7", note="")
    assert now(chai).on_hand == q(7)
    answer = amina.send(f"/products/{chai}/count", counted="7", note="")
    assert "nothing changed" in amina.get(answer.location).text
    answer = amina.send(f"/products/{chai}/count", counted="-7", note="")
    assert answer.status_code == 422 and 'href="#counted"' in answer.text


def test_what_is_gone_needs_a_reason_and_tells_people_when_it_got_low(amina: Browser, chai: int) -> None:
    answer = amina.send(f"/products/{chai}/adjust", quantity="2", reason="", note="")
    assert answer.status_code == 422 and 'href="#reason"' in answer.text
    amina.send(f"/products/{chai}/adjust", quantity="2", reason="count", note="")
    assert now(chai).on_hand == q(10)  # a count is no loss
    answer = amina.send(f"/products/{chai}/adjust", quantity="12", reason="damage", note="")
    assert answer.status_code == 422 and "Only 10 left" in answer.text
    amina.send(f"/products/{chai}/adjust", quantity="7", reason="damage", note="rain")
    assert now(chai).on_hand == q(3)
    assert {row.message for row in Notification.select()} == {"Chai is low: 3 left, the level is 3."}


def test_an_order_is_marked_and_no_longer_expected(amina: Browser, chai: int) -> None:
    day = (clock.today() + timedelta(days=3)).isoformat()
    amina.send(f"/products/{chai}/order", quantity="20", expected_on=day, note="by phone")
    (order,) = incoming.open_for(chai)
    assert (order.quantity, order.expected_on.isoformat(), order.note) == (q(20), day, "by phone")
    assert "by phone" in amina.get(f"/products/{chai}").text
    amina.send(f"/products/{chai}/orders/{order.id}/cancel")
    assert now(chai).on_order == q(0)
    answer = amina.send(f"/products/{chai}/order", quantity="20", expected_on="2020-01-01", note="")
    assert answer.status_code == 422 and 'href="#expected_on"' in answer.text


def test_later_and_not_later(amina: Browser, chai: int) -> None:
    answer = amina.send(f"/products/{chai}/snooze", days="7", back="low")
    assert answer.location == "/stock/low"
    assert now(chai).snoozed_until == clock.today() + timedelta(days=7)
    assert amina.send(f"/products/{chai}/snooze", days="0").location == f"/products/{chai}"
    assert now(chai).snoozed_until is None
    day = clock.today() + timedelta(days=40)
    amina.send(f"/products/{chai}/snooze", until=day.isoformat())
    assert now(chai).snoozed_until == day
    assert amina.send(f"/products/{chai}/snooze", until="yesterday").status_code == 422
    assert amina.send(f"/products/{chai}/snooze", days="-3").status_code == 303  # not one of ours: speaks up again


def test_a_movement_is_voided_once_with_a_reason_by_the_owner_only(
    amina: Browser, juma: Browser, browser_of, chai: int
) -> None:
    movement = stock.receive(chai, q(5), Money(9000))
    path = f"/products/{chai}/movements/{movement.id}/void"
    assert "Void this line of +5?" in amina.get(f"/products/{chai}").text
    for name in ("juma", "wanjiru", "vera"):
        assert browser_of(name).send(path, reason="mine").status_code == 403
    assert amina.send(path, reason=" ").status_code == 422
    assert now(chai).on_hand == q(15)
    assert amina.send(path, reason="typed twice").status_code == 303
    assert (now(chai).on_hand, now(chai).stock_value, now(chai).cost) == (q(10), Money(10_000), Money(1000))
    assert amina.send(path, reason="again").status_code == 422
    assert amina.send(f"/products/999/movements/{movement.id}/void", reason="x").status_code == 404
    page = amina.get(f"/products/{chai}").text
    assert "voided" in page and len(re.findall(r'class="is-void"', page)) == 1


def test_a_movement_of_another_document_is_not_voided_here(amina: Browser, chai: int) -> None:
    movement = stock.receive(chai, q(5), Money(9000), "purchase:1")
    path = f"/products/{chai}/movements/{movement.id}/void"
    assert path not in amina.get(f"/products/{chai}").text
    assert amina.send(path, reason="mine").status_code in (404, 422)
    assert now(chai).on_hand == q(15)


def test_a_long_history_is_paged(amina: Browser, chai: int) -> None:
    for number in range(60):
        stock.receive(chai, q(1), note=f"delivery {number}")
    first = amina.get(f"/products/{chai}").text
    assert "delivery 59" in first and "delivery 5<" not in first
    older = re.search(r'href="(/products/\d+\?before=\d+)#history"', first)[1]
    second = amina.get(older).text
    assert "delivery 5<" in second and "Opening stock" in second and "delivery 59" not in second
