"""The style guide as a page of the application under test: every part of the look, with its faults and its extremes."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Flask, request
from werkzeug.datastructures import MultiDict

from tracker import clock
from tracker.money import Money
from tracker.web import htmx, listing
from tracker.web.access import signed_in
from tracker.web.chrome import Banner
from tracker.web.fields import (
    ChoiceField,
    DayField,
    EmailField,
    LineField,
    MoneyField,
    NoteField,
    NumberField,
    PasswordField,
    PhoneField,
    QuantityField,
    TickField,
    TimeField,
    UploadField,
)
from tracker.web.forms import Form


class Example(Form):
    name = LineField("Supplier name", required=True)
    amount = MoneyField("Amount", required=True)
    quantity = QuantityField("Quantity", decimals=0)
    due_on = DayField("Due date", help="From the supplier's terms; change it if the invoice says otherwise.")
    at = TimeField("Time")
    account = ChoiceField("Paid from", [("", "Choose"), ("1", "Till"), ("2", "Bank")], required=True)
    days = NumberField("Days to pay", high=365)
    email = EmailField("E-mail")
    phone = PhoneField("Phone")
    word = PasswordField("Password")
    notices = ChoiceField("Notices", [("all", "Everything"), ("mine", "Only what needs me"), ("none", "Nothing")])
    note = NoteField("Notes")
    file = UploadField("File", accept=".csv,.xlsx")
    agreed = TickField("Count it as paid", help="Only when the money has left the till.")


class Good(Form):
    name = LineField("Product name", required=True)
    reason = LineField("Reason", required=True)


page = Blueprint("styleguide", __name__)


@page.route("/styleguide", methods=["GET", "POST"])
@signed_in
def styleguide() -> str:
    form = Example(formdata=_wrong() if request.method == "GET" else request.form, prefix="a-")
    form.validate()
    view = listing.read(("due", "reference", "left"), filters={"state": ("overdue", "soon")})
    view.shown, view.total, view.has_more = 4, 214, True
    today = clock.today()
    debts = [
        (
            f"INV-{1180 + i}",
            today - timedelta(days=40),
            today - timedelta(days=12 - 6 * i),
            Money(5_240_000),
            Money(3_240_000),
        )
        for i in range(4)
    ]
    strips = [
        {"name": "state", "value": "overdue", "label": "Overdue", "figure": "86,400", "count": 4, "kind": "bad"},
        {"name": "state", "value": "soon", "label": "Due in 7 days", "figure": "41,250", "count": 2},
    ]
    days = [("ok", "well")] * 28 + [("none", "off"), ("warn", "late")]
    return htmx.page(
        "styleguide.html",
        "list",
        form=form,
        good=Good(prefix="b-"),
        view=view,
        debts=debts,
        strips=strips,
        days=days,
        amount=Money(3_240_000),
        now=clock.now(),
        today=today,
        banner=Banner("warn", "This is a demo shop with invented goods.", "/shortcuts", "Take it away"),
    )


def _wrong() -> MultiDict[str, str]:
    return MultiDict({"a-name": "", "a-amount": "12,50", "a-due_on": "tomorrow", "a-days": "400", "a-notices": "mine"})


def add_to(app: Flask) -> None:
    app.register_blueprint(page)
