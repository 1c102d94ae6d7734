"""The stock ledger: moving average, exact reversals, no goods out of thin air. About 15 s, most drawn at random."""

from __future__ import annotations

import threading
from datetime import date

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracker import db
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import audit, incoming, low_stock, movements, products, stock
from tracker.shop import settings as shop_settings

pytestmark = pytest.mark.usefixtures("books")


def q(units: int) -> Quantity:
    return Quantity.of(units)


@pytest.fixture
def chai() -> int:
    return products.add("CHA", "Chai", cost=Money(1000)).id


@pytest.fixture
def below_zero(books: object) -> None:
    shop_settings.change(allow_negative_stock=True)


def state(product_id: int) -> tuple[Quantity, Money]:
    product = products.get(product_id)
    sums = db.rows("SELECT SUM(quantity), SUM(value) FROM stock_movement WHERE product_id = ?", product_id)[0]
    assert (product.on_hand.thousandths, product.stock_value.minor) == (sums[0] or 0, sums[1] or 0)
    return product.on_hand, product.stock_value


def kinds(product_id: int) -> list[str]:
    return [row.kind for row in movements.of(product_id)][::-1]


# --- in and out ----------------------------------------------------------------------------------------------------


def test_an_opening_is_worth_cost_times_quantity_unless_it_says_otherwise(chai: int) -> None:
    stock.opening(chai, q(3))
    assert state(chai) == (q(3), Money(3000))
    stock.opening(chai, q(1), Money(50))
    assert state(chai) == (q(4), Money(3050))


def test_goods_received_set_the_cost_and_fill_the_orders(chai: int) -> None:
    incoming.mark_ordered(chai, q(10))
    movement = stock.receive(chai, q(4), Money(4400))
    product = products.get(chai)
    assert (movement.kind, product.cost, product.on_order, product.on_hand) == ("in", Money(1100), q(6), q(4))
    stock.receive(chai, q(2))  # nobody said what they cost: the last known cost
    assert state(chai) == (q(6), Money(6600))
    stock.receive(chai, q(1), Money(0))  # a gift from the supplier does not make the product free
    assert products.get(chai).cost == Money(1100)


def test_an_issue_takes_the_average_and_the_last_unit_takes_the_rest(chai: int) -> None:
    stock.receive(chai, q(3), Money(1000))
    taken = [-stock.issue(chai, q(1), f"sale:{number}").value for number in (1, 2, 3)]
    assert taken == [Money(333), Money(334), Money(333)]
    assert state(chai) == (q(0), Money(0))
    assert kinds(chai) == ["in", "out", "out", "out"]


def test_different_costs_are_mixed(chai: int) -> None:
    stock.receive(chai, q(10), Money(10_000))
    stock.receive(chai, q(10), Money(20_000))
    assert stock.issue(chai, q(5), "sale:1").value == Money(-7500)


def test_parts_of_a_unit_keep_their_share() -> None:
    flour = products.add("F", "Flour", unit="kg", unit_decimals=3, cost=Money(150)).id
    stock.opening(flour, Quantity(2500))
    assert state(flour) == (Quantity(2500), Money(375))
    assert stock.issue(flour, Quantity(333), "sale:1").value == Money(-50)


def test_more_than_there_is_is_refused_with_what_is_left(chai: int) -> None:
    stock.opening(chai, q(2))
    with pytest.raises(Refused, match="Only 2 left of Chai") as refused:
        stock.issue(chai, q(3), "sale:1")
    assert refused.value.field == "quantity"
    stock.issue(chai, q(2), "sale:2")
    with pytest.raises(Refused, match="sold out"):
        stock.issue(chai, q(1), "sale:3")
    assert state(chai) == (q(0), Money(0))


def test_pieces_come_whole(chai: int) -> None:
    stock.opening(chai, q(2))
    for post in (
        lambda: stock.issue(chai, Quantity(500), "sale:1"),
        lambda: stock.receive(chai, Quantity(1500)),
        lambda: stock.count(chai, Quantity(1500)),
        lambda: stock.receive(chai, q(0)),
        lambda: stock.issue(chai, q(-1), "sale:1"),
    ):
        with pytest.raises(Refused) as refused:
            post()
        assert refused.value.field == "quantity"
    with pytest.raises(NotFound):
        stock.receive(99, q(1))
    assert state(chai) == (q(2), Money(2000))


