"""The money pages: what is in the till, at the bank and in mobile money, and the book of what came and went."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import NotFound, Refused
from tracker.money import ZERO
from tracker.shop import cash, voids
from tracker.web import exports, htmx, listing, search, voiding
from tracker.web.access import needs
from tracker.web.fields import ChoiceField, DayField, LineField, MoneyField
from tracker.web.forms import Form
from tracker.web.later import Later

page = Blueprint("cash", __name__)
FILE = ("number", "date", "account", "amount", "notes", "recorded_by", "voided")


def accounts() -> list[tuple[Any, str]]:
    """The accounts to choose from, each with what it holds."""
    return [(account.id, f"{account.name} ({account.balance})") for account in cash.balances()]


class EntryForm(Form):
    account = ChoiceField("Account", Later(accounts), required=True, coerce=int)
    amount = MoneyField("Amount", required=True)
    note = LineField("Purpose", required=True, help="Like: sales of Saturday, milk for the tea.")
    moved_on = DayField("Date", required=True, default=clock.today)


class TransferForm(Form):
    account = ChoiceField("From", Later(accounts), required=True, coerce=int)
    to_account = ChoiceField("To", Later(lambda: [("", "Choose…"), *accounts()]), required=True, coerce=int)
    amount = MoneyField("Amount", required=True)
    note = LineField("Note")
    moved_on = DayField("Date", required=True, default=clock.today)


class AccountForm(Form):
    name = LineField("Name", required=True, help="As you call it: Till, M-Pesa, Equity Bank.")
    kind = ChoiceField("Kind", list(cash.KINDS.items()), required=True, default="till")
    opening = MoneyField("What is in it now")


class NameForm(Form):
    name = LineField("Name", required=True)


WAYS = {  # address: title, what the button says
    "in": ("Money came in", "Book it in"),
    "out": ("Money went out", "Book it out"),
    "transfer": ("Transfer", "Transfer"),
}


@page.get("/cash")
@needs("cash.see")
def index() -> ResponseReturnValue:
    view = listing.read(sorts=("date",), desc=True, filters={"account": None})
    account = int(view.filters["account"]) if "account" in view.filters else None
    if view.format:
        return exports.answer(view.format, "cash", FILE, map(_file_row, cash.book(account, view.q)))
    rows = view.cut(cash.book(account, view.q, view.limit, view.offset))
    known = cash.balances(archived=True)
    held = sum((one.balance for one in known), ZERO)
    return htmx.page(
        "cash/index.html", "list", view=view, rows=rows, accounts=[a for a in known if not a.archived_at],
        names={str(a.id): a.name for a in known}, held=held,
    )  # fmt: skip


def _file_row(row: cash.BookRow) -> tuple[Any, ...]:
    return row.id, row.moved_on, row.account, row.amount, row.note, row.who, row.is_voided


# --- money in, out and across -----------------------------------------------------------------------------------------


@page.get("/cash/<any(in, out, transfer):way>")
@needs("cash.edit")
def new(way: str) -> ResponseReturnValue:
    form = TransferForm() if way == "transfer" else EntryForm()
    account = listing.whole(request.args.get("account"))
    if account is not None and not form.was_kept:
        form.account.data = account
    return render_template("cash/new.html", form=form, way=way, words=WAYS[way])


@page.post("/cash/<any(in, out, transfer):way>")
@needs("cash.edit")
def create(way: str) -> ResponseReturnValue:
    form = TransferForm() if way == "transfer" else EntryForm()
    if form.validate():
        try:
            entry = _book(way, form)
        except (Refused, NotFound) as no:
            form.refuse(no)
        else:
            return htmx.see_other("/cash", f"{abs(entry.amount).with_currency()} is booked.")
    return render_template("cash/new.html", form=form, way=way, words=WAYS[way]), 422


def _book(way: str, form: Any) -> cash.CashEntry:
    if form.moved_on.data > clock.today():
        raise Refused("This day is in the future.", "moved_on")
    words = {"note": form.note.data, "on": form.moved_on.data, "key": form.request_key}
    if way == "transfer":
        return cash.transfer(form.account.data, form.to_account.data, form.amount.data, **words)
    post = cash.take if way == "in" else cash.pay_out
    return post(form.account.data, form.amount.data, **words)


@page.get("/cash/entries/<int:number>")
@needs("cash.see")
def show(number: int) -> ResponseReturnValue:
    return _shown(number)


@page.post("/cash/entries/<int:number>/void")
@needs("void.any")
def void(number: int) -> ResponseReturnValue:
    kind, _, document = (source := cash.entry(number).source).partition(":")
    if kind != "cash":
        raise Refused(f"This belongs to {kind} {document}. Void the {kind} itself.")
    return voiding.void(source, f"/cash/entries/{number}", "The entry is voided.", lambda wrong: _shown(number, wrong))


def _shown(number: int, wrong: Form | None = None) -> str:
    row = cash.row_of(number)
    kind, _, document = row.source.partition(":")
    return render_template(
        "cash/show.html", row=row, abs_amount=abs(row.amount), wrong=wrong, kind=kind, document=document,
        void=voids.of(row.source) if row.is_voided else None,
    )  # fmt: skip


# --- accounts ---------------------------------------------------------------------------------------------------------


@page.get("/cash/accounts/new")
@needs("cash.edit")
def new_account() -> ResponseReturnValue:
    return render_template("cash/account.html", form=AccountForm(), account=None)


@page.post("/cash/accounts")
@needs("cash.edit")
def create_account() -> ResponseReturnValue:
    form = AccountForm()
    if form.validate():
        try:
            account = cash.add_account(form.name.data, form.kind.data, form.opening.data or ZERO)
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other("/cash", f"{account.name} holds {account.balance.with_currency()}.")
    return render_template("cash/account.html", form=form, account=None), 422


@page.get("/cash/accounts/<int:number>")
@needs("cash.edit")
def edit_account(number: int) -> ResponseReturnValue:
    account = cash.account_of(number)
    return render_template("cash/account.html", form=NameForm(obj=account), account=account)


@page.post("/cash/accounts/<int:number>")
@needs("cash.edit")
def update_account(number: int) -> ResponseReturnValue:
    form, account = NameForm(), cash.account_of(number)
    if form.validate():
        try:
            cash.rename(number, form.name.data)
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other("/cash", f"{account.name} is now called {form.name.data}.")
    return render_template("cash/account.html", form=form, account=account), 422


@page.post("/cash/accounts/<int:number>/archive")
@needs("cash.edit")
def archive_account(number: int) -> ResponseReturnValue:
    account = cash.account_of(number)
    try:
        cash.archive(number)
    except Refused as no:
        form = NameForm(formdata=None, obj=account)
        form.refuse(no)
        return render_template("cash/account.html", form=form, account=account), 422
    return htmx.see_other("/cash", f"{account.name} is archived; its entries stay in the book.")


search.action("Money came in", "/cash/in", "cash take deposit")
search.action("Money went out", "/cash/out", "cash pay expense withdraw")
search.action("Transfer money", "/cash/transfer", "bank till")
