"""What is low, what to order, who is told at once. With Northwind's real levels. About 5 s."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from tracker import clock, db
from tracker.quantity import Quantity
from tracker.shop import incoming, low_stock, outbox, products, settings, stock, suppliers, users
from tracker.shop.notifications import Notification

pytestmark = pytest.mark.usefixtures("books")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TODAY = date(2026, 11, 23)
YESTERDAY = date(2026, 11, 22)

# Northwind's products: number, in stock, on order, reorder level, discontinued (a "d").
NORTHWIND = """
1 39 0 10|2 17 40 25|3 13 70 25|4 53 0 0|5 0 0 0 d|6 120 0 25|7 15 0 10|8 6 0 0|9 29 0 0 d
10 31 0 0|11 22 30 30|12 86 0 0|13 24 0 5|14 35 0 0|15 39 0 5|16 29 0 10|17 0 0 0 d|18 42 0 0
19 25 0 5|20 40 0 0|21 3 40 5|22 104 0 25|23 61 0 25|24 20 0 0 d|25 76 0 30|26 15 0 0|27 49 0 30
28 26 0 0 d|29 0 0 0 d|30 10 0 15|31 0 70 20|32 9 40 25|33 112 0 20|34 111 0 15|35 20 0 15|36 112 0 20
37 11 50 25|38 17 0 15|39 69 0 5|40 123 0 30|41 85 0 10|42 26 0 0 d|43 17 10 25|44 27 0 15|45 5 70 15
46 95 0 0|47 36 0 0|48 15 70 25|49 10 60 15|50 65 0 30|51 20 0 10|52 38 0 25|53 0 0 0 d|54 21 0 10
55 115 0 20|56 21 10 30|57 36 0 20|58 62 0 20|59 79 0 0|60 19 0 0|61 113 0 25|62 17 0 0|63 24 0 5
64 22 80 30|65 76 0 0|66 4 100 20|67 52 0 10|68 6 10 15|69 26 0 15|70 15 10 30|71 26 0 0|72 14 0 0
73 101 0 5|74 4 20 5|75 125 0 25|76 57 0 20|77 32 0 15
"""


def q(units: int) -> Quantity:
    return Quantity.of(units)


@pytest.fixture(autouse=True)
def _monday_morning(books: object) -> Iterator[None]:
    settings.change(timezone="Africa/Nairobi")
    with clock.frozen(NOW):
        yield


def product(sku: str, on_hand: int, level: int | None, **fields: object) -> int:
    number = products.add(sku, sku, reorder_level=None if level is None else q(level), **fields).id
    if on_hand:
        stock.opening(number, q(on_hand))
    return number


def found() -> dict[str, str]:
    return {row.sku: row.state for row in low_stock.rows(TODAY)}


def only() -> low_stock.LowProduct:
    (row,) = low_stock.rows(TODAY)
    return row


# --- which ---------------------------------------------------------------------------------------------------------


def test_at_or_below_the_level_is_low_and_no_level_is_never() -> None:
    product("below", 2, 3)
    product("at", 3, 3)
    product("above", 4, 3)
    product("never", 0, None)
    product("sold out", 0, 0)
    product("one left", 1, 0)
    products.archive(product("archived", 0, 3))
    assert set(found()) == {"below", "at", "sold out"}


def test_northwind_has_eighteen_low_products_of_which_seventeen_are_on_order_and_sixteen_covered() -> None:
    for number, on_hand, on_order, level, *gone in (
        row.split() for row in NORTHWIND.replace("\n", "|").split("|") if row
    ):
        added = product(f"NW-{number}", int(on_hand), int(level))
        if int(on_order):
            incoming.mark_ordered(added, q(int(on_order)), source="import")
        if gone:
            products.archive(added)
    assert db.rows("SELECT COUNT(*), SUM(archived_at IS NOT NULL) FROM product") == [(77, 8)]
    low = low_stock.rows(TODAY)
    assert len(low) == 18
    assert sum(row.on_order > q(0) for row in low) == 17
    assert sum(row.state == "ordered" for row in low) == 16
    assert {row.sku for row in low if row.state == "new"} == {"NW-30", "NW-70"}
    assert sum(row.is_sold_out for row in low) == 1


def test_the_states_follow_each_other() -> None:
    number = product("Chai", 2, 3)
    assert found() == {"Chai": "new"}
    low_stock.mark_told([number], TODAY)
    assert found() == {"Chai": "new"}  # the same day again says the same
    with clock.frozen(NOW + timedelta(days=1)):
        assert low_stock.rows(clock.today())[0].state == "still_low"
    order = incoming.mark_ordered(number, q(1))
    assert found() == {"Chai": "new"}  # 2 + 1 is not above 3
    incoming.mark_ordered(number, q(1))
    assert found() == {"Chai": "ordered"}
    products.snooze(number, date(2026, 11, 30))
    assert found() == {"Chai": "snoozed"}
    assert low_stock.rows(date(2026, 11, 30))[0].state == "ordered"  # the day itself is no longer "later"
    incoming.cancel(order.id)
    products.snooze(number, None)
    assert found() == {"Chai": "new"}
    stock.receive(number, q(2))
    assert found() == {}
    stock.issue(number, q(1))
    assert found() == {"Chai": "new"}  # re-armed


def test_the_three_words_of_the_screen() -> None:
    assert [low_stock.WORDS[state] for state in ("new", "still_low", "ordered", "snoozed")] == [
        "Order now", "Order now", "Ordered", "Later",
    ]  # fmt: skip


def test_being_told_is_remembered_once_and_for_many() -> None:
    numbers = [product(f"P{n}", 0, 1) for n in range(1, 6)]
    low_stock._CHUNK, before = 2, low_stock._CHUNK
    try:
        low_stock.mark_told(numbers[:1], YESTERDAY)
        low_stock.mark_told(numbers[:4], TODAY)
        low_stock.mark_told([], TODAY)
    finally:
        low_stock._CHUNK = before
    told = [products.get(number).low_told_on for number in numbers]
    assert told == [YESTERDAY, TODAY, TODAY, TODAY, None]


# --- how much ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_hand", "level", "usual", "on_order", "suggested"),
    [
        (2, 10, None, 0, 18),  # up to twice the level
        (2, 10, 24, 0, 24),  # the usual quantity
        (2, 10, 24, 5, 19),  # less what is coming
        (2, 10, 3, 4, 1),  # but at least one
        (0, 0, None, 0, 1),  # "when sold out" has no level to double
        (2, 10, 24, 9, 0),  # enough is coming
    ],
)
def test_what_is_suggested(on_hand: int, level: int, usual: int | None, on_order: int, suggested: int) -> None:
    number = product("Chai", on_hand, level, reorder_quantity=q(usual) if usual else None)
    if on_order:
        incoming.mark_ordered(number, q(on_order))
    assert only().suggested == q(suggested)


def test_goods_sold_below_zero_are_ordered_too() -> None:
    settings.change(allow_negative_stock=True)
    number = product("Chai", 0, 5)
    stock.issue(number, q(3))
    assert only().suggested == q(13)
    assert only().is_sold_out


def test_rows_stand_by_supplier_and_those_without_one_come_last() -> None:
    nur, kimani = suppliers.add("Nur").id, suppliers.add("Kimani").id
    product("b", 0, 1, supplier_id=nur)
    product("a", 0, 1, supplier_id=nur, cost=products.Money(500))
    product("c", 0, 4)
    ordered = product("d", 0, 1, supplier_id=kimani)
    incoming.mark_ordered(ordered, q(9), date(2026, 11, 25))
    groups = low_stock.by_supplier(TODAY)
    assert [(group.name, [row.sku for row in group.products]) for group in groups] == [
        ("Kimani", ["d"]), ("Nur", ["a", "b"]), (None, ["c"]),
    ]  # fmt: skip
    assert groups[0].products[0].expected_on == date(2026, 11, 25)
    assert groups[0].to_order == []
    assert groups[1].order_value == products.Money(1000)


# --- how fast ------------------------------------------------------------------------------------------------------


def test_ten_thousand_products_are_not_walked_through() -> None:
    with db.write():
        now = db.instant_text(clock.now())
        db.books.execute_sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
            "INSERT INTO product (sku, sku_key, name, name_key, reorder_level, on_hand, stock_value, created_at) "
            "SELECT 'S' || i, 's' || i, 'P' || i, 'p' || i, 5000, "
            "CASE i % 33 WHEN 0 THEN 1000 ELSE 9000 END, 5, ? FROM n",
            (now,),
        )
        db.books.execute_sql("ANALYZE")
    plan = " / ".join(row[3] for row in db.rows("EXPLAIN QUERY PLAN " + low_stock._LOW))
    assert "product_low" in plan
    assert "SCAN p USING INDEX product_low" in plan or "SEARCH p USING INDEX product_low" in plan
    assert "SCAN s" not in plan and "SCAN i" not in plan
    assert len(low_stock.rows(TODAY)) == 303


# --- told at once --------------------------------------------------------------------------------------------------


@pytest.fixture
def amina() -> users.User:
    settings.change(smtp_host="mail.example.org", smtp_port=587)
    person = users.add("amina", "Amina", "admin", "amina@example.org")
    users.choose_notices(person.id, "chosen", {low_stock.KIND: (True, True)})
    return users.get(person.id)


def sell(number: int, amount: int = 1) -> bool:
    return low_stock.tell_if_low(stock.issue(number, q(amount)))


def mails() -> list[outbox.Mail]:
    return list(outbox.Mail.select().order_by(outbox.Mail.id))


def test_people_are_told_when_a_product_gets_low_and_not_each_time(amina: users.User) -> None:
    number = product("Chai", 5, 3)
    assert not sell(number)
    assert sell(number)
    assert not sell(number)
    (notice,) = Notification.select()
    assert (notice.kind, notice.subject, notice.link, notice.severity) == (
        low_stock.KIND, f"product:{number}", f"/products/{number}", "warning",
    )  # fmt: skip
    assert notice.message == "Chai is low: 3 left, the level is 3."
    (mail,) = mails()
    assert mail.facts["products"][0]["sku"] == "Chai"
    assert (mail.facts["person"], mail.facts["today"]) == ("Amina", "2026-11-23")


def test_sold_out_is_said_in_these_words(amina: users.User) -> None:
    assert sell(product("Chai", 5, 3), 5)
    assert Notification.get().message == "Chai is sold out."


def test_what_is_put_off_or_on_its_way_disturbs_nobody(amina: users.User) -> None:
    later, coming = product("Later", 5, 4), product("Coming", 5, 4)
    products.snooze(later, date(2026, 12, 1))
    incoming.mark_ordered(coming, q(10))
    assert not sell(later) and not sell(coming)
    assert (Notification.select().count(), mails()) == (0, [])


def test_a_waiting_mail_grows_and_the_next_one_waits_its_hour(amina: users.User) -> None:
    first, second, third, fourth = (product(f"P{n}", 5, 4) for n in range(4))
    sell(first)
    sell(second)
    (mail,) = mails()
    assert [row["sku"] for row in mail.facts["products"]] == ["P0", "P1"]
    assert [claimed.id for claimed in outbox.claim("worker")] == [mail.id]
    with clock.frozen(NOW + timedelta(minutes=10)):
        sell(third)
        assert outbox.claim("worker") == []
    with clock.frozen(NOW + timedelta(minutes=50)):
        sell(fourth)
    assert len(mails()) == 2
    with clock.frozen(NOW + timedelta(minutes=60)):
        (after,) = outbox.claim("worker")
    assert [row["sku"] for row in after.facts["products"]] == ["P2", "P3"]
    assert Notification.select().count() == 4


def test_those_who_want_no_mail_get_none(amina: users.User) -> None:
    users.choose_notices(amina.id, "needs_me")
    users.add("juma", "Juma", "cashier", "juma@example.org")
    assert sell(product("Chai", 1, 3 - 3))
    assert mails() == []
    assert {notice.user.name for notice in Notification.select()} == {"Amina", "Juma"}
