"""The products' pages: list, one product with its history, new, edit, archive."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import Refused
from tracker.money import ZERO
from tracker.shop import audit, categories, incoming, low_stock, movements, product_list, products, stock, suppliers
from tracker.shop.product_list import ProductRow, Wanted
from tracker.shop.products import Product
from tracker.web import exports, htmx, listing, search
from tracker.web.access import Person, needs
from tracker.web.fields import ChoiceField, LineField, MoneyField, NoteField, QuantityField
from tracker.web.forms import Form

page = Blueprint("products", __name__)
SHOWS = {"low": "Low", "out": "Sold out", "archived": "Archived"}
COLUMNS = (
    "sku", "name", "category", "unit", "barcode", "cost", "price", "on_hand", "reorder_level", "reorder_quantity",
    "on_order", "supplier", "active",
)  # fmt: skip
UNITS = ("piece", "kg", "litre", "box", "bag", "bottle", "pack", "tin", "metre")


class ProductForm(Form):
    """What a person may say of a product; what is on hand only of a new one, later it comes from movements."""

    name = LineField("Name", required=True)
    sku = LineField("SKU", longest=60, help="Your own short code. Leave it empty and one is made.")
    barcode = LineField("Barcode", longest=60, help="Scan it here.")
    category = LineField("Category", help="A new name makes a new category.")
    unit = LineField("Unit", longest=30, default="piece", help="What you count: piece, kg, box …")
    unit_decimals = ChoiceField(
        "Sold in parts?",
        [(0, "No, whole ones only"), (1, "Yes, like 1.5"), (2, "Yes, like 1.25"), (3, "Yes, like 1.250")],
        required=True,
        coerce=int,
        default=0,
    )
    cost = MoneyField("Cost of one", help="What you last paid for it.")
    price = MoneyField("Price of one", help="What you ask for it.")
    reorder_level = QuantityField(
        "Reorder level", help="At this number or below you are told. Empty: never. 0: when it is sold out."
    )
    reorder_quantity = QuantityField("Usual order", help="How much you order at a time.")
    on_hand = QuantityField("On hand now", help="How many are there today.")
    supplier_id = ChoiceField("Supplier", coerce=int)
    notes = NoteField("Notes")

    def offer(self, product: Product | None = None) -> ProductForm:
        """Fill in the choices."""
        keep = product.supplier_id if product else None
        if product:
            del self.on_hand
        self.supplier_id.choices = [("", "No supplier"), *suppliers.choices(keep)]
        return self

    def fields(self) -> dict[str, Any]:
        """As the books want them; an empty amount is nothing paid or asked."""
        nothing = {"cost": ZERO, "price": ZERO}
        return {name: nothing.get(name) if value is None else value for name, value in self.values().items()}


@page.get("/products")
@needs("products.see")
def index() -> ResponseReturnValue:
    costs = g.person.can("costs.see")
    sorts = [name for name in product_list.SORTS if costs or name not in product_list.COSTLY_SORTS]
    view = listing.read(
        sorts=sorts,
        filters={"show": tuple(SHOWS), "category": None, "supplier": None},
        first_desc=("on_hand", "price", "value"),
    )
    wanted = Wanted(view.q, view.filters.get("show", "active"), _number(view, "category"), _number(view, "supplier"))
    if view.format:
        return _export(view, wanted, costs)
    found = view.cut(product_list.listing(wanted, view.sort, view.desc, view.limit, view.offset))
    figures = product_list.figures()
    totals = _totals(view, wanted, found, figures)
    view.total = totals.found
    return htmx.page(
        "products/index.html", "list", view=view, rows=found, figures=figures, totals=totals, costs=costs, shows=SHOWS
    )


def _totals(
    view: listing.View, wanted: Wanted, found: Sequence[ProductRow], figures: product_list.Figures
) -> product_list.Totals:
    """Without a question where the answer is known: the whole shop, or a result that fits the page."""
    if not view.active():
        return product_list.Totals(figures.active, figures.value)
    if view.page == 1 and not view.has_more:
        return product_list.Totals(len(found), sum((row.value for row in found), ZERO))
    return product_list.totals(wanted)


def _number(view: listing.View, name: str) -> int | None:
    return int(view.filters[name]) if name in view.filters else None


def _export(view: listing.View, wanted: Wanted, costs: bool) -> ResponseReturnValue:
    """The import's own columns, so that what goes out comes in again; without costs for those who may not see them."""
    columns = [name for name in COLUMNS if costs or name != "cost"]

    def cells() -> Iterator[list[Any]]:
        for row in product_list.listing(wanted, view.sort, view.desc):
            values = row._asdict() | {"active": not row.is_archived}
            yield [values[name] for name in columns]

    return exports.answer(view.format, "products", columns, cells())


