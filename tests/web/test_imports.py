"""The import page: choose, look, book; whose file it is and how long it waits; the demo shop with its banner. 12 s."""

from __future__ import annotations

import html
import io
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.web.conftest import Browser
from tracker import db
from tracker.config import Config
from tracker.shop import demo, settings, suppliers
from tracker.web import uploads

PRODUCTS = "sku,name,supplier,price,on_hand\nA,Chai,,18,39\nB,Chang,Nobody,19,17\nC,Syrup,,ten,13\n"
GOOD = "sku,name,price\nA,Chai,18\nB,Chang,19\n"


def bring(client: Browser, content: str | bytes, kind: str = "products", **more: Any) -> TestResponse:
    raw = content.encode() if isinstance(content, str) else content
    return client.send("/imports", kind=kind, file=(io.BytesIO(raw), "../../my goods.csv"), **more)


def waiting(config: Config) -> list[Path]:
    return sorted((config.data / "uploads").glob("*"))


def words(answer: TestResponse) -> str:
    """The page's text as people read it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def names() -> list[str]:
    return [row[0] for row in db.rows("SELECT name FROM product ORDER BY id")]


# --- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/imports", "/imports/template/products.csv", "/demo", "/import/products"])
def test_strangers_log_in_and_the_till_may_not(zawadi: Browser, juma: Browser, path: str) -> None:
    assert zawadi.get(path).status_code == 303
    assert juma.get(path).status_code == 403


@pytest.mark.parametrize("path", ["/demo", "/demo/remove", "/imports"])
def test_the_till_may_not_send_either(juma: Browser, path: str) -> None:
    assert juma.send(path).status_code == 403
    assert not names()


def test_a_file_is_for_the_one_who_brought_it(amina: Browser, browser_of: Any) -> None:
    location = bring(amina, GOOD).location
    assert amina.get(location).status_code == 200
    other = browser_of("wanjiru")
    assert other.get(location).status_code == 404
    assert other.send(location, kind="products").status_code == 404
    for name in ("1-" + "0" * 32, "..%2F..%2Fshop.sqlite3", "secret_key"):
        assert amina.get(f"/imports/{name}").status_code == 404
    assert not names()


# --- choose, look, book -----------------------------------------------------------------------------------------------


def test_the_page_shows_each_kind_with_its_columns_and_template(amina: Browser) -> None:
    for kind, column in (("products", "reorder_level"), ("suppliers", "terms_days"), ("debts", "issued_on")):
        assert column in amina.get(f"/imports?kind={kind}").text
        answer = amina.get(f"/imports/template/{kind}.csv")
        assert column in answer.text and "attachment" in answer.headers["Content-Disposition"]
    assert amina.get("/imports?kind=nonsense").status_code == 200
    assert amina.get("/imports/template/sales.csv").status_code == 404
    assert amina.get("/import/debts").location == "/imports?kind=debts"


def test_every_row_is_shown_with_what_is_wrong_before_anything_is_booked(amina: Browser) -> None:
    brought = bring(amina, PRODUCTS)
    assert brought.status_code == 303
    page = amina.get(brought.location)
    said = words(page)
    assert "Products from your file 3 rows Nothing is booked yet." in said
    assert "New 1" in said and "Can't come in 2" in said
    assert "supplier: There is no supplier “Nobody”." in said
    assert "price: “ten” can't be read as an amount." in said
    assert "Leave out 2 rows and book the rest" in said
    assert not names()


def test_a_good_file_is_booked_once_however_often_it_is_sent(amina: Browser, config: Config) -> None:
    location = bring(amina, GOOD).location
    path = location.partition("?")[0]
    assert "Book it" in amina.get(location).text
    fields = {"csrf_token": amina.token, "kind": "products", "request_key": "a-form-key-0001"}
    sent = [amina.post(path, data=fields) for _ in range(2)]
    assert [(answer.status_code, answer.location) for answer in sent] == [(303, "/products")] * 2
    assert "Products: 2 added." in words(amina.get("/products"))
    assert names() == ["Chai", "Chang"] and waiting(config) == []
    assert amina.get(location).status_code == 404


def test_bad_rows_stop_all_unless_they_are_left_out(amina: Browser) -> None:
    path = bring(amina, PRODUCTS).location.partition("?")[0]
    refused = amina.send(path, kind="products")
    assert refused.status_code == 422 and "Can't come in" in words(refused)
    assert not names()
    assert amina.send(path, kind="products", skip_bad="1").status_code == 303
    assert names() == ["Chai"]


def test_what_is_there_is_left_or_changed_as_one_chooses(amina: Browser) -> None:
    amina.send(bring(amina, GOOD).location.partition("?")[0], kind="products")
    location = bring(amina, GOOD.replace("19", "21")).location
    said = words(amina.get(location))
    assert "2 rows are there already. They stay as they are." in said and "There is nothing to book" in said
    changed = amina.get(location + "&update=1")
    assert "Changes 1" in words(changed) and "As it is 1" in words(changed)
    amina.send(location.partition("?")[0], kind="products", update="1")
    assert db.rows("SELECT price FROM product ORDER BY id") == [(1800,), (2100,)]


def test_columns_with_other_names_are_chosen_by_hand(amina: Browser) -> None:
    location = bring(amina, "Ware,Preis\nTee,3\n").location
    page = amina.get(location)
    assert page.status_code == 422 and "no column sku and no name" in words(page) and "<option>Ware" in page.text
    chosen = amina.get(location + "&column-name=Ware&column-price=Preis")
    assert chosen.status_code == 200 and "New 1" in words(chosen)
    hidden = dict(re.findall(r'name="(column-[a-z]+)" value="([^"]+)"', chosen.text))
    assert hidden == {"column-name": "Ware", "column-price": "Preis"}
    amina.send(location.partition("?")[0], kind="products", **hidden)
    assert names() == ["Tee"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Choose a file."),
        (b"\n\n", "The file is empty."),
        (b"PK\x03\x04 torn", "The file can't be read."),
        (b"\xd0\xcf\x11\xe0", "This is an old Excel file"),
        (b"a,b\n" + b"x" * 20_000_000, "The file is larger than 20 MB."),
    ],
)
def test_a_file_that_is_no_table_is_refused_beside_the_field(
    amina: Browser, config: Config, content: bytes, sentence: str
) -> None:
    answer = bring(amina, content)
    assert answer.status_code == 422 and sentence in words(answer)
    assert waiting(config) == []


def test_a_request_beyond_the_cap_is_refused_and_other_forms_keep_theirs(amina: Browser) -> None:
    assert bring(amina, b"x" * 21_100_000).status_code == 413
    assert amina.send("/suppliers", name="x", notes="y" * 2_100_000).status_code == 413
    assert bring(amina, "sku,name\n" + "A,Chai\n" * 400_000).status_code == 422  # 2.8 MB: read, then too many rows


def test_a_cell_is_text_whatever_it_says(amina: Browser) -> None:
    page = amina.get(bring(amina, 'sku,name\nA,"<script>alert(1)</script>{{ 7*7 }}"\n').location)
    assert "<script>alert" not in page.text and "&lt;script&gt;alert(1)" in page.text and "{{ 7*7 }}" in page.text


def test_many_rows_show_the_bad_ones_and_the_first_fifty(amina: Browser) -> None:
    rows = [f"S{n},Name {n},{'x' if n % 100 == 99 else n}" for n in range(2_000)]
    page = amina.get(bring(amina, "sku,name,price\n" + "\n".join(rows)).location)
    assert page.text.count("<tr>") == 1 + 20 + 50
    assert "And 1,930 more rows." in page.text and len(page.data) < 100_000


# --- the file that waits ----------------------------------------------------------------------------------------------


def test_a_file_waits_under_our_name_for_an_hour_and_five_at_most(amina: Browser, config: Config) -> None:
    locations = [bring(amina, GOOD + f"{n},{n},1\n").location for n in range(7)]
    found = waiting(config)
    assert len(found) == uploads.MOST
    assert all(re.fullmatch(r"[0-9]+-[0-9a-f]{32}", path.name) for path in found)
    if os.name == "posix":
        assert {oct(path.stat().st_mode & 0o777) for path in (*found, found[0].parent)} == {"0o600", "0o700"}
    assert amina.get(locations[-1]).status_code == 200
    for path in found:
        os.utime(path, (time.time() - 3700,) * 2)
    gone = amina.get(locations[-1])
    assert gone.status_code == 404 and "files wait for an hour" in words(gone)
    assert waiting(config) == []


# --- the demo shop ----------------------------------------------------------------------------------------------------


def test_the_demo_shop_is_filled_and_removed_by_one_button_each(amina: Browser, juma: Browser) -> None:
    assert "Fill in the demo shop" in amina.get("/demo").text
    assert amina.send("/demo").location == "/"
    assert len(names()) == 77
    banner = "This is a demo shop. Remove it and start with your own goods."
    assert banner in words(amina.get("/suppliers")) and 'href="/demo"' in amina.get("/suppliers").text
    assert "This is a demo shop." in words(juma.get("/products")) and banner not in words(juma.get("/products"))
    assert "Remove the demo shop…" in amina.get("/demo").text
    assert amina.send("/demo").status_code == 422
    assert amina.send("/demo/remove").location == "/products"
    assert not names() and not settings.current().is_demo
    assert banner not in words(amina.get("/suppliers"))
    assert amina.send("/demo/remove").status_code == 422


def test_real_books_are_offered_no_demo(amina: Browser) -> None:
    suppliers.add("Kimani")
    assert "Your books are in use" in amina.get("/demo").text
    refused = amina.send("/demo")
    assert refused.status_code == 422 and "A demo shop needs empty ones." in words(refused)


def test_the_banner_asks_the_books_nothing(amina: Browser, statements: Any, app: Flask) -> None:
    demo.load()
    amina.get("/imports")
    with statements() as asked:
        assert amina.get("/imports").status_code == 200
    assert not [sql for sql in asked if "is_demo" in sql or "FROM product LIMIT" in sql]
    assert len(asked) <= 7
