"""The suppliers' pages: list, one supplier with what we owe and buy, new, edit, archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import Refused
from tracker.shop import low_stock, product_list, suppliers
from tracker.shop.product_list import Wanted
from tracker.shop.suppliers import Supplier
from tracker.web import exports, htmx, listing, search, share
from tracker.web.access import Person, needs
from tracker.web.fields import EmailField, LineField, NoteField, NumberField, PhoneField
from tracker.web.forms import Form
from tracker.web.products import changes_of

page = Blueprint("suppliers", __name__)
SHOWS = {"owed": "You owe", "archived": "Archived"}
COLUMNS = ("code", "name", "contact", "phone", "email", "address", "terms_days", "notes")


class SupplierForm(Form):
    """Who they are and how to reach them."""

    name = LineField("Name", required=True)
    code = LineField("Code", longest=60, help="Your own short name for them, if you use one.")
    contact = LineField("Contact", help="Whom you talk to.")
    phone = PhoneField("Phone", longest=60, help="With the country's code, like +254 …, WhatsApp opens right here.")
    email = EmailField("E-mail")
    terms_days = NumberField("Days to pay", high=suppliers.LONGEST_TERMS, help="Counted from the invoice's date.")
    address = NoteField("Address")
    notes = NoteField("Notes")


@page.get("/suppliers")
@needs("suppliers.see")
def index() -> ResponseReturnValue:
    view = listing.read(
        sorts=tuple(suppliers.SORTS), filters={"show": tuple(SHOWS)}, first_desc=("owed", "products", "terms")
    )
    show = view.filters.get("show", "active")
    if view.format:
        return _export(view, show)
    found = view.cut(suppliers.listing(view.q, show, view.sort, view.desc, view.limit, view.offset))
    totals = suppliers.totals(view.q, show)
    view.total = totals.found
    return htmx.page("suppliers/index.html", "list", view=view, rows=found, totals=totals, shows=SHOWS, dial=share.dial)


def _export(view: listing.View, show: str) -> ResponseReturnValue:
    def cells() -> Iterator[list[Any]]:
        for row in suppliers.listing(view.q, show, view.sort, view.desc):
            yield [getattr(row, name) for name in COLUMNS]

    return exports.answer(view.format, "suppliers", COLUMNS, cells())


@page.get("/suppliers/new")
@needs("suppliers.edit")
def new() -> ResponseReturnValue:
    return render_template("suppliers/new.html", form=SupplierForm())


@page.post("/suppliers")
@needs("suppliers.edit")
def create() -> ResponseReturnValue:
    form = SupplierForm()
    if form.validate():
        try:
            supplier = suppliers.add(**form.values())
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other(f"/suppliers/{supplier.id}", f"{supplier.name} was added.")
    return render_template("suppliers/new.html", form=form), 422


@page.get("/suppliers/<int:number>")
@needs("suppliers.see")
def show(number: int) -> ResponseReturnValue:
    supplier = suppliers.get(number)
    debts, owed = suppliers.owed(number)
    low = [row for row in low_stock.rows(clock.today()) if row.supplier_id == number]
    bought = product_list.listing(Wanted(supplier_id=number), limit=51)
    return render_template(
        "suppliers/show.html",
        supplier=supplier,
        debts=debts,
        owed=owed,
        to_order=[row for row in low if row.word == "Order now"],
        bought=bought[:50],
        has_more=len(bought) > 50,
        dial=share.dial(supplier.phone),
        whatsapp=share.whatsapp("", supplier.phone) if supplier.phone else "",
        changes=changes_of(f"supplier:{number}") if g.person.can("audit.see") else [],
    )


@page.get("/suppliers/<int:number>/edit")
@needs("suppliers.edit")
def edit(number: int) -> ResponseReturnValue:
    supplier = suppliers.get(number)
    return _edit_page(supplier, SupplierForm(obj=supplier))


@page.post("/suppliers/<int:number>")
@needs("suppliers.edit")
def update(number: int) -> ResponseReturnValue:
    supplier = suppliers.get(number)
    form = SupplierForm()
    if form.validate():
        try:
            suppliers.edit(number, **form.values())
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other(f"/suppliers/{number}", "Saved.")
    return _edit_page(supplier, form, 422)


def _edit_page(supplier: Supplier, form: SupplierForm, status: int = 200) -> ResponseReturnValue:
    return render_template("suppliers/edit.html", form=form, supplier=supplier), status


@page.post("/suppliers/<int:number>/archive")
@needs("suppliers.edit")
def archive(number: int) -> ResponseReturnValue:
    suppliers.archive(number)
    return htmx.see_other(f"/suppliers/{number}", "Archived. What you owe stays on the list of debts.")


@page.post("/suppliers/<int:number>/unarchive")
@needs("suppliers.edit")
def unarchive(number: int) -> ResponseReturnValue:
    suppliers.unarchive(number)
    return htmx.see_other(f"/suppliers/{number}", "Back on the list.")


def _find(q: str, person: Person) -> list[search.Hit]:
    if not person.can("suppliers.see"):
        return []
    found = suppliers.listing(q, limit=search.MOST)
    return [search.Hit(f"/suppliers/{row.id}", row.name, row.phone or row.code, "truck") for row in found]


search.provide("Suppliers", _find)
search.action("New supplier", "/suppliers/new", "add vendor")
