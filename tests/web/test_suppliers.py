"""The suppliers' pages: list, file, one supplier, new, edit, archive. About 4 s."""

from __future__ import annotations

import csv
import io

import pytest
from flask import Flask

from tests.web.conftest import Browser
from tracker.quantity import Quantity
from tracker.shop import products, suppliers

GOOD = {"name": "Kimani Wholesale", "code": "KIM", "contact": "Mr Kimani", "phone": "+254 722 410 118",
        "email": "kimani@example.org", "address": "Market Road 5\nNakuru", "terms_days": "14", "notes": ""}  # fmt: skip


@pytest.fixture
def kimani(app: Flask) -> int:
    return suppliers.add(**GOOD | {"terms_days": 14}).id


def test_a_new_supplier_is_added_and_shown_with_ways_to_reach_them(amina: Browser) -> None:
    answer = amina.send("/suppliers", **GOOD)
    kimani = suppliers.find("KIM")
    assert (answer.status_code, answer.location) == (303, f"/suppliers/{kimani.id}")
    page = amina.get(answer.location).text
    for part in (
        "tel:+254722410118",
        "https://wa.me/254722410118",
        "mailto:kimani@example.org",
        "Market Road 5<br>Nakuru",
    ):
        assert part in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"name": ""}, "name"), ({"name": "kimani WHOLESALE"}, "name"), ({"name": "B", "code": "kim"}, "code"),
     ({"name": "B", "code": "", "email": "x"}, "email"),
     ({"name": "B", "code": "", "terms_days": "soon"}, "terms_days")],
)  # fmt: skip
def test_a_wrong_form_says_so_beside_its_field(amina: Browser, kimani: int, wrong: dict, field: str) -> None:
    answer = amina.send("/suppliers", **GOOD | wrong)
    assert answer.status_code == 422 and f'href="#{field}"' in answer.text
    assert "Market Road 5" in answer.text
    assert suppliers.totals().active == 1


def test_the_list_is_searched_and_narrowed(amina: Browser, kimani: int) -> None:
    nur = suppliers.add("Nur Dairy").id
    assert "2" in amina.get("/suppliers").text
    page = amina.get("/suppliers?q=410").text
    assert "Kimani Wholesale" in page and "Nur Dairy" not in page
    assert "Nothing found" in amina.get("/suppliers?show=owed").text
    amina.send(f"/suppliers/{nur}/archive")
    assert "Nur Dairy" not in amina.get("/suppliers").text
    assert "Nur Dairy" in amina.get("/suppliers?show=archived").text
    amina.send(f"/suppliers/{nur}/unarchive")
    assert "Nur Dairy" in amina.get("/suppliers").text


def test_what_goes_out_has_the_imports_own_columns(amina: Browser, kimani: int) -> None:
    (row,) = csv.DictReader(io.StringIO(amina.get("/suppliers?format=csv").data.decode("utf-8-sig")))
    row["phone"] = row["phone"].lstrip("'")  # a sign that keeps spreadsheets from taking "+254 …" for a formula
    assert row == {
        "code": "KIM", "name": "Kimani Wholesale", "contact": "Mr Kimani", "phone": "+254 722 410 118",
        "email": "kimani@example.org", "address": "Market Road 5\nNakuru", "terms_days": "14", "notes": "",
    }  # fmt: skip
    assert amina.get("/suppliers?format=xlsx").data[:2] == b"PK"


def test_a_supplier_is_edited(amina: Browser, kimani: int) -> None:
    form = amina.get(f"/suppliers/{kimani}/edit").text
    assert 'value="Kimani Wholesale"' in form and 'value="14"' in form
    amina.send(f"/suppliers/{kimani}", **GOOD | {"terms_days": "", "phone": ""})
    found = suppliers.get(kimani)
    assert (found.terms_days, found.phone) == (None, "")
    assert "Changes to this supplier" in amina.get(f"/suppliers/{kimani}").text
    assert amina.send(f"/suppliers/{kimani}", **GOOD | {"name": ""}).status_code == 422


def test_a_supplier_shows_what_is_bought_there_and_what_is_to_order(amina: Browser, kimani: int) -> None:
    products.add("CHA", "Chai", supplier_id=kimani, reorder_level=Quantity.of(3))
    products.add("OTH", "Somebody else's")
    page = amina.get(f"/suppliers/{kimani}").text
    assert "Chai" in page and "Somebody else" not in page
    assert f"/stock/low?supplier={kimani}" in page


def test_a_cashier_and_a_stranger_see_no_suppliers(juma: Browser, zawadi: Browser, browser_of, kimani: int) -> None:
    for path in ("/suppliers", f"/suppliers/{kimani}", "/suppliers?format=csv", "/suppliers/new"):
        assert juma.get(path).status_code == 403
        assert zawadi.get(path).location.startswith("/login")
    vera = browser_of("vera")
    assert vera.get(f"/suppliers/{kimani}").status_code == 200
    assert vera.get("/suppliers/new").status_code == 403
    assert vera.send(f"/suppliers/{kimani}", **GOOD | {"name": "Vera's"}).status_code == 403
    assert "Kimani" not in juma.get("/search?q=kimani").text
    assert amina_finds(browser_of("amina"), kimani)


def amina_finds(amina: Browser, number: int) -> bool:
    return f"/suppliers/{number}" in amina.get("/search?q=kimani").text


def test_the_list_asks_the_books_two_things_of_its_own(amina: Browser, kimani: int, statements) -> None:
    with statements() as asked:
        amina.get("/suppliers")
    assert len([sql for sql in asked if "FROM supplier" in sql]) == 2


def test_nobody_has_that_number(amina: Browser) -> None:
    assert amina.get("/suppliers/999").status_code == 404
