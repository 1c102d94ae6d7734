"""Lists: state in the address by allow-lists, and files that no spreadsheet runs. About 3 s."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from python_calamine import CalamineWorkbook

from tracker import clock, money
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.web import exports, listing

CANARIES = ["=1+1", "+1 (555) 0100", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", '=HYPERLINK("http://evil")']


def view_of(app, query, **more):
    with app.test_request_context(f"/debts?{query}"):
        return listing.read(("due", "name", "left"), filters={"state": ("overdue", "soon"), "supplier": None}, **more)


def test_the_state_of_a_list_comes_from_its_address(app):
    view = view_of(app, "sort=left&dir=desc&q=+kimani++w&state=overdue&supplier=12&page=3&size=25")
    assert (view.sort, view.desc, view.q, view.page, view.size, view.offset, view.limit) == (
        "left", True, "kimani w", 3, 25, 50, 26,
    )  # fmt: skip
    assert view.filters == {"state": "overdue", "supplier": "12"}


@pytest.mark.parametrize(
    "query",
    [
        "sort=password_hash", "sort=due;DROP TABLE user", "sort=&dir=desc", "dir=desc%27", "state=all",
        "supplier=1+OR+1", "supplier=-1", "page=0", "page=-5", "page=x", "page=%C2%B2", "size=7", "size=99999999999",
        "format=exe",
    ],
)  # fmt: skip
def test_what_is_on_no_list_is_left_out(app, query):
    view = view_of(app, query)
    assert (view.sort, view.desc, view.page, view.size, view.format) == ("due", False, 1, 50, "")
    assert view.filters == {}


def test_addresses_keep_the_state_and_leave_defaults_out(app):
    view = view_of(app, "q=a%26b&state=overdue&sort=left&dir=desc&page=2")
    assert view.url() == "/debts?q=a%26b&state=overdue&sort=left&dir=desc&page=2"
    assert view.url(state=None, page=None) == "/debts?q=a%26b&sort=left&dir=desc"
    assert view.url(page=1) == "/debts?q=a%26b&state=overdue&sort=left&dir=desc"
    assert view_of(app, "sort=due&dir=asc&page=1").url() == "/debts"


def test_a_second_click_on_a_column_turns_it_round(app):
    assert view_of(app, "").sort_url("due") == "/debts?sort=due&dir=desc"
    assert view_of(app, "sort=left&dir=desc").sort_url("left") == "/debts?sort=left&dir=asc"
    assert view_of(app, "", first_desc=("left",)).sort_url("left") == "/debts?sort=left&dir=desc"


def test_one_row_too_many_says_that_there_is_a_next_page(app):
    view = view_of(app, "size=25&page=2")
    assert list(view.cut(range(26))) == list(range(25)) and view.has_more
    assert view.says() == "26–50"
    view.total = 1214
    assert view.says() == "26–50 of 1,214"
    assert list(view.cut(range(3))) == [0, 1, 2] and not view.has_more


def test_a_csv_file_is_typed_and_harmless(app):
    money.use("KES", 2, "en_KE")
    moment = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
    clock.use("Africa/Nairobi")
    row = [Money(-125_000), Quantity(1250), date(2026, 11, 23), moment, True, None, -7, "-7", "Milk, 500 ml"]
    read = list(csv.reader(io.StringIO(exports.to_csv(["a"] * 9, [row, *([text] for text in CANARIES)]))))
    assert read[1] == ["-1250.00", "1.25", "2026-11-23", "2026-11-23 08:00", "yes", "", "-7", "-7", "Milk, 500 ml"]
    assert [cells[0] for cells in read[2:]] == [f"'{text}" for text in CANARIES]


def test_an_excel_file_holds_numbers_and_no_formula(app):
    money.use("KES", 2, "en_KE")
    rows = [[Money(-125_050), Quantity(1250), date(2026, 11, 23), 7], *([text] for text in CANARIES[:4])]
    content = exports.to_xlsx("Debts: [all]", ["Amount", "Quantity", "Due", "Days"], rows)
    read = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert read[1] == [-1250.5, 1.25, date(2026, 11, 23), 7]
    assert [cells[0] for cells in read[2:]] == [f"'{text}" for text in CANARIES[:4]]


def test_a_file_is_named_safely_after_its_list_and_day(app):
    with clock.frozen(datetime(2026, 11, 23, 9, 0, tzinfo=UTC)):
        answer = exports.answer("csv", 'de"bts/../x\r\nSet-Cookie: a', ["Name"], [["Ünï"]])
    assert answer.headers["Content-Disposition"] == 'attachment; filename="de-bts-x-Set-Cookie-a-2026-11-23.csv"'
    assert answer.data.startswith(b"\xef\xbb\xbf") and "Ünï" in answer.data.decode("utf-8-sig")