@page.get("/products/new")
@needs("products.edit")
def new() -> ResponseReturnValue:
    form = ProductForm(name=request.args.get("name", ""), barcode=request.args.get("barcode", "")).offer()
    return _form_page("products/new.html", form)


@page.post("/products")
@needs("products.edit")
def create() -> ResponseReturnValue:
    form = ProductForm().offer()
    if form.validate():
        try:
            product = stock.introduce(**form.fields())
        except Refused as no:
            form.refuse(no)
        else:
            where = "/products/new" if "another" in request.form else f"/products/{product.id}"
            return htmx.see_other(where, f"{product.name} was added.")
    return _form_page("products/new.html", form, status=422)


@page.get("/products/<int:number>")
@needs("products.see")
def show(number: int) -> ResponseReturnValue:
    product = products.get(number)
    costs = g.person.can("costs.see")
    history = movements.of(number, 51, listing.whole(request.args.get("before")))
    shown = [row for row in history[:50] if costs or row.kind != "residue"]
    return render_template(
        "products/show.html",
        product=product,
        category=categories.get(product.category_id) if product.category_id else None,
        supplier=suppliers.get(product.supplier_id) if product.supplier_id else None,
        low=low_stock.row_of(number, clock.today()),
        orders=incoming.open_for(number) if product.on_order else [],
        history=shown,
        older=history[49].id if len(history) > 50 else None,
        changes=changes_of(f"product:{number}") if g.person.can("audit.see") else [],
        costs=costs,
        reasons=stock.REASONS,
        may_void={row.id for row in shown if _may_void(row)} if g.person.can("void.any") else set(),
    )


def _may_void(row: movements.MovementRow) -> bool:
    return not row.is_reversed and row.kind not in ("reversal", "residue") and stock.is_own(row.id, row.source)


def changes_of(subject: str) -> list[tuple[audit.Audit, list[tuple[str, str]]]]:
    """The latest changes of a thing, each with its details as (name, value)."""
    found = audit.of(subject)[:30]
    return [(row, [(k.replace("_", " "), str(v)) for k, v in json.loads(row.detail or "{}").items()]) for row in found]


@page.get("/products/<int:number>/edit")
@needs("products.edit")
def edit(number: int) -> ResponseReturnValue:
    product = products.get(number)
    category = categories.get(product.category_id).name if product.category_id else ""
    form = ProductForm(obj=product, category=category).offer(product)
    return _form_page("products/edit.html", form, product)


@page.post("/products/<int:number>")
@needs("products.edit")
def update(number: int) -> ResponseReturnValue:
    product = products.get(number)
    form = ProductForm().offer(product)
    if form.validate():
        try:
            products.edit(number, **form.fields())
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other(f"/products/{number}", "Saved.")
    return _form_page("products/edit.html", form, product, 422)


def _form_page(
    template: str, form: ProductForm, product: Product | None = None, status: int = 200
) -> ResponseReturnValue:
    shelves = [name for _, name in categories.choices()]
    return render_template(template, form=form, product=product, shelves=shelves, units=UNITS), status


@page.post("/products/<int:number>/archive")
@needs("products.edit")
def archive(number: int) -> ResponseReturnValue:
    products.archive(number)
    return htmx.see_other(f"/products/{number}", "Archived: off the lists, and never reminded of.")


@page.post("/products/<int:number>/unarchive")
@needs("products.edit")
def unarchive(number: int) -> ResponseReturnValue:
    products.unarchive(number)
    return htmx.see_other(f"/products/{number}", "Back on the lists.")


def _find(q: str, person: Person) -> list[search.Hit]:
    if not person.can("products.see"):
        return []
    scanned = products.by_code(q)
    found = [(scanned.id, scanned.name, scanned.sku)] if scanned else product_list.matching(q, search.MOST)
    return [search.Hit(f"/products/{number}", name, sku, "box-seam") for number, name, sku in found]


search.provide("Products", _find)
search.action("New product", "/products/new", "add item article")
