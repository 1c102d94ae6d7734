"""Orders: what is to come, oldest filled first, its sum on the product. Quick: 2 s."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tracker import clock
from tracker.errors import NotFound, Refused
from tracker.quantity import Quantity
from tracker.shop import incoming, products, stock

pytestmark = pytest.mark.usefixtures("books")


def q(units: int) -> Quantity:
    return Quantity.of(units)


@pytest.fixture
def chai() -> int:
    return products.add("CHA", "Chai").id


def on_order(product_id: int) -> Quantity:
    return products.get(product_id).on_order


def test_what_is_marked_is_on_order_until_it_comes(chai: int) -> None:
    incoming.mark_ordered(chai, q(10), note="by phone")
    incoming.mark_ordered(chai, q(5))
    assert on_order(chai) == q(15)
    assert incoming.arrive(chai, q(12)) == q(12)
    assert on_order(chai) == q(3)
    assert [(order.quantity, order.rest) for order in incoming.open_for(chai)] == [(q(5), q(3))]


def test_more_than_was_ordered_closes_all_and_says_how_much_was_expected(chai: int) -> None:
    incoming.mark_ordered(chai, q(10))
    assert incoming.arrive(chai, q(25)) == q(10)
    assert on_order(chai) == q(0)
    assert incoming.open_for(chai) == []
    assert incoming.arrive(chai, q(1)) == q(0)


def test_goods_received_fill_the_orders_of_their_product_only(chai: int) -> None:
    chang = products.add("CHG", "Chang").id
    incoming.mark_all({chai: q(10), chang: q(4)})
    stock.receive(chai, q(6))
    assert (on_order(chai), on_order(chang)) == (q(4), q(4))


def test_cancelling_takes_the_rest_away_once(chai: int) -> None:
    first = incoming.mark_ordered(chai, q(10))
    incoming.mark_ordered(chai, q(1))
    incoming.arrive(chai, q(4))
    incoming.cancel(first.id)
    assert on_order(chai) == q(1)
    with pytest.raises(Refused):
        incoming.cancel(first.id)
    with pytest.raises(NotFound):
        incoming.cancel(999)


@pytest.mark.parametrize("wanted", [Quantity(0), Quantity(-1000), Quantity(500)])
def test_a_quantity_that_makes_no_sense_is_refused_and_nothing_of_the_order_is_kept(
    chai: int, wanted: Quantity
) -> None:
    chang = products.add("CHG", "Chang").id
    with pytest.raises(Refused) as refused:
        incoming.mark_all({chang: q(1), chai: wanted})
    assert refused.value.field == "quantity"
    assert on_order(chang) == q(0)
    assert incoming.open_for(chang) == []


def test_an_unknown_product_or_an_empty_order_is_refused(chai: int) -> None:
    with pytest.raises(NotFound):
        incoming.mark_all({chai: q(1), 99: q(1)})
    with pytest.raises(Refused):
        incoming.mark_all({})
    assert on_order(chai) == q(0)


def test_goods_are_expected_today_or_later(chai: int) -> None:
    with clock.frozen(datetime(2026, 11, 23, 9, tzinfo=UTC)):
        with pytest.raises(Refused) as refused:
            incoming.mark_ordered(chai, q(1), date(2026, 11, 21))
        assert refused.value.field == "expected_on"
        order = incoming.mark_ordered(chai, q(1), date(2026, 11, 23))
    assert (order.ordered_on, order.expected_on) == (date(2026, 11, 23), date(2026, 11, 23))
