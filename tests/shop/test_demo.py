"""The demo shop: believable, refused on real books, gone without a trace of its goods. About 5 s."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests import cast
from tracker import clock, db
from tracker.errors import Refused
from tracker.jobs import debt_reminders
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import (
    books,
    cash,
    categories,
    demo,
    low_stock,
    outbox,
    payables,
    payments,
    products,
    settings,
    stock,
    users,
    voids,
)

pytestmark = pytest.mark.usefixtures("books")
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
KEPT = {"user", "notice_choice", "setting", "audit", "cash_account"}


@pytest.fixture(autouse=True)
def _monday(books: object) -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def test_the_demo_shop_has_goods_debts_and_money_to_look_at() -> None:
    cast.shop()
    assert demo.is_possible()
    demo.load()
    assert db.rows("SELECT (SELECT COUNT(*) FROM supplier), (SELECT COUNT(*) FROM category)") == [(29, 8)]
    assert db.rows("SELECT COUNT(*), SUM(archived_at IS NOT NULL) FROM product") == [(77, 8)]
    low = low_stock.rows(clock.today())
    ordered = sum(bool(row.on_order) for row in low), sum(row.state == "ordered" for row in low)
    assert (len(low), *ordered) == (18, 17, 16)
    chai = products.by_code("1")
    assert chai is not None
    assert (chai.price, chai.cost, chai.stock_value) == (Money(1800), Money(1260), Money(1260 * 39))
    today = clock.today()
    late = sorted(debt.days_late(today) for debt in payables.overdue(today))
    assert late == [3, 12, 38]  # the last one is in dispute
    found = db.rows("SELECT reference, due_on, dispute, promised_on FROM payable WHERE left_to_pay > 0 ORDER BY due_on")
    assert [row[0] for row in found if row[1] == "2026-11-23"] == ["PV-5512", "PL-1180"]
    assert [row[0] for row in found if row[1] == "2026-11-28"] == ["GK-311"]
    assert [row[0] for row in found if row[2]] == ["LT-0093"]
    assert [(row[0], row[3]) for row in found if row[3]] == [("SB-4409", "2026-11-27")]
    assert db.rows("SELECT SUM(left_to_pay = 0), SUM(left_to_pay > 0 AND left_to_pay < amount) FROM payable") == [
        (1, 2)
    ]
    assert cash.total_held() == Money(999000)
    assert settings.current().is_demo and not demo.is_possible()
    assert books.verify() == []
    with pytest.raises(Refused, match="a demo shop already"):
        demo.load()


@pytest.mark.parametrize("currency", ["JPY", "KES", "TND"])
def test_the_demo_fits_any_currency(currency: str) -> None:
    settings.change(currency=currency)
    demo.load()
    assert books.verify() == []
    decimals = {"JPY": 1, "KES": 100, "TND": 1000}[currency]
    gumbo = products.by_code("5")
    assert gumbo is not None and gumbo.price == Money(2135 * decimals // 100)
    assert db.rows("SELECT amount FROM payable WHERE reference = 'EL-2041'") == [(1250 * decimals,)]


@pytest.mark.parametrize("what", ["product", "supplier", "category", "money"])
def test_real_books_are_never_mixed_with_a_demo(what: str) -> None:
    if what == "product":
        products.archive(products.add("A", "Chai").id)
    elif what == "supplier":
        cast.kimani()
    elif what == "category":
        categories.add("Tea")
    else:
        cash.add_account("Till", "till", Money(1))
    before = db.rows("SELECT COUNT(*) FROM audit")
    assert not demo.is_possible()
    with pytest.raises(Refused, match="real goods, suppliers or amounts"):
        demo.load()
    with pytest.raises(Refused, match="no demo shop"):
        demo.remove()
    assert db.rows("SELECT COUNT(*) FROM audit") == before


def test_a_demo_that_was_played_with_goes_whole_and_people_stay() -> None:
    amina = cast.shop()
    settings.change(smtp_host="mail.example.org", smtp_port=587)
    before = _tables()
    demo.load()
    _play()
    assert db.rows("SELECT COUNT(*) FROM mail") != [(0,)]
    demo.remove()
    after = _tables()
    assert {name for name in after if after[name] != before[name]} <= KEPT
    assert {name for name in after if after[name] and name not in KEPT} == {
        name for name in before if before[name]
    } - KEPT
    assert [account.balance for account in cash.balances()] == [Money(0)] * 3
    assert users.get(amina.id).name == "Amina" and not settings.current().is_demo
    assert books.verify() == []
    assert (
        db.rows("SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'append_only_%'")[0][0] >= 12
    )
    with pytest.raises(Refused, match="no demo shop"):
        demo.remove()
    demo.load()
    assert demo.settings.current().is_demo


def _play() -> None:
    """A day in the demo: sell until told, pay, void both ways, have mails waiting, sent again and being sent."""
    product = products.by_code("1")
    assert product is not None
    (amina,) = users.User.select()
    users.choose_notices(amina.id, "chosen", {low_stock.KIND: (True, True)})
    low_stock.tell_if_low(stock.issue(product.id, Quantity.of(35)))
    bank = next(account for account in cash.balances() if account.kind == "bank")
    debt = next(iter(payables.overdue(clock.today())))
    paid = payments.record(debt.supplier_id, bank.id, Money(100), clock.today(), key="a-form-key-1")
    voids.void(paid.document, "wrong")
    voids.void(cash.take(bank.id, Money(5)).source, "wrong")
    voids.void(stock.adjust(product.id, Quantity.of(-1), "damage").source, "wrong")
    with clock.frozen(NOW + timedelta(hours=2)):
        (mail,) = outbox.claim("worker", 1)
        outbox.mark_failed(mail, "connect", "The server said no.")
        outbox.send_again(mail.id)


def _tables() -> dict[str, list[object]]:
    names = [
        row[0] for row in db.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    return {name: list(db.rows(f"SELECT * FROM {name}")) for name in names}


def test_a_mail_that_is_being_sent_is_left_to_the_worker() -> None:
    cast.shop()
    settings.change(smtp_host="mail.example.org", smtp_port=587)
    demo.load()
    _play()
    with clock.frozen(NOW + timedelta(hours=3)):
        (mail,) = outbox.claim("worker", 1)
        demo.remove()
    assert [row[0] for row in db.rows("SELECT id FROM mail WHERE state = 'sending'")] == [mail.id]


def test_the_debt_reminder_has_something_to_say_in_the_demo() -> None:
    cast.shop()
    demo.load()
    found = debt_reminders.preview()
    assert {debt["days_late"] for group in found["suppliers"] for debt in group["debts"]} == {3, 12}
    assert "2026-11-23" in [debt["due_on"] for debt in found["due_soon"]]
