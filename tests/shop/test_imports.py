"""What a file may look like, what becomes of each row, and that all of it comes in or nothing. About 15 s."""

from __future__ import annotations

import io
import random
import threading
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tests import cast
from tracker import clock, db
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import (
    audit,
    books,
    categories,
    demo,
    imports,
    incoming,
    low_stock,
    payables,
    products,
    settings,
    stock,
    suppliers,
    voids,
)
from tracker.shop.imports import Outcome, Wish, files
from tracker.shop.products import Product

pytestmark = pytest.mark.usefixtures("books")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
UPDATE, SKIP_BAD = Wish(update=True), Wish(skip_bad=True)


@pytest.fixture(autouse=True)
def _monday(books: object) -> Iterator[None]:
    settings.change(country="KE", currency="KES", timezone="Africa/Nairobi")
    with clock.frozen(NOW):
        yield


def bring(kind: str, text: str, wish: Wish | None = None) -> Outcome:
    """Book a CSV text, and hold that the preview said the same and that the books add up."""
    sheet = files.read(text.encode())
    said = imports.preview(kind, sheet, wish).as_json()
    outcome = imports.book(kind, files.read(text.encode()), wish)
    assert outcome.as_json() == said
    assert books.verify() == []
    return outcome


def faults(outcome: Outcome) -> list[tuple[int, str, str]]:
    return [(e["row"], e["column"], e["message"]) for e in outcome.as_json()["errors"]]


def counts(outcome: Outcome) -> tuple[int, int, int]:
    found = outcome.as_json()
    return found["added"], found["updated"], found["skipped"]


def product(sku: str) -> Product:
    found = products.by_code(sku)
    assert found is not None
    return found