def test_a_barcode_scanned_as_a_quantity_is_refused(chai: int) -> None:
    products.edit(chai, cost=Money(10**12))
    for post in (stock.opening, stock.receive):
        with pytest.raises(Refused, match="more than the books can hold"):
            post(chai, q(501_234_567))
    assert state(chai) == (q(0), Money(0))


def test_the_same_form_twice_books_once(chai: int) -> None:
    first = stock.receive(chai, q(2), key="form-0001")
    assert stock.receive(chai, q(2), key="form-0001").id == first.id
    gone = stock.adjust(chai, q(-1), "damage", key="form-0002")
    assert stock.adjust(chai, q(-1), "damage", key="form-0002").id == gone.id
    counted = stock.count(chai, q(5), key="form-0003")
    assert stock.count(chai, q(5), key="form-0003").id == counted.id
    assert state(chai)[0] == q(5)


# --- adjustments ---------------------------------------------------------------------------------------------------


def test_lost_goods_leave_at_their_average_with_a_reason_that_is_kept(chai: int) -> None:
    stock.receive(chai, q(4), Money(1000))
    movement = stock.adjust(chai, q(-1), "damage", note="fell off the shelf")
    assert (movement.value, movement.reason, movement.source) == (Money(-250), "damage", f"stock:{movement.id}")
    entry = audit.of(f"product:{chai}")[0]
    assert entry.action == "stock.adjust" and "fell off the shelf" in entry.detail


def test_a_count_posts_the_difference_or_nothing(chai: int) -> None:
    stock.receive(chai, q(4), Money(1000))
    assert stock.count(chai, q(6)).quantity == q(2)
    assert state(chai) == (q(6), Money(1500))
    assert stock.count(chai, q(6)) is None
    assert stock.count(chai, q(0)).value == Money(-1500)
    assert stock.count(chai, q(1)).value == Money(250)  # nothing to compare with: the last known cost


@pytest.mark.parametrize(("amount", "reason"), [(1, "gift"), (-1, "because"), (0, "count"), (-9, "theft")])
def test_an_adjustment_without_sense_is_refused(chai: int, amount: int, reason: str) -> None:
    stock.opening(chai, q(3))
    with pytest.raises(Refused):
        stock.adjust(chai, q(amount), reason)
    assert kinds(chai) == ["opening"]


# --- reversals -----------------------------------------------------------------------------------------------------


def test_goods_come_back_at_the_value_they_were_booked_out_with(chai: int) -> None:
    stock.receive(chai, q(10), Money(10_000))
    stock.issue(chai, q(2), "sale:1")
    stock.receive(chai, q(2), Money(8000))
    reversals = stock.reverse("sale:1", note="came back")
    assert [(row.kind, row.quantity, row.value, row.source) for row in reversals] == [
        ("reversal", q(2), Money(2000), "sale:1")
    ]
    assert state(chai) == (q(12), Money(18_000))


def test_a_source_is_reversed_once_and_whole(chai: int) -> None:
    chang = products.add("CHG", "Chang", cost=Money(100)).id
    stock.receive(chai, q(1), Money(10), "purchase:1")
    stock.receive(chang, q(2), Money(20), "purchase:1")
    stock.receive(chai, q(5), Money(50), "purchase:11")
    assert len(stock.reverse("purchase:1")) == 2
    assert stock.reverse("purchase:1") == []
    assert (state(chai), state(chang)) == ((q(5), Money(50)), (q(0), Money(0)))
    assert stock.reverse("purchase:2") == []
    assert stock.reverse("") == []


