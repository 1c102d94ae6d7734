"""The debts' pages: what is owed, overdue first; one debt with its history; a new one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import Refused
from tracker.money import ZERO
from tracker.shop import payables, settings, suppliers, voids
from tracker.shop.reports import debts
from tracker.web import chrome, exports, htmx, listing, search, voiding
from tracker.web.access import Person, needs
from tracker.web.fields import ChoiceField, DayField, LineField, MoneyField, NoteField
from tracker.web.forms import Form
from tracker.web.later import Later

page = Blueprint("debts", __name__)
FILE = ("supplier", "reference", "issued_on", "due_on", "amount", "paid", "notes")  # as `import debts` reads them


class DebtForm(Form):
    supplier = ChoiceField(
        "Supplier", Later(lambda: [("", "Choose…"), *suppliers.choices()]), required=True, coerce=int
    )
    reference = LineField("Invoice number", longest=60, help="As it stands on the paper: each is booked only once.")
    issued_on = DayField("Date of the invoice", required=True, default=clock.today)
    due_on = DayField("To be paid by", help="Empty: as agreed with the supplier, else at once.")
    amount = MoneyField("Amount", required=True)
    paid = MoneyField("Paid of it before", help="Only for what was paid before you began to use this program.")
    note = NoteField("Note", rows=2)


class SnoozeForm(Form):
    snoozed_until = DayField("No reminder before")


class PromiseForm(Form):
    promised_on = DayField("Promised for")


class DisputeForm(Form):
    dispute = LineField("What is wrong with it")


@page.get("/debts")
@needs("debts.see")
def index() -> ResponseReturnValue:
    view = listing.read(sorts=("due",), filters={"state": payables.STATES, "supplier": None})
    today, days = clock.today(), settings.current().due_soon_days
    chosen: dict[str, Any] = {
        "supplier_id": int(view.filters["supplier"]) if "supplier" in view.filters else None,
        "search": view.q,
    }
    state = view.filters.get("state", "")
    if view.format:
        return exports.answer(
            view.format, "debts", FILE, map(_file_row, payables.by_supplier(state, today, days, **chosen))
        )
    sums = payables.sums(today, days, **chosen)
    found = payables.by_supplier(state, today, days, **chosen, limit=view.limit, offset=view.offset)
    groups = payables.totals(view.cut(found))
    view.total = sums[state].count if state in sums else None
    return htmx.page(
        "debts/index.html",
        "list",
        view=view,
        groups=groups,
        sums=sums,
        today=today,
        days=days,
        is_fragment=htmx.wanted(),
    )


def _file_row(debt: payables.Debt) -> tuple[Any, ...]:
    return debt.supplier, debt.reference, debt.issued_on, debt.due_on, debt.amount, debt.paid, debt.note


@page.get("/debts/new")
@needs("debts.edit")
def new() -> ResponseReturnValue:
    form = DebtForm()
    supplier = listing.whole(request.args.get("supplier"))
    if not form.is_submitted() and not form.was_kept and supplier is not None:
        form.supplier.data = supplier
    return render_template("debts/new.html", form=form)


@page.post("/debts")
@needs("debts.edit")
def create() -> ResponseReturnValue:
    form = DebtForm()
    if form.validate():
        values = form.values("reference", "issued_on", "due_on", "amount", "note")
        paid = form.paid.data or ZERO
        kind = "opening" if paid else "invoice"
        try:
            debt = payables.owe(form.supplier.data, **values, paid=paid, kind=kind, key=form.request_key)
        except Refused as no:
            form.refuse(no)
        else:
            words = f"{debt.amount.with_currency()} is booked, to be paid by {payables.short_day(debt.due_on)}."
            target = f"/debts/new?supplier={debt.supplier_id}" if request.form.get("another") else f"/debts/{debt.id}"
            return htmx.see_other(target, words)
    return render_template("debts/new.html", form=form), 422


@page.get("/debts/<int:number>")
@needs("debts.see")
def show(number: int) -> ResponseReturnValue:
    return _shown(number)


@page.post("/debts/<int:number>/snooze")
@needs("debts.edit")
def snooze(number: int) -> ResponseReturnValue:
    form = SnoozeForm()
    day = form.snoozed_until.data
    words = f"No reminder before {payables.short_day(day)}." if day else "It will be reminded of again."
    return _marked(number, form, lambda: payables.snooze(number, day), words)


@page.post("/debts/<int:number>/promise")
@needs("debts.edit")
def promise(number: int) -> ResponseReturnValue:
    form = PromiseForm()
    day = form.promised_on.data
    words = f"Promised for {payables.short_day(day)}." if day else "The promise is taken off."
    return _marked(number, form, lambda: payables.promise(number, day), words)


@page.post("/debts/<int:number>/dispute")
@needs("debts.edit")
def dispute(number: int) -> ResponseReturnValue:
    form = DisputeForm()
    why = form.dispute.data
    words = "It is in dispute, and not reminded of." if why else "The dispute is over."
    return _marked(number, form, lambda: payables.dispute(number, why), words)


@page.post("/debts/<int:number>/void")
@needs("void.any")
def void(number: int) -> ResponseReturnValue:
    debt = payables.get(number)
    words = f"The debt of {debt.amount.with_currency()} is voided."
    return voiding.void(debt.document, f"/debts/{number}", words, lambda wrong: _shown(number, wrong))


def _marked(number: int, form: Form, change: Any, words: str) -> ResponseReturnValue:
    if form.validate():
        try:
            change()
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other(f"/debts/{number}", words)
    return _shown(number, form), 422


def _shown(number: int, wrong: Form | None = None) -> str:
    payable, debt = payables.get(number), payables.find(number)
    assert debt is not None  # get() has found it
    made = (SnoozeForm, PromiseForm, DisputeForm)
    forms = {kind.__name__: wrong if isinstance(wrong, kind) else kind(formdata=None, obj=payable) for kind in made}
    return render_template(
        "debts/show.html", payable=payable, debt=debt, steps=debts.history(number), wrong=wrong, forms=forms,
        void=voids.of(payable.document) if payable.voided_at else None, today=clock.today(),
    )  # fmt: skip


def _badge(person: Person) -> int:
    return payables.overdue_count(clock.today()) if person.can("debts.see") else 0


def _find(q: str, person: Person) -> list[search.Hit]:
    if not person.can("debts.see"):
        return []
    found = payables.by_supplier("", clock.today(), search=q, limit=search.MOST)
    return [
        search.Hit(
            f"/debts/{debt.id}", f"{debt.supplier} {debt.reference}".strip(), debt.left.with_currency(), "receipt"
        )
        for debt in found
    ]


chrome.badge("debts", _badge)
search.provide("Debts", _find)
search.action("New debt", "/debts/new", "invoice owe supplier bill")