def tables() -> dict[str, list[tuple[Any, ...]]]:
    names = [
        row[0] for row in db.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    return {name: db.rows(f"SELECT * FROM {name}") for name in names}


# --- Northwind --------------------------------------------------------------------------------------------------------


def northwind(kind: str) -> Outcome:
    return imports.book(kind, files.read_path(demo.FOLDER / f"{kind}.csv"))


def test_northwinds_own_files_come_in_and_eighteen_products_are_low() -> None:
    found = {kind: counts(northwind(kind)) for kind in ("categories", "suppliers", "products")}
    assert found == {"categories": (8, 0, 0), "suppliers": (29, 0, 0), "products": (77, 0, 0)}
    assert db.rows("SELECT COUNT(*), SUM(archived_at IS NOT NULL) FROM product") == [(77, 8)]
    low = low_stock.rows(clock.today())
    assert len(low) == 18
    assert sum(row.on_order > Quantity(0) for row in low) == 17
    assert sum(row.state == "ordered" for row in low) == 16
    chang, tokyo = product("2"), suppliers.find("4")
    assert (chang.name, chang.notes, chang.price, chang.on_hand, chang.on_order) == (
        "Chang", "24 - 12 oz bottles", Money(1900), Quantity.of(17), Quantity.of(40),
    )  # fmt: skip
    assert suppliers.get(chang.supplier_id).name == "Exotic Liquids"
    assert categories.get(chang.category_id).name == "Beverages"
    assert tokyo is not None and tokyo.contact == "Yoshi Nagase"
    assert tokyo.address == "9-8 Sekimai\nMusashino-shi, Tokyo, 100, Japan"
    assert books.verify() == []


def test_the_same_files_again_change_nothing() -> None:
    for kind in ("categories", "suppliers", "products"):
        northwind(kind)
    before = tables()
    for kind in ("categories", "suppliers", "products"):
        sheet = files.read_path(demo.FOLDER / f"{kind}.csv")
        assert counts(imports.book(kind, sheet)) == (0, 0, len(sheet.rows))
        again = imports.book(kind, sheet, UPDATE)
        assert counts(again) == (0, 0, len(sheet.rows)) and again.count("same") == len(sheet.rows)
    after = tables()
    assert {name for name in before if before[name] != after[name]} == {"audit"}


# --- products ---------------------------------------------------------------------------------------------------------


def test_what_an_import_writes_is_what_the_verbs_write() -> None:
    suppliers.add("Kimani", "KIM")
    bring("categories", "code,name\nT,Tea\n")
    with audit.acting(audit.Actor(None, "Amina")):
        text = "sku,name,category,barcode,cost,price,on_hand,reorder_level,reorder_quantity,on_order,supplier,unit\n"
        bring("products", text + "A,Chai,Tea,600001,10.50,18,3,5,12,7,KIM,box\n")
        number = products.add(
            "B", "Chai", category="T", barcode="600002", cost=Money(1050), price=Money(1800), unit="box",
            reorder_level=Quantity.of(5), reorder_quantity=Quantity.of(12), supplier_id=suppliers.find("kimani").id,
        ).id  # fmt: skip
        stock.opening(number, Quantity.of(3), note="Import")
        incoming.mark_ordered(number, Quantity.of(7), source="import")
    changing = {"product": (0, 1, 2, 5), "stock_movement": (0, 1, 8), "incoming": (0, 1), "audit": (0, 5, 6)}
    for table, own in changing.items():
        rows = [
            [value for at, value in enumerate(row) if at not in own]
            for row in db.rows(f"SELECT * FROM {table} ORDER BY id")
            if table != "audit" or row[4] == "product.add"
        ]
        assert len(rows) == 2 and rows[0] == rows[1], table


def test_a_level_may_be_never_or_when_sold_out() -> None:
    bring("products", "sku,name,reorder_level\nA,Never,\nB,Sold out,0\nC,Some,2.5\n")
    assert [product(sku).reorder_level for sku in "ABC"] == [None, Quantity(0), Quantity(2500)]
    assert product("C").unit_decimals == 1
    assert {row.sku for row in low_stock.rows(clock.today())} == {"B", "C"}


def test_weighed_goods_may_be_sold_in_parts_whatever_their_stock_is_today() -> None:
    bring("products", "sku,name,unit,on_hand,cost\nA,Rice,kg,20,100\nB,Cup,piece,1.25,1\nC,Tin,,5,1\n")
    assert [product(sku).unit_decimals for sku in "ABC"] == [3, 2, 0]


def test_existing_products_are_skipped_or_changed_but_never_their_stock() -> None:
    bring("products", "sku,name,price,on_hand,cost,reorder_level\nA,Chai,18,39,10,5\nB,Chang,19,17,10,5\n")
    text = "sku,name,price,on_hand,reorder_level,active\na,Chai,20,30,,yes\nB,Chang,19,17,5,no\nC,New,1,,,\n"
    assert counts(bring("products", text)) == (1, 0, 2)
    assert product("A").price == Money(1800)
    changed = bring("products", text, UPDATE)
    assert counts(changed) == (0, 2, 1)
    assert changed.notes == ["Row 2: 39 on hand in the books, 30 in the file; nothing was changed."]
    chai, chang = product("A"), product("B")
    assert (chai.sku, chai.price, chai.on_hand, chai.reorder_level) == (
        "a",
        Money(2000),
        Quantity.of(39),
        Quantity.of(5),
    )
    assert chang.archived_at is not None
    assert [row.action for row in audit.of(f"product:{chai.id}")] == ["product.edit", "product.add"]


def test_a_product_that_never_moved_takes_its_opening_stock_once() -> None:
    bring("products", "sku,name,cost\nA,Chai,10\n")
    text = "sku,on_hand\nA,5\n"
    assert counts(bring("products", text, UPDATE)) == (0, 1, 0)
    assert (product("A").on_hand, product("A").stock_value) == (Quantity.of(5), Money(5000))
    stock.issue(product("A").id, Quantity.of(5))
    assert counts(bring("products", text, UPDATE)) == (0, 0, 1)
    assert product("A").on_hand == Quantity(0)
    bring("products", "sku,name\nB,Cup\n")
    assert faults(bring("products", "sku,on_hand,cost\nB,1.5,1\n", UPDATE)) == [
        (2, "on_hand", "The quantity on hand may have no decimals, as the unit has."),
    ]  # fmt: skip


def test_a_product_that_is_no_longer_low_is_news_the_next_time() -> None:
    bring("products", "sku,name,on_hand,reorder_level\nA,Chai,5,9\nB,Chang,5,9\n")
    low_stock.mark_told([product("A").id, product("B").id], clock.today())
    bring("products", "sku,reorder_level\nA,4\nB,8\n", UPDATE)
    assert product("A").low_told_on is None
    assert product("B").low_told_on == clock.today()


def test_goods_without_a_code_are_known_by_barcode_or_name() -> None:
    bring("products", "sku,name\nP0002,Taken\n")
    text = "name,barcode,price\nChai,4006381333931,18\nChang,,19\n"
    assert counts(bring("products", text)) == (2, 0, 0)
    assert [row[0] for row in db.rows("SELECT sku FROM product ORDER BY id")] == ["P0002", "P0003", "P0004"]
    assert counts(bring("products", text)) == (0, 0, 2)
    assert counts(bring("products", "barcode,price\n4006381333931,20\n", UPDATE)) == (0, 1, 0)
    assert product("P0003").price == Money(2000)


def test_each_bad_row_says_what_is_wrong_with_it_and_nothing_is_booked() -> None:
    bring("products", "sku,name,barcode\nOLD,Old,012345678905\n")
    before = tables()
    text = (
        "sku,name,category,supplier,barcode,cost,on_hand,reorder_level,active,unit_decimals\n"
        "A,Chai,,,,10,1,,,\n"
        "a,Again,,,,,,,,\n"
        "B,,,,,,,,,\n"
        "C,C,Nowhere,Nobody,,,,,,\n"
        "D,D,,,12345678905,-1,-2,-3,perhaps,\n"
        "E,E,,,12345678905,,,,,\n"
        "F,F,,,012345678905,1.234,,,,\n"
        "G,G,,,,,1.5,,,0\n"
        f"H,{'x' * 201},,,,,,,,\n"
        "J,J,,,,9000000000,900000000,,,\n"
        "I,I,,,,,,,,,,extra\n"
    )
    outcome = bring("products", text)
    assert faults(outcome) == [
        (3, "sku", "Row 2 has this SKU already."),
        (4, "name", "Enter a name."),
        (5, "category", "There is no category “Nowhere”. Import the categories first, or add it by hand."),
        (5, "supplier", "There is no supplier “Nobody”. Import the suppliers first, or add it by hand."),
        (6, "active", "“perhaps” is neither yes nor no."),
        (6, "cost", "The amount can't be below zero."),
        (6, "reorder_level", "The level can't be below zero. Leave it empty for: never remind me."),
        (6, "on_hand", "The quantity can't be below zero."),
        (7, "barcode", "Row 6 has this barcode already."),
        (8, "cost", "This amount may have at most 2 decimals."),
        (8, "barcode", "Old (OLD) has this barcode already."),
        (9, "on_hand", "The quantity on hand may have no decimals, as the unit has."),
        (10, "name", "The name may have at most 200 characters; this one has 201."),
        (11, "on_hand", "What is on hand would be worth too much. Was a barcode written here?"),
        (12, "", "This row has more cells than the header. Is a separator inside a text without quotes?"),
    ]
    assert counts(outcome) == (0, 0, 0) and not outcome.is_booked
    assert tables() == before
    left = bring("products", text, SKIP_BAD)
    assert counts(left) == (1, 0, 10) and left.is_booked
    assert product("A").stock_value == Money(1000)


@pytest.mark.parametrize(
    "amount",
    ["NaN", "1e9", "1,5", "1.234,50", "--1", "0x10", "9" * 20, "1.2.3", "∞", "1 000 0", "=1+1", "10 KES USD", "٣"],
)
def test_what_is_no_amount_is_refused(amount: str) -> None:
    outcome = bring("products", f'sku,name,price,on_hand\nA,A,"{amount}",\nB,B,,"{amount}"\n')
    assert [(row, column) for row, column, _ in faults(outcome)] == [(2, "price"), (3, "on_hand")]
    assert db.rows("SELECT COUNT(*) FROM product") == [(0,)]


@pytest.mark.parametrize(("amount", "minor"), [("12.50", 1250), ("1,250.00", 125000), ("KES 5", 500), ("-0", 0)])
def test_what_is_an_amount_is_read_exactly(amount: str, minor: int) -> None:
    bring("products", f'sku,name,price\nA,A,"{amount}"\n')
    assert product("A").price == Money(minor)


# --- suppliers and categories -----------------------------------------------------------------------------------------


def test_suppliers_are_matched_by_code_then_by_name() -> None:
    cast.kimani()
    text = "code,name,phone,terms_days\nKIM,Kimani Wholesale,+254 1,14\n,nur textiles,,7\n"
    assert counts(bring("suppliers", text)) == (1, 0, 1)
    assert counts(bring("suppliers", text, UPDATE)) == (0, 1, 1)
    kimani = suppliers.find("KIM")
    assert kimani is not None
    assert (kimani.phone, kimani.terms_days, kimani.email) == ("+254 1", 14, "orders@kimani.example")
    assert [row.action for row in audit.of(f"supplier:{kimani.id}")] == ["supplier.edit", "supplier.add"]


def test_bad_suppliers_say_why() -> None:
    cast.kimani()
    suppliers.add("Other", "OTH")
    text = "code,name,email,terms_days\nKIM,Other,,\nX,X,nonsense,\nY,Y,,soon\nY,Z,,\n,,a@b.co,\n"
    assert faults(bring("suppliers", text)) == [
        (2, "name", "Another one has this name already."),
        (3, "email", "“nonsense” is not an e-mail address."),
        (4, "terms_days", "“soon” is not a whole number."),
        (5, "code", "Row 4 has this code already."),
        (6, "name", "Enter a name."),
    ]


# --- debts ------------------------------------------------------------------------------------------------------------

DEBTS = "supplier,reference,issued_on,due_on,amount,paid,notes\n"


def test_debts_are_booked_as_opening_debts_less_what_was_paid() -> None:
    kimani = cast.kimani()
    text = (
        DEBTS + "KIM,K-1,2026-10-01,2026-11-20,1250,250,old\nkimani wholesale,K-2,01/11/2026,,100,,\nKIM,K-3,,,5,5,\n"
    )
    assert counts(bring("debts", text)) == (3, 0, 0)
    found = list(payables.Payable.select().order_by(payables.Payable.id))
    assert [(d.kind, d.amount, d.left_to_pay, d.issued_on, d.due_on) for d in found] == [
        ("opening", Money(125000), Money(100000), date(2026, 10, 1), date(2026, 11, 20)),
        ("opening", Money(10000), Money(10000), date(2026, 11, 1), date(2026, 12, 1)),
        ("opening", Money(500), Money(0), date(2026, 11, 23), date(2026, 12, 23)),
    ]
    assert suppliers.owed(kimani.id) == (2, Money(110000))
    assert counts(bring("debts", text)) == (0, 0, 3)


def test_what_an_import_owes_is_what_the_verb_owes() -> None:
    kimani = cast.kimani()
    bring("debts", DEBTS + "KIM,K-1,2026-10-01,,1250,250,old\n")
    payables.owe(
        kimani.id, Money(125000), date(2026, 10, 1), reference="K-2", kind="opening", paid=Money(25000), note="old"
    )
    one, two = db.rows("SELECT * FROM payable ORDER BY id")
    assert one[4:] == two[4:] and one[1] == two[1] and (one[2:4], two[2:4]) == (("K-1", "k-1"), ("K-2", "k-2"))
    entries = db.rows("SELECT payable_id, kind, amount, source, moved_on, user_id FROM payable_entry ORDER BY id")
    assert [row[1:3] for row in entries] == [("owe", 125000), ("settle", -25000)] * 2
    assert [row[3] for row in entries] == ["payable:1", "payable:1", "payable:2", "payable:2"]
    assert entries[0][4:] == entries[2][4:]
    voids.void("payable:1", "twice")
    assert books.verify() == []


def test_debts_without_a_reference_are_not_doubled_by_the_same_file() -> None:
    cast.kimani()
    text = DEBTS + "KIM,,2026-10-01,2026-11-20,100,,\nKIM,,2026-10-01,2026-11-20,100,,\n"
    assert counts(bring("debts", text)) == (2, 0, 0)
    assert counts(bring("debts", text + "KIM,,2026-10-01,2026-11-20,100,,\n")) == (1, 0, 2)


def test_bad_debts_say_why() -> None:
    cast.kimani()
    bring("debts", DEBTS + "KIM,K-1,2026-10-01,2026-11-20,100,,\n")
    text = DEBTS + (
        "Nobody,1,2026-10-01,,1,,\n"
        "KIM,2,2026-10-01,2026-09-01,1,,\n"
        "KIM,3,2026-10-01,,1,2,\n"
        "KIM,4,2026-10-01,,0,,\n"
        "KIM,5,2026-13-01,,1,,\n"
        "KIM,6,2026-10-01,2046-10-01,1,,\n"
        "KIM,7,2026-10-01,,,,\n"
        "KIM,8,2026-10-01,,1,,\nKIM,8,2026-10-01,,2,,\n"
        f"KIM,{'9' * 61},2026-10-01,,1,,\n"
    )
    assert faults(bring("debts", text)) == [
        (2, "supplier", "There is no supplier “Nobody”. Import the suppliers first, or add it by hand."),
        (3, "due_on", "The due date is before the date of the invoice."),
        (4, "paid", "What is paid already can't be below zero or above the amount."),
        (5, "amount", "The amount must be more than zero."),
        (6, "issued_on", "“2026-13-01” is not a date. Write it like 2026-11-23."),
        (7, "due_on", "The due date is more than ten years after the date of the invoice. Check the year."),
        (8, "amount", "Enter an amount."),
        (10, "reference", "Row 9 has this supplier and reference already."),
        (11, "reference", "The reference may have at most 60 characters; this one has 61."),
    ]
    differs = bring("debts", DEBTS + "KIM,k-1,2026-10-01,2026-11-20,200,,\n", UPDATE)
    assert counts(differs) == (0, 0, 1)
    assert differs.notes == ["Row 2: booked already with another amount or day; void that debt and enter it again."]


# --- headers ----------------------------------------------------------------------------------------------------------


def test_headers_are_known_in_any_order_spelling_and_under_other_names() -> None:
    text = "Unit Price;PRODUCT NAME;Item Code;Discontinued;colour;EAN\n18;Chai;A;1;red;4006381333931\n"
    outcome = bring("products", text)
    assert outcome.notes == ["Columns that are not read: colour."]
    assert (product("A").price, product("A").barcode) == (Money(1800), "4006381333931")
    assert product("A").archived_at is not None


def test_a_column_may_be_named_by_hand() -> None:
    text = "Foo,Bar,discontinued\nA,Chai,0\n"
    with pytest.raises(Refused, match="no column sku and no name and no barcode. Its columns are: Foo, Bar"):
        bring("products", text)
    bring("products", text, Wish(columns={"sku": "foo", "name": "Bar", "active": "discontinued"}))
    assert product("A").name == "Chai" and product("A").archived_at is None
    for wrong, words in (
        ({"colour": "Foo"}, "There is no field colour"),
        ({"sku": "Baz"}, "The file has no column Baz"),
    ):
        with pytest.raises(Refused, match=words):
            bring("products", text, Wish(columns=wrong))


def test_a_fields_own_name_goes_before_another_fields_alias() -> None:
    bring("products", "id,description,name,sku\n7,Long words,Chai,A\n")
    assert product("A").name == "Chai"


def test_what_can_not_be_imported_is_said() -> None:
    with pytest.raises(NotFound, match="nothing to import named sales"):
        imports.template("sales")
    assert imports.template("debts") == "supplier,reference,issued_on,due_on,amount,paid,notes\r\n"


# --- files ------------------------------------------------------------------------------------------------------------

NAME = "Ünïcode Čaj 茶"


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_any_code_and_separator_is_read(code: str, separator: str) -> None:
    text = separator.join(("sku", "name", "price")) + "\r\n" + separator.join(("A", f'"{NAME}, {separator} x"', "2"))
    sheet = files.read(text.encode(code))
    assert (sheet.header, sheet.rows) == (["sku", "name", "price"], [(2, ["A", f"{NAME}, {separator} x".strip(), "2"])])


def test_windows_own_code_is_read() -> None:
    assert files.read("sku,name\nA,Café “x” €\n".encode("cp1252")).rows == [(2, ["A", "Café “x” €"])]


def test_empty_lines_ragged_rows_and_nul_are_no_trouble() -> None:
    sheet = files.read(b'\n\nsku,name,price\n\n,,\nA\nB,"two\nlines",1,,\nC\x00,x\x00,2\n')
    assert sheet.rows == [(6, ["A"]), (7, ["B", "two\nlines", "1"]), (8, ["C", "x", "2"])]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n\n \n", "is empty"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel file"),
        (b"SQLite format 3\0", "not a table"),
        (b"PK\x03\x04 torn", "can't be read"),
        (b"x" * (files.LARGEST + 1), "larger than 20 MB"),
        (b"a\n" + b"1\n" * (files.ROWS + 1), "more than 200,000 rows"),
    ],
)
def test_what_is_no_fit_table_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        files.read(content)


