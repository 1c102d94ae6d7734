"""Products: unique codes, levels that mean something, archive and re-arming. Quick: 3 s."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tracker import clock
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import audit, categories, low_stock, products, stock

pytestmark = pytest.mark.usefixtures("books")
TODAY = date(2026, 11, 23)


def q(units: int) -> Quantity:
    return Quantity.of(units)


def test_a_new_product_has_nothing_on_hand_and_no_level() -> None:
    chai = products.add("CHA-1", "Chai", cost=Money(1000), price=Money(1800))
    found = products.get(chai.id)
    assert (found.sku, found.unit, found.unit_decimals, found.on_hand, found.stock_value) == (
        "CHA-1", "piece", 0, q(0), Money(0),
    )  # fmt: skip
    assert found.reorder_level is None and not found.is_low


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"sku": "cha-1", "name": "Other"}, "sku"),
        ({"sku": "B", "name": ""}, "name"),
        ({"sku": "B", "name": "B", "barcode": "5012345678900"}, "barcode"),
        ({"sku": "B", "name": "B", "cost": Money(-1)}, "cost"),
        ({"sku": "B", "name": "B", "reorder_level": Quantity(-1000)}, "reorder_level"),
        ({"sku": "B", "name": "B", "reorder_level": Quantity(500)}, "reorder_level"),
        ({"sku": "B", "name": "B", "reorder_quantity": Quantity(500)}, "reorder_quantity"),
        ({"sku": "B", "name": "B", "unit_decimals": 4}, "unit_decimals"),
        ({"sku": "B", "name": "B", "category_id": 9}, "category_id"),
        ({"sku": "B", "name": "B", "supplier_id": 9}, "supplier_id"),
    ],
)
def test_what_is_taken_or_makes_no_sense_is_refused_at_its_field(fields: dict, at: str) -> None:
    products.add("CHA-1", "Chai", barcode="5012345678900")
    with pytest.raises(Refused) as refused:
        products.add(**fields)
    assert refused.value.field == at
    assert products.Product.select().count() == 1


def test_an_empty_sku_gets_the_next_free_one() -> None:
    assert products.add("", "Chai").sku == "P0001"
    products.add("p0003", "Syrup")
    assert products.add(" ", "Chang").sku == "P0004"


def test_a_code_is_the_barcode_first_and_then_the_sku() -> None:
    chai = products.add("CHA-1", "Chai", barcode="12345")
    odd = products.add("12345", "Its SKU is the other's barcode")
    assert products.by_code("12345").id == chai.id
    assert products.by_code(" cha-1 ").id == chai.id
    products.edit(chai.id, barcode="")
    assert products.by_code("12345").id == odd.id
    assert products.by_code("nothing") is None
    assert products.by_code("") is None


def test_upc_a_and_the_same_number_as_ean_13_are_one_code() -> None:
    upc = products.add("A", "UPC", barcode="036000291452")
    ean = products.add("B", "EAN", barcode="0012345678905")
    assert products.by_code("0036000291452").id == upc.id
    assert products.by_code("012345678905").id == ean.id
    assert products.by_code("036000291452").id == upc.id
    with pytest.raises(Refused, match="UPC .A. has this barcode"):
        products.add("C", "Twice", barcode="0036000291452")
    assert products.by_code("5012345678900") is None  # an EAN-13 that starts with no 0 has no short form


def test_editing_never_touches_what_is_on_hand() -> None:
    chai = products.add("A", "Chai", cost=Money(100))
    stock.opening(chai.id, q(5))
    products.edit(chai.id, name="Chai tea", cost=Money(300))
    found = products.get(chai.id)
    assert (found.on_hand, found.stock_value, found.cost) == (q(5), Money(500), Money(300))
    with pytest.raises(TypeError):
        products.edit(chai.id, on_hand=q(7))
    assert audit.of(f"product:{chai.id}")[0].detail == '{"cost": "3.00", "name": "Chai tea"}'


def test_a_unit_keeps_the_decimals_that_the_stock_needs() -> None:
    flour = products.add("F", "Flour", unit="kg", unit_decimals=3)
    stock.opening(flour.id, Quantity(1250))
    with pytest.raises(Refused) as refused:
        products.edit(flour.id, unit_decimals=0)
    assert refused.value.field == "unit_decimals"
    products.edit(flour.id, unit_decimals=2)


def test_archived_products_are_never_low() -> None:
    chai = products.add("A", "Chai", reorder_level=q(3))
    assert products.get(chai.id).is_low
    products.archive(chai.id)
    products.archive(chai.id)
    assert not products.get(chai.id).is_low
    assert low_stock.rows(TODAY) == []
    products.unarchive(chai.id)
    assert [row.id for row in low_stock.rows(TODAY)] == [chai.id]


@pytest.mark.parametrize("way", ["level", "never", "archive"])
def test_leaving_low_makes_the_next_time_news_again(way: str) -> None:
    chai = products.add("A", "Chai", reorder_level=q(3))
    stock.opening(chai.id, q(2))
    low_stock.mark_told([chai.id], TODAY)
    products.edit(chai.id, reorder_level=q(2))  # still at its level: not re-armed
    assert products.get(chai.id).low_told_on == TODAY
    if way == "archive":
        products.archive(chai.id)
    else:
        products.edit(chai.id, reorder_level=q(1) if way == "level" else None)
    assert products.get(chai.id).low_told_on is None


def test_later_needs_a_day_to_come() -> None:
    chai = products.add("A", "Chai")
    with clock.frozen(datetime(2026, 11, 23, 9, tzinfo=UTC)):
        for day in (TODAY, date(2026, 1, 1)):
            with pytest.raises(Refused) as refused:
                products.snooze(chai.id, day)
            assert refused.value.field == "until"
        products.snooze(chai.id, date(2026, 11, 24))
        assert products.get(chai.id).snoozed_until == date(2026, 11, 24)
        products.snooze(chai.id, None)
    assert products.get(chai.id).snoozed_until is None


def test_nothing_has_that_number() -> None:
    for verb in (products.get, products.archive, products.edit):
        with pytest.raises(NotFound):
            verb(7)


def test_categories_are_found_or_made_once() -> None:
    dairy = categories.add("Dairy", "D")
    assert categories.find_or_add("dairy ").id == dairy.id
    assert categories.find_or_add("d").id == dairy.id
    assert categories.find_or_add("") is None
    drinks = categories.find_or_add("Drinks")
    assert categories.choices() == [(dairy.id, "Dairy"), (drinks.id, "Drinks")]
    for fields, at in (({"name": "DAIRY"}, "name"), ({"name": "New", "code": "d"}, "code")):
        with pytest.raises(Refused) as refused:
            categories.add(**fields)
        assert refused.value.field == at
    assert categories.edit(dairy.id, name="Milk and cheese").code == "D"
    with pytest.raises(NotFound):
        categories.edit(9, name="Nothing")
