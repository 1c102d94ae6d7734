"""The payments' pages: pay a supplier in few clicks, see what was paid, take a payment back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import Refused
from tracker.money import ZERO, Money
from tracker.shop import cash, payables, payments, suppliers, voids
from tracker.shop.owed import Debt
from tracker.web import exports, htmx, listing, search, voiding
from tracker.web.access import needs
from tracker.web.cash import accounts
from tracker.web.fields import ChoiceField, DayField, LineField, MoneyField, NoteField
from tracker.web.forms import Form
from tracker.web.later import Later

page = Blueprint("payments", __name__)
FILE = ("date", "supplier", "account", "amount", "reference", "notes", "recorded_by", "voided")


class PaymentForm(Form):
    amount = MoneyField("Amount", required=True)
    account = ChoiceField("Paid from", Later(accounts), required=True, coerce=int)
    paid_on = DayField("Date of the payment", required=True, default=clock.today)
    reference = LineField("Reference", longest=60, help="A receipt's or transfer's number.")
    note = NoteField("Note", rows=2)


@dataclass
class Split:
    """One open debt on the payment's page: what was typed beside it, and what is wrong with that."""

    debt: Debt
    typed: str = ""
    amount: Money = ZERO
    error: str = ""


@page.get("/payments")
@needs("debts.see")
def index() -> ResponseReturnValue:
    view = listing.read(sorts=("date",), desc=True, filters={"supplier": None})
    supplier = int(view.filters["supplier"]) if "supplier" in view.filters else None
    if view.format:
        return exports.answer(view.format, "payments", FILE, map(_file_row, payments.listing(supplier, view.q)))
    found = view.cut(payments.listing(supplier, view.q, view.limit, view.offset))
    return htmx.page("payments/index.html", "list", view=view, payments=found)


def _file_row(row: payments.PaymentRow) -> tuple[Any, ...]:
    return row.paid_on, row.supplier, row.account, row.amount, row.reference, row.note, row.who, row.is_voided


@page.get("/payments/new")
@needs("payments.record")
def new() -> ResponseReturnValue:
    supplier = _number("supplier")
    if supplier is None:
        return render_template(
            "payments/choose.html", suppliers=suppliers.listing(show="owed", sort="owed", descending=True)
        )
    found = _splits(supplier)
    form = PaymentForm()
    if not form.was_kept:
        _suggest(form, found, _number("debt"))
    return _page(supplier, form, found)


@page.post("/payments/new")
@needs("payments.record")
def create() -> ResponseReturnValue:
    supplier = _number("supplier") or 0
    found, form = _splits(supplier), PaymentForm()
    is_split_read = _read_splits(found)
    if form.validate() and is_split_read:
        parts = {split.debt.id: split.amount for split in found if split.typed} or _whole(found, form.amount.data)
        values = form.values("amount", "paid_on", "reference", "note")
        try:
            payment = payments.record(supplier, form.account.data, **values, parts=parts, key=form.request_key)
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other(f"/payments/{payment.id}", _words(payment.amount, form.account.data))
    return _page(supplier, form, found), 422


def _whole(found: list[Split], amount: Money) -> dict[int, Money] | None:
    """All of it to the debt that the address names; to the oldest first when it names none."""
    named = _number("debt")
    return {named: amount} if any(split.debt.id == named for split in found) else None


def _words(amount: Money, account_id: int) -> str:
    account = cash.account_of(account_id)
    left = f"{account.name} now holds {account.balance.with_currency()}."
    return f"{amount.with_currency()} is paid. {left}" + (" It is overdrawn." if account.balance < ZERO else "")


def _number(name: str) -> int | None:
    return listing.whole(request.args.get(name))


def _splits(supplier_id: int) -> list[Split]:
    return [Split(debt) for debt in payables.open_debts(supplier_id)]


def _suggest(form: PaymentForm, found: list[Split], debt_id: int | None) -> None:
    """What is overdue and not contested; nothing overdue: all that is due first; one debt, if the link named it."""
    today = clock.today()
    one = next((split for split in found if split.debt.id == debt_id), None)
    if one:
        form.amount.data = one.debt.left
    else:
        payable = [split.debt for split in found if not split.debt.dispute]
        late = [debt for debt in payable if debt.due_on < today]
        first = [debt for debt in payable if debt.due_on == payable[0].due_on]
        form.amount.data = sum((debt.left for debt in late or first), ZERO) or None
    held = cash.balances()
    enough = [account for account in held if account.balance >= (form.amount.data or ZERO)]
    chosen = enough[0] if enough else max(held, key=lambda account: account.balance, default=None)
    form.account.data = chosen.id if chosen else None


def _read_splits(found: list[Split]) -> bool:
    for split in found:
        split.typed = request.form.get(f"part-{split.debt.id}", "").strip()
        try:
            split.amount = Money.parse(split.typed) if split.typed else ZERO
        except Refused as no:
            split.error = no.message
    return not any(split.error for split in found)


def _page(supplier_id: int, form: PaymentForm, found: list[Split]) -> str:
    today = clock.today()
    late = sum((split.debt.left for split in found if split.debt.due_on < today), ZERO)
    return render_template(
        "payments/new.html", supplier=suppliers.get(supplier_id), form=form, splits=found, today=today, late=late,
        one=next((split.debt for split in found if split.debt.id == _number("debt")), None),
        owed=sum((split.debt.left for split in found), ZERO), is_split=any(split.typed for split in found),
    )  # fmt: skip


@page.get("/payments/<int:number>")
@needs("debts.see")
def show(number: int) -> ResponseReturnValue:
    return _shown(number)


@page.post("/payments/<int:number>/void")
@needs("payments.void")
def void(number: int) -> ResponseReturnValue:
    payment = payments.get(number)
    words = f"The payment of {payment.amount.with_currency()} is voided."
    return voiding.void(payment.document, f"/payments/{number}", words, lambda wrong: _shown(number, wrong))


def _shown(number: int, wrong: Form | None = None) -> str:
    row = payments.row_of(number)
    void = voids.of(f"payment:{number}") if row.is_voided else None
    return render_template("payments/show.html", payment=row, debts=payments.settled_by(number), void=void, wrong=wrong)


search.action("Pay a supplier", "/payments/new", "payment settle debt")
search.action("Payments", "/payments", "paid")
