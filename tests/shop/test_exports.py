"""What goes out comes in again, cell by cell; ledgers go out whole; no cell is a formula. About 8 s."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests import cast
from tracker import clock
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.ops import startup
from tracker.quantity import Quantity
from tracker.shop import (
    books,
    cash,
    categories,
    exports,
    imports,
    incoming,
    payables,
    payments,
    products,
    settings,
    sheets,
    stock,
    suppliers,
    voids,
)
from tracker.shop.imports import files

pytestmark = pytest.mark.usefixtures("books")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
TODAY = date(2026, 11, 23)
FORMULA = '=HYPERLINK("http://evil.example","x")'


@pytest.fixture(autouse=True)
def _monday(books: object) -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def shop() -> None:
    """A shop with everything a file can trip over."""
    settings.change(country="KE", currency="KES", timezone="Africa/Nairobi")
    categories.add("Tea, coffee", "T", 'Hot "drinks"\nand cold ones')
    categories.add(FORMULA)
    kimani = suppliers.add(
        "Kimani, Sons & Co", "007", terms_days=30, phone="+254 700 1", address="Box 1\nNairobi", notes="-"
    )
    suppliers.add("'=1+1", "", email="a@b.example")
    tea = categories.find("T")
    fields = {"category_id": tea.id, "supplier_id": kimani.id, "cost": Money(1050), "price": Money(1800)}
    one = products.add("0042", FORMULA, barcode="0012345678905", reorder_level=Quantity(0), **fields)
    stock.opening(one.id, Quantity.of(5))
    incoming.mark_ordered(one.id, Quantity.of(3))
    rice = products.add("-7", "@SUM(A1)", unit="kg", unit_decimals=3, reorder_level=Quantity(2500), cost=Money(99))
    stock.opening(rice.id, Quantity(1250))
    products.archive(products.add("X", "Ünïcode 茶 ; , tab\there", reorder_quantity=Quantity.of(12)).id)
    first = payables.owe(kimani.id, Money(100000), date(2026, 10, 1), reference="+1", note="two\nlines")
    payables.owe(kimani.id, Money(500), date(2026, 11, 1), date(2026, 11, 5), paid=Money(500), kind="opening")
    voids.void(payables.owe(kimani.id, Money(700), TODAY, reference="wrong").document, "typed twice")
    bank = cash.add_account("Bank", "bank", Money(500000))
    payment = payments.record(kimani.id, bank.id, Money(25000), TODAY, parts={first.id: Money(25000)})
    voids.void(payments.record(kimani.id, bank.id, Money(100), TODAY).document, "wrong bank")
    assert payment.id == 1


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
@pytest.mark.usefixtures("shop")
def test_what_goes_out_comes_in_again_and_goes_out_the_same(tmp_path: Path, config: Config, ending: str) -> None:
    kinds = ("categories", "suppliers", "products", "debts")
    first = {kind: tmp_path / f"{kind}.{ending}" for kind in kinds}
    for kind, path in first.items():
        exports.write(kind, path)
    startup.close_shop()
    startup.open_shop(Config(root=config.root, data=tmp_path / "fresh", port=config.port))
    settings.change(country="KE", currency="KES", timezone="Africa/Nairobi")
    for kind, path in first.items():
        assert imports.book(kind, files.read_path(path)).is_booked
    assert books.verify() == []
    assert products.by_code("-7").unit_decimals == 3
    for kind, path in first.items():
        again = tmp_path / f"again.{ending}"
        exports.write(kind, again)
        assert files.read_path(again) == files.read_path(path), kind


@pytest.mark.usefixtures("shop")
def test_the_columns_are_the_templates_own() -> None:
    for kind in imports.KINDS:
        assert list(exports.KINDS[kind].columns) == imports.header(kind)


@pytest.mark.usefixtures("shop")
def test_a_file_opens_in_a_spreadsheet_without_running_anything(tmp_path: Path) -> None:
    path = tmp_path / "products.csv"
    assert exports.write("products", path) == 3
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert [row["name"][:2] for row in rows] == ["'=", "'@", "Ün"]
    assert {name: rows[0][name] for name in ("sku", "cost", "on_hand", "reorder_level", "on_order", "active")} == {
        "sku": "0042", "cost": "10.50", "on_hand": "5", "reorder_level": "0", "on_order": "3", "active": "yes",
    }  # fmt: skip
    assert rows[2]["active"] == "no" and rows[2]["reorder_level"] == ""


@pytest.mark.usefixtures("shop")
def test_the_ledgers_go_out_whole(tmp_path: Path) -> None:
    exports._PIECE, before = 2, exports._PIECE
    try:
        found = {
            kind: exports.write(kind, tmp_path / f"{kind}.csv") for kind in ("stock_movements", "payments", "cash")
        }
    finally:
        exports._PIECE = before
    assert found == {"stock_movements": 2, "payments": 2, "cash": 4}
    paid = files.read_path(tmp_path / "payments.csv")
    assert [dict(zip(paid.header, row, strict=False))["voided"] for _, row in paid.rows] == ["no", "yes"]
    held = files.read_path(tmp_path / "cash.csv")
    assert [row[5] for _, row in held.rows] == ["5000.00", "-250.00", "-1.00", "1.00"]
    moved = files.read_path(tmp_path / "stock_movements.csv")
    assert moved.rows[1][1][1:9] == ["2026-11-23 12:00", "2026-11-23", "-7", "@SUM(A1)", "opening", "", "1.25", "1.24"]


def test_what_can_not_be_written_is_said(tmp_path: Path) -> None:
    cast.nur()
    with pytest.raises(NotFound, match="nothing to export named sales"):
        exports.write("sales", tmp_path / "a.csv")
    with pytest.raises(Refused, match=r"\.csv or \.xlsx"):
        exports.write("suppliers", tmp_path / "a.pdf")
    with pytest.raises(Refused, match="can't be written"):
        exports.write("suppliers", tmp_path / "nowhere" / "a.csv")
    assert list(tmp_path.glob("*.csv")) == []


@given(some.text(max_size=12) | some.from_regex(r"'*[=+\-@\t\r\n]?.{0,5}", fullmatch=True))
def test_any_text_is_harmless_and_given_back(text: str) -> None:
    cell = sheets.neutral(text)
    assert sheets.original(cell) == text
    assert not cell.startswith(("=", "@", "\t", "\r", "\n"))