def test_a_cell_of_a_megabyte_is_a_fault_of_its_row() -> None:
    outcome = bring("products", f"sku,name\nA,{'x' * 1_000_000}\nB,Chai\n")
    ((row, column, message),) = faults(outcome)
    assert (row, column) == (2, "name") and "at most 200 characters" in message


def workbook(*rows: list[Any]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return out.getvalue()


def test_a_workbooks_numbers_become_the_text_they_show() -> None:
    sheet = files.read(
        workbook(
            ["a", "b", "c", "d", "e", "f"],
            [4006381333931, 12.0, 0.1 + 0.2, date(2026, 11, 23), True, "007"],
            [],
            [1e15],
        )
    )
    assert sheet.rows == [
        (2, ["4006381333931", "12", "0.3", "2026-11-23", "yes", "007"]), (4, ["1000000000000000"]),
    ]  # fmt: skip


def test_rows_far_below_a_gap_are_not_lost() -> None:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["sku", "name"])
        sheet.write_row(300_000, 0, ["A", "Chai"])
    assert files.read(out.getvalue()).rows == [(300_001, ["A", "Chai"])]


def test_a_barcode_that_lost_its_zero_is_pointed_out_and_found_by_either_spelling() -> None:
    outcome = imports.book(
        "products", files.read(workbook(["sku", "name", "barcode"], ["A", "Chai", 12345678905.0 * 10 + 5]))
    )
    assert outcome.is_booked and "a barcode of 12 digits" in outcome.notes[0]
    assert product("0123456789055").sku == "A"


