"""The order list: three words, by supplier, marked as ordered in one go, printed and shared. About 4 s."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from urllib.parse import unquote

import pytest
from flask import Flask

from tests.web.conftest import Browser
from tracker import clock
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import incoming, products, stock, suppliers


def q(units: int) -> Quantity:
    return Quantity.of(units)


@pytest.fixture
def low(app: Flask) -> dict[str, int]:
    """At Nur: Milk and Butter to order, Cheese on its way. Without a supplier: Salt, put off. Sugar is plenty."""
    nur = suppliers.add("Nur Dairy", phone="0733 905 224").id
    made = {
        name: products.add(name[:3], name, supplier_id=None if name == "Salt" else nur, cost=Money(5000),
                           reorder_level=q(10)).id
        for name in ("Milk", "Butter", "Cheese", "Salt", "Sugar")
    }  # fmt: skip
    stock.opening(made["Butter"], q(4))
    stock.opening(made["Sugar"], q(11))
    incoming.mark_ordered(made["Cheese"], q(50), clock.today() + timedelta(days=1))
    products.snooze(made["Salt"], clock.today() + timedelta(days=5))
    return made


def on_order(low: dict[str, int]) -> dict[str, str]:
    return {name: str(products.get(number).on_order) for name, number in low.items()}


def test_the_page_counts_and_groups_what_is_low(amina: Browser, low: dict[str, int]) -> None:
    page, butter = amina.get("/stock/low").text, low["Butter"]
    assert "4 products · 2 to order" in page
    assert "Nur Dairy" in page and "2 to order, about USD 1,800" in page  # 20 + 16 at 50
    assert ">Sugar<" not in page
    assert page.index(">Butter<") < page.index(">Milk<") < page.index(">Cheese<") < page.index(">Salt<")
    assert f'name="quantity-{butter}" value="16"' in page


@pytest.mark.parametrize(("state", "shown"), [("now", "Butter Milk"), ("ordered", "Cheese"), ("later", "Salt")])
def test_the_three_words_narrow_the_list(amina: Browser, low: dict[str, int], state: str, shown: str) -> None:
    page = amina.get(f"/stock/low?state={state}").text
    assert " ".join(name for name in sorted(low) if f">{name}</a>" in page) == shown


def test_it_is_narrowed_to_a_supplier_and_searched(amina: Browser, low: dict[str, int]) -> None:
    nur = suppliers.find("Nur Dairy").id
    assert ">Salt</a>" not in amina.get(f"/stock/low?supplier={nur}").text
    page = amina.get("/stock/low?q=BUT").text
    assert ">Butter</a>" in page and ">Milk</a>" not in page
    assert "Nothing found" in amina.get("/stock/low?q=zzz").text


def test_all_of_a_supplier_are_marked_in_one_go(amina: Browser, low: dict[str, int]) -> None:
    day = clock.today() + timedelta(days=2)
    fields = {f"quantity-{low['Milk']}": "30", f"quantity-{low['Butter']}": "12", "expected_on": day.isoformat()}
    answer = amina.send("/stock/low", **fields)
    assert answer.location == "/stock/low"
    assert "2 products marked as ordered." in amina.get("/stock/low").text
    assert on_order(low) == {"Milk": "30", "Butter": "12", "Cheese": "50", "Salt": "0", "Sugar": "0"}
    assert incoming.open_for(low["Milk"])[0].expected_on == day


def test_one_row_alone_is_marked_by_its_own_button_and_empty_ones_are_left_out(
    amina: Browser, low: dict[str, int]
) -> None:
    fields = {f"quantity-{low['Milk']}": "30", f"quantity-{low['Butter']}": "12", "expected_on": ""}
    amina.send("/stock/low", only=str(low["Butter"]), **fields)
    assert (on_order(low)["Milk"], on_order(low)["Butter"]) == ("0", "12")
    amina.send("/stock/low", **fields | {f"quantity-{low['Butter']}": " "})
    assert (on_order(low)["Milk"], on_order(low)["Butter"]) == ("30", "12")


@pytest.mark.parametrize(
    ("typed", "day", "says"),
    [("many", "", "can&#39;t be read"), ("1.5", "", "Butter is counted with no decimals"), ("", "", "at least one"),
     ("12", "2020-01-01", "in the past"), ("12", "soon", "is not a date")],
)  # fmt: skip
def test_what_makes_no_sense_is_said_and_nothing_is_ordered(
    amina: Browser, low: dict[str, int], typed: str, day: str, says: str
) -> None:
    milk = "" if not typed else "30"
    fields = {f"quantity-{low['Milk']}": milk, f"quantity-{low['Butter']}": typed, "expected_on": day}
    answer = amina.send("/stock/low", **fields)
    assert answer.status_code == 422 and says in answer.text
    if typed:
        assert f'value="{typed}"' in answer.text and (not day or f'value="{day}"' in answer.text)
    assert on_order(low)["Milk"] == "0"


def test_the_order_list_is_printed_and_shared(amina: Browser, low: dict[str, int]) -> None:
    page = amina.get("/stock/low/print").text
    assert "Nur Dairy" in page and ">Milk<" in page and ">Cheese<" not in page
    shared = unquote(amina.get("/stock/low").text)
    order = "text=Order from My shop:\n16 Butter (But)\n20 Milk (Mil)"
    assert f"https://wa.me/?{order}" in shared
    suppliers.edit(suppliers.find("Nur Dairy").id, phone="+254 733 905 224")  # now WhatsApp can tell who that is
    assert f"https://wa.me/254733905224?{order}" in unquote(amina.get("/stock/low").text)


def test_the_file_says_what_the_page_says(amina: Browser, low: dict[str, int]) -> None:
    rows = list(csv.DictReader(io.StringIO(amina.get("/stock/low?format=csv&state=now").data.decode("utf-8-sig"))))
    assert [(row["name"], row["suggested"], row["state"], row["cost"]) for row in rows] == [
        ("Butter", "16", "Order now", "50.00"), ("Milk", "20", "Order now", "50.00"),
    ]  # fmt: skip


def test_a_cashier_sees_what_is_low_but_orders_nothing_and_sees_no_cost(juma: Browser, low: dict[str, int]) -> None:
    page = juma.get("/stock/low").text
    assert ">Milk</a>" in page and "about" not in page and "Mark " not in page and "/suppliers/" not in page
    assert juma.send("/stock/low", **{f"quantity-{low['Milk']}": "3"}).status_code == 403
    assert "cost" not in juma.get("/stock/low?format=csv").text
    assert on_order(low)["Milk"] == "0"


def test_a_stranger_is_sent_to_the_log_in(zawadi: Browser) -> None:
    for path in ("/stock/low", "/stock/low/print"):
        assert zawadi.get(path).location.startswith("/login")


def test_nothing_low_is_good_news(amina: Browser) -> None:
    assert "Nothing is low" in amina.get("/stock/low").text
    assert "Nothing to order" in amina.get("/stock/low/print").text


def test_the_list_is_one_question(amina: Browser, low: dict[str, int], statements) -> None:
    with statements() as asked:
        amina.get("/stock/low")
    assert len([sql for sql in asked if "product_low" in sql]) == 1
    assert len([sql for sql in asked if "FROM product" in sql or "FROM supplier" in sql]) == 1