def test_a_movement_of_its_own_is_reversed_by_its_number_and_only_once(chai: int) -> None:
    movement = stock.receive(chai, q(2), Money(100))
    stock.reverse(movement.id)
    with pytest.raises(Refused, match="before"):
        stock.reverse(movement.id)
    imported = stock.opening(chai, q(3), Money(60), "import")
    stock.opening(chai, q(4), Money(80), "import")
    stock.reverse(imported.id)  # a file is no document: each of its lines stands for itself
    with pytest.raises(Refused, match="before"):
        stock.reverse(imported.id)
    stock.issue(chai, q(4))
    sold = stock.receive(chai, q(1), Money(100), "purchase:1")
    with pytest.raises(Refused, match="another document"):
        stock.reverse(sold.id)
    with pytest.raises(NotFound):
        stock.reverse(999)
    assert state(chai) == (q(1), Money(100))


def test_voiding_a_receipt_at_a_wrong_cost_brings_the_cost_before_it_back(chai: int) -> None:
    stock.receive(chai, q(2), Money(2400))
    wrong = stock.receive(chai, q(1), Money(120_000))
    assert products.get(chai).cost == Money(120_000)
    stock.reverse(wrong.id)
    assert products.get(chai).cost == Money(1200)
    products.edit(chai, cost=Money(999))
    stock.reverse(stock.receive(chai, q(1)).id)
    assert products.get(chai).cost == Money(1200)  # a receipt at the known cost said so too


def test_goods_that_are_gone_can_not_be_taken_back(chai: int) -> None:
    movement = stock.receive(chai, q(5), Money(500))
    stock.issue(chai, q(3), "sale:1")
    with pytest.raises(Refused, match="Only 2 left"):
        stock.reverse(movement.id)
    assert state(chai) == (q(2), Money(200))


def test_a_value_without_goods_is_posted_as_a_residue(chai: int) -> None:
    stock.receive(chai, q(10), Money(100))
    dear = stock.receive(chai, q(10), Money(200))
    stock.issue(chai, q(10), "sale:1")  # at 15 each; the dear ones go back at 20
    stock.reverse(dear.id)
    assert state(chai) == (q(0), Money(0))
    assert kinds(chai)[-2:] == ["reversal", "residue"]
    assert movements.of(chai, limit=1)[0].value == Money(50)


def test_goods_never_have_a_value_below_zero(chai: int) -> None:
    dear = stock.receive(chai, q(10), Money(1000))
    stock.receive(chai, q(10), Money(10))
    stock.issue(chai, q(9), "sale:1")
    stock.reverse(dear.id)  # 11 goods worth 556 less 10 worth 1000: the one that stays is worth its last cost
    assert state(chai) == (q(1), Money(1))


def test_the_ledger_is_never_changed(chai: int) -> None:
    stock.opening(chai, q(2))
    with pytest.raises(peewee.IntegrityError, match="never changed"), db.write():
        stock.StockMovement.update(quantity=q(3)).execute()
    with pytest.raises(peewee.IntegrityError, match="never changed"), db.write():
        stock.StockMovement.delete().execute()


# --- below zero ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("below_zero")
def test_a_hole_is_booked_at_the_last_cost_and_filled_at_what_was_booked(chai: int) -> None:
    stock.opening(chai, q(1), Money(900))
    assert stock.issue(chai, q(3), "sale:1").value == Money(-2900)
    assert state(chai) == (q(-2), Money(-2000))
    stock.receive(chai, q(1), Money(1500))
    assert state(chai) == (q(-1), Money(-1000))  # the one that came cost 500 more than was booked: a residue
    stock.receive(chai, q(3), Money(3600))
    assert state(chai) == (q(2), Money(2400))  # two at 12.00 are left, not two at 13.00
    assert [(row.kind, row.value.minor) for row in movements.of(chai) if row.kind == "residue"] == [
        ("residue", -200), ("residue", -500),
    ]  # fmt: skip


@pytest.mark.usefixtures("below_zero")
def test_voiding_what_filled_a_hole_brings_the_hole_back_exactly(chai: int) -> None:
    stock.issue(chai, q(2), "sale:1")
    before = state(chai)
    stock.receive(chai, q(5), Money(7000), "purchase:1")
    assert "residue" in kinds(chai)
    stock.reverse("purchase:1")
    assert state(chai) == before
    stock.reverse("sale:1")
    assert state(chai) == (q(0), Money(0))
    assert stock.reverse("purchase:1") == []