def test_a_libreoffice_sheet_is_read() -> None:
    assert files.read(
        ods("<table:table-cell office:value-type='string'><text:p>sku</text:p></table:table-cell>")
    ).header == ["sku"]


def ods(cells: str, row: str = "") -> bytes:
    names = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {names}><office:body><office:spreadsheet>'
        f'<table:table table:name="S"><table:table-row{row}>{cells}</table:table-row></table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def zipped(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def bombs() -> Iterator[tuple[str, bytes]]:
    yield "unpacks to 160 MB", zipped({"xl/worksheets/sheet1.xml": "0" * 160_000_000})
    far = io.BytesIO()
    with xlsxwriter.Workbook(far, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "sku")
        sheet.write(1_048_575, 16_383, "far")
    yield "one cell far out", far.getvalue()
    cell = '<table:table-cell{} office:value-type="string"><text:p>x</text:p></table:table-cell>'
    yield "a cell repeated", ods(cell.format(' table:number-columns-repeated="16384"'))
    yield "a row repeated", ods(cell.format(""), ' table:number-rows-repeated="1048576"')


@pytest.mark.parametrize(("name", "content"), list(bombs()), ids=lambda value: value if isinstance(value, str) else "")
def test_a_small_file_that_would_fill_the_memory_is_refused_quickly(name: str, content: bytes) -> None:
    assert len(content) < 400_000
    begun = time.perf_counter()
    with pytest.raises(Refused, match="too large once it is unpacked"):
        files.read(content)
    assert time.perf_counter() - begun < 10, name


