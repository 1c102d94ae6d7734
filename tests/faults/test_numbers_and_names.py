"""Amounts and quantities of every make (F29), names of every script and trick (F28): a rule for each. Budget: 12 s."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest

from tracker import clock, db, money, quantity
from tracker.errors import Refused
from tracker.mail.render import ShopFacts, render
from tracker.mail.samples import sample_context
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import books, payables, products, suppliers

# What is typed in a shop that writes 1,234.50: what it is worth in cents, or None where it is refused.
AMOUNTS: dict[str, int | None] = {
    "0": 0, "-0": 0, "0.00": 0, "1": 100, "-1": -100, "1.5": 150, "1.50": 150, "1.500": 150, "1.505": None,
    "1.": 100, ".5": None, "1,5": None, "1,50": None, "1,234": 123400, "1,234.5": 123450, "1.234,50": None,
    "12,34": None, "1,23,456": None, "1 234": None, "1e9": None, "1E2": None, "NaN": None, "nan": None,
    "Infinity": None, "-inf": None, "0x10": None, "1_000": None, "٣٤": None, "١٢٫٥٠": None, "１２": 1200,
    "²": None, "½": None, "−5": -500, "--5": None, "+5": 500, "5-": None, "(5)": None, "KES 5": 500,
    "5 KES": 500, "kes5": 500, "$5": None, "USD 5": None, "5%": None, "1/2": None, "": None, " ": None,
    "-": None, "9999999999999.99": 999_999_999_999_999, "10000000000000": 10**15, "10000000000000.01": None,
    "9223372036854775807": None, "9223372036854775808": None, "9" * 32: None, "9" * 5000: None, "1\x00": None,
    "1\n2": None, "\u200b5": None, "5\u00a0": 500,
}  # fmt: skip
PIECES: dict[str, int | None] = {
    "0": 0, "1": 1000, "1.0": 1000, "1.5": None, "0.001": None, "-1": -1000, "1,000": 1_000_000, "1e3": None,
    "NaN": None, "1000000000": 10**12, "1000000001": None, "6161101234567": None, "9223372036854775808": None,
    "٣": None, "": None,
}  # fmt: skip
FAMILY = "👩‍👩‍👧‍👦"
NAMES = {
    "two hundred": "é" * 200, "families": FAMILY * 28, "flags": "🇰🇪" * 100, "arabic": "محل أمينة للبقالة",
    "hebrew": "חנות", "thai": "ร้านค้า", "devanagari": "दुकान", "chinese": "阿米娜商店",
    "combining": "Z" + "\u0335\u0321\u0322" * 60, "half width": "ｱﾐﾅ", "look-alike": "Kіmаni",
    "quotes": "O'Neil & \"Sons\" <Ltd>", "percent": "100% {name} %s", "not yet normal": "Cafe\u0301",
    "hangul": "가게", "right to left mark": "abc\u200f\u200edef", "long word": "W" * 200,
}  # fmt: skip
EMPTY = (
    "", " ", "\t\r\n", "\u00a0\u3000", "\0\x01\x7f", "\u202e\u2066", "\u200b", "\ufeff\u200d", "\u2060\u00ad",
    "\u3164", "\u2800", "\u0301", "\u115f\u1160", "\u2028",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _in_nairobi() -> None:
    money.use("KES", 2, "en_KE")
    quantity.use("en_KE")


@pytest.mark.parametrize(("parse", "table"), [(Money.parse, AMOUNTS), (lambda t: Quantity.parse(t, 0), PIECES)])
def test_each_number_is_read_by_the_table_or_refused_in_a_sentence(parse: Any, table: dict[str, int | None]) -> None:
    wrong = []
    for typed, worth in table.items():
        try:
            found = parse(typed)
            read = found.minor if isinstance(found, Money) else found.thousandths
        except Refused as no:
            read = None
            assert no.message.endswith((".", "?")), no.message
        if read != worth:
            wrong.append(f"{typed[:30]!r} was read as {read}, not {worth}")
    assert not wrong, "\n".join(wrong)


def test_a_refused_number_leaves_the_books_as_they_are(shop: SimpleNamespace, amina: Any) -> None:
    money.use("KES", 2, "en_KE")
    quantity.use("en_KE")
    before = books.figures()
    refused = [typed for typed, worth in AMOUNTS.items() if worth is None or worth <= 0]
    today = clock.today().isoformat()
    forms: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("/debts", "amount", {"supplier": "1", "issued_on": today}),
        ("/cash/in", "amount", {"account": shop.till, "note": "x", "moved_on": today}),
        ("/payments/new?supplier=1", "amount", {"account": shop.till, "paid_on": today}),
    )
    for path, name, fields in forms:
        for typed in refused:
            assert amina.send(path, **fields, **{name: typed}).status_code == 422, (path, typed)
    for typed in [typed for typed, worth in PIECES.items() if worth is None or worth <= 0]:
        assert amina.send("/products/2/receive", quantity=typed).status_code == 422, typed
        assert amina.send("/products/2/adjust", quantity=typed, reason="gift").status_code == 422, typed
    assert books.figures() == before and books.verify() == []


def test_the_largest_amounts_are_added_up_shown_and_filed(shop: SimpleNamespace, amina: Any) -> None:
    largest = Money(10**15)
    for _ in range(3):
        payables.owe(2, largest, clock.today())
    for path in ("/", "/debts", "/suppliers", "/suppliers/2", "/payments/new?supplier=2", "/debts?format=xlsx"):
        assert amina.get(path).status_code == 200, path
    assert "30,000,000,000" in amina.get("/suppliers/2").text and books.verify() == []


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_of_every_script_come_back_as_they_were_typed(shop: SimpleNamespace, amina: Any) -> None:
    for name, typed in NAMES.items():
        kept = unicodedata.normalize("NFC", typed)
        answer = amina.send("/products", name=typed, unit="piece", unit_decimals="0", reorder_level="1")
        assert answer.status_code == (303 if len(kept) <= 200 else 422), name
        if answer.status_code == 422:
            continue
        place = answer.headers["Location"]
        assert products.get(int(place.rpartition("/")[2])).name == kept, name
        for path in (place, f"{place}/edit", "/products?q=" + kept[:3], "/stock/low"):
            page = amina.get(path)
            assert page.status_code == 200 and ("?q=" in path or kept in unescape(page.text)), (name, path)
        listed = csv.reader(io.StringIO(amina.get("/products?format=csv").get_data().decode("utf-8-sig")))
        assert any(kept in (cell, cell.removeprefix("'")) for row in listed for cell in row), name
        assert amina.get("/products?format=xlsx").status_code == 200
        facts = {**sample_context("test_email"), "person": kept, "sent_by": kept}
        mail = render("test_email", facts, ShopFacts.of(kept[:100], "http://localhost:8000", "en_KE"))
        assert "\n" not in mail.subject and "{{" not in mail.html


def test_a_name_that_nobody_could_see_is_no_name(shop: SimpleNamespace, amina: Any) -> None:
    before = books.figures()
    for typed in EMPTY:
        assert amina.send("/products", name=typed, unit="piece", unit_decimals="0").status_code == 422, repr(typed)
        assert amina.send("/suppliers", name=typed).status_code == 422, repr(typed)
        assert amina.send("/cash/accounts", name=typed, kind="till").status_code == 422, repr(typed)
        assert amina.send("/users", name=typed, username="x", role="viewer").status_code == 422, repr(typed)
        assert amina.send(f"/debts/{shop.debt}/void", reason=typed).status_code == 422, repr(typed)
    assert books.figures() == before


def test_two_spellings_of_one_name_are_one_name(books: Any) -> None:
    suppliers.add("Café Ämina")
    for same in ("Cafe\u0301 A\u0308mina", "CAFÉ ÄMINA", "  café \u00a0 ämina ", "Ｃａｆé ämina", "café\u202e ämina"):
        with pytest.raises(Refused):
            suppliers.add(same)
    assert db.rows("SELECT COUNT(*) FROM supplier") == [(1,)]
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", suppliers.get(1).name)