# --- low -----------------------------------------------------------------------------------------------------------


def test_a_movement_says_when_it_took_the_product_to_its_level(chai: int) -> None:
    products.edit(chai, reorder_level=q(3))
    stock.opening(chai, q(6))
    assert not stock.issue(chai, q(2), "sale:1").became_low
    assert stock.issue(chai, q(1), "sale:2").became_low
    assert not stock.issue(chai, q(1), "sale:3").became_low
    stock.receive(chai, q(2))
    assert stock.adjust(chai, q(-1), "theft").became_low
    products.edit(chai, reorder_level=None)
    assert not stock.issue(chai, q(3), "sale:4").became_low


def test_rising_above_the_level_makes_the_next_time_news_again(chai: int) -> None:
    products.edit(chai, reorder_level=q(3))
    stock.opening(chai, q(1))
    low_stock.mark_told([chai], date(2026, 11, 23))
    stock.receive(chai, q(2))  # at the level: still low
    assert products.get(chai).low_told_on is not None
    stock.receive(chai, q(1))
    assert products.get(chai).low_told_on is None


# --- many at once --------------------------------------------------------------------------------------------------


def test_eight_at_the_till_sell_exactly_as_many_as_there_were(chai: int) -> None:
    stock.opening(chai, q(25))
    sold, refused, go = [], [], threading.Barrier(8)

    def till(number: int) -> None:
        go.wait()
        for sale in range(5):
            try:
                sold.append(stock.issue(chai, q(1), f"sale:{number}-{sale}").id)
            except Refused:
                refused.append(number)
        db.books.close()

    tills = [threading.Thread(target=till, args=(number,)) for number in range(8)]
    for thread in tills:
        thread.start()
    for thread in tills:
        thread.join(60)
    assert (len(set(sold)), len(refused)) == (25, 15)
    assert state(chai) == (q(0), Money(0))


# --- anything, in any order ----------------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["receive", "receive", "issue", "issue", "lose", "count", "reverse"]),
        st.integers(1, 9000),
        st.integers(0, 50_000),
    ),
    max_size=25,
)


@pytest.mark.parametrize("negative", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_cached_figures_are_the_sums_and_voiding_all_leaves_nothing(negative: bool, steps: list) -> None:
    if shop_settings.current().allow_negative_stock != negative:
        shop_settings.change(allow_negative_stock=negative)
    sku = f"X{db.rows('SELECT COUNT(*) FROM product')[0][0]}"
    product = products.add(sku, "Anything", unit_decimals=3, cost=Money(777)).id
    for step in steps:
        _do(product, *step)
        on_hand, value = state(product)
        assert negative or on_hand >= q(0)
        assert value == Money(0) or (value > Money(0)) == (on_hand > q(0))
    _void_all(product)
    assert state(product) == (q(0), Money(0))


def _do(product: int, verb: str, amount: int, cents: int) -> None:
    try:
        if verb == "receive":
            stock.receive(product, Quantity(amount), Money(cents))
        elif verb == "issue":
            stock.issue(product, Quantity(amount))
        elif verb == "lose":
            stock.adjust(product, Quantity(-amount), "theft")
        elif verb == "count":
            stock.count(product, Quantity(amount))
        else:
            standing = _standing(product)
            if standing:
                stock.reverse(standing[amount % len(standing)])
    except Refused as refused:
        assert "left" in refused.message


def _standing(product: int) -> list[int]:
    return [
        row.id
        for row in movements.of(product, limit=1000)
        if row.kind not in ("reversal", "residue") and not row.is_reversed
    ]


def _void_all(product: int) -> None:
    # What came back must be back before what came in can go: take-backs of issues first.
    rows = {row.id: row for row in movements.of(product, limit=1000)}
    for number in sorted(_standing(product), key=lambda number: rows[number].quantity):
        stock.reverse(number)