# --- many -------------------------------------------------------------------------------------------------------------


def test_ten_thousand_rows_come_in_within_ten_seconds_and_a_bad_one_stops_them_all() -> None:
    rows = [f"S{i},Name {i},1.50,2.50,{i % 50},5,{i % 3},40{i:011d}" for i in range(10_000)]
    header = "sku,name,cost,price,on_hand,reorder_level,on_order,barcode\n"
    bad = imports.book("products", files.read((header + "\n".join([*rows, "Z,,,,,,,"])).encode()))
    assert not bad.is_booked and len(faults(bad)) == 1
    assert db.rows("SELECT (SELECT COUNT(*) FROM product) + (SELECT COUNT(*) FROM stock_movement)") == [(0,)]
    sheet = files.read((header + "\n".join(rows)).encode())
    begun = time.perf_counter()
    assert counts(imports.book("products", sheet)) == (10_000, 0, 0)
    assert time.perf_counter() - begun < 10
    assert books.verify(thorough=False) == []
    assert product("S49").on_hand == Quantity.of(49)


def test_what_somebody_adds_while_a_file_is_looked_up_is_seen_before_it_is_booked() -> None:
    """Another thread holds the books while the rows are looked up, and adds a product before it lets go."""
    holds = threading.Event()

    def somebody() -> None:
        with db.write():
            holds.set()
            time.sleep(0.5)
            products.add("A", "Chai of somebody else")
        db.books.close()

    other = threading.Thread(target=somebody)
    other.start()
    holds.wait(5)
    outcome = imports.book("products", files.read(b"sku,name\nA,Chai\nB,Chang\n"))
    other.join()
    assert counts(outcome) == (1, 0, 1)
    assert product("A").name == "Chai of somebody else"
    assert books.verify() == []


def test_random_bytes_are_read_or_refused_but_never_a_crash(seed: int) -> None:
    draw = random.Random(seed)
    good = Path(demo.FOLDER / "products.csv").read_bytes()
    for _ in range(150):
        content = bytearray(good)
        for _ in range(draw.randrange(1, 40)):
            content[draw.randrange(len(content))] = draw.choice([0, 34, 44, 10, 13, 255, draw.randrange(256)])
        before = db.rows("SELECT COUNT(*) FROM product")
        try:
            sheet = files.read(bytes(content[: draw.randrange(20, len(content))]))
            imports.preview("products", sheet)
        except Refused as no:
            assert no.message.endswith(".")
        assert db.rows("SELECT COUNT(*) FROM product") == before
