"""The demo shop: Northwind's goods and suppliers with believable debts, to look around in; filled and removed whole."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import NamedTuple

from tracker import clock, db
from tracker.errors import Refused
from tracker.money import ZERO, Money, places
from tracker.shop import audit, cash, imports, outbox, payables, payments, settings, suppliers
from tracker.shop.imports import files
from tracker.shop.imports.files import Sheet

FOLDER = Path(__file__).parents[1] / "demo_data"
COST = (7, 10)  # Northwind's file has prices alone: goods cost seven tenths of them
_HELD = {"till": 1_250, "bank": 8_400, "mobile_money": 2_300}  # whole units of the shop's currency
_NAMES = {"till": "Till", "bank": "Bank", "mobile_money": "Mobile money"}
_REMINDERS = ("debt_reminder", "reorder_alert", "low_stock_notification")


class _Debt(NamedTuple):
    supplier: str  # its code
    terms: int  # days
    reference: str
    due_in: int  # days from today; below zero it is late
    amount: int  # whole units
    paid: int = 0
    special: str = ""


_DEBTS = (
    _Debt("20", 14, "LT-0093", -38, 2_310, special="dispute"),
    _Debt("2", 30, "NO-778", -12, 640, paid=200),
    _Debt("11", 30, "HS-7741", -9, 760, paid=760),
    _Debt("1", 30, "EL-2041", -3, 1_250),
    _Debt("7", 30, "PV-5512", 0, 890),
    _Debt("12", 30, "PL-1180", 0, 415),
    _Debt("3", 30, "GK-311", 5, 1_740),
    _Debt("8", 14, "SB-4409", 6, 520, special="promise"),
    _Debt("4", 30, "TT-9027", 16, 3_060, paid=1_000),
    _Debt("24", 45, "GD-226", 24, 980),
)


# --- fill -------------------------------------------------------------------------------------------------------------


def load() -> None:
    """Fill an empty shop. Raises Refused on real books: anything posted, or any product or supplier there."""
    found = {kind: files.read_path(FOLDER / f"{kind}.csv") for kind in ("categories", "suppliers", "products")}
    found["products"] = _with_costs(found["products"])
    with db.write():
        _refuse_real_books()
        for kind, sheet in found.items():
            imports.book(kind, sheet)
        bank = _fill_accounts()
        for debt in _DEBTS:
            _owe(debt, bank)
        settings.change(is_demo=True)
        audit.note("demo.load", "settings")


def is_possible() -> bool:
    """Whether the books are empty, so that a demo shop may be filled in."""
    return not settings.current().is_demo and not _in_use()


def _refuse_real_books() -> None:
    if settings.load().is_demo:
        raise Refused("This is a demo shop already.")
    if _in_use():
        raise Refused("There are real goods, suppliers or amounts in these books. A demo shop needs empty ones.")


def _in_use() -> bool:
    tables = ("product", "supplier", "category", "stock_movement", "payable", "payment", "cash_entry")
    return bool(db.rows(" UNION ALL ".join(f"SELECT 1 FROM (SELECT 1 FROM {table} LIMIT 1)" for table in tables)))


def _with_costs(sheet: Sheet) -> Sheet:
    """The products' file with a column of costs, and prices in as many decimals as the shop's currency has."""
    at, rows = sheet.header.index("unit_price"), []
    for number, cells in sheet.rows:
        rounded = Decimal(cells[at]).quantize(Decimal(1).scaleb(-places()), ROUND_HALF_UP)
        price = Money(int(rounded.scaleb(places())))
        rows.append((number, [*cells[:at], price.plain(), *cells[at + 1 :], price.share(*COST).plain()]))
    return Sheet([*sheet.header, "cost"], rows)


def _units(whole: int) -> Money:
    return Money(whole * 10 ** places())


def _fill_accounts() -> int:
    """What lies in till, bank and mobile money; returns the bank's number."""
    known = {account.kind: account.id for account in cash.balances()}
    for kind, whole in _HELD.items():
        if kind in known:
            cash.take(known[kind], _units(whole), note="Opening balance")
        else:
            known[kind] = cash.add_account(_NAMES[kind], kind, _units(whole)).id
    return int(known["bank"])


def _owe(one: _Debt, bank: int) -> None:
    supplier = suppliers.find(one.supplier)
    assert supplier is not None, "the demo's own file lacks a supplier"
    suppliers.edit(supplier.id, terms_days=one.terms)
    due_on = clock.today() + timedelta(days=one.due_in)
    issued_on = due_on - timedelta(days=one.terms)
    debt = payables.owe(supplier.id, _units(one.amount), issued_on, due_on, one.reference)
    if one.paid:
        paid_on = min(issued_on + timedelta(days=one.terms // 2), clock.today())
        payments.record(supplier.id, bank, _units(one.paid), paid_on, parts={debt.id: _units(one.paid)})
    if one.special == "dispute":
        payables.dispute(debt.id, "Two crates came broken; waiting for a credit note")
    elif one.special == "promise":
        payables.promise(debt.id, clock.today() + timedelta(days=4))


# --- remove -----------------------------------------------------------------------------------------------------------


def remove() -> None:
    """Take everything of the demo's books away in one go; people, settings, hours and the record of who did what stay.

    The accounts stay too, with nothing in them. Raises Refused unless this is a demo shop.
    """
    with db.write():
        if not settings.load().is_demo:
            raise Refused("This is no demo shop: nothing was removed.")
        with db.append_only_lifted():
            for table in ("stock_movement", "cash_entry", "payable_entry"):
                _empty(table, "reverses_id IS NOT NULL")  # a reversal holds on to what it reverses
            for table in ("payable_entry", "payable", "cash_entry", "payment", "void", "incoming", "stock_movement"):
                _empty(table)
            for table in ("product", "supplier", "category", "request_key", "notification"):
                _empty(table)
            _remove_reminders()
        cash.CashAccount.update(balance=ZERO).execute()
        settings.change(is_demo=False)
        audit.note("demo.remove", "settings")


def _empty(table: str, where: str = "1") -> None:
    db.books.execute_sql(f"DELETE FROM {table} WHERE {where}")


def _remove_reminders() -> None:
    """Mails about the demo's goods and debts: their keys would keep today's real ones from going out.

    One that is being sent at this moment stays; a copy goes before its original.
    """
    kinds = outbox.Mail.kind << _REMINDERS
    for mail in list(outbox.Mail.select(outbox.Mail.id).where(kinds).order_by(outbox.Mail.id.desc())):
        free = "state <> 'sending' AND NOT EXISTS (SELECT 1 FROM mail c WHERE c.again_of_id = mail.id)"
        if db.rows(f"SELECT 1 FROM mail WHERE id = ? AND {free}", mail.id):
            db.books.execute_sql("DELETE FROM mail_attempt WHERE mail_id = ?", (mail.id,))
            db.books.execute_sql("DELETE FROM mail WHERE id = ?", (mail.id,))
