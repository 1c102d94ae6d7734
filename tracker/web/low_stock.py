"""The order list: what is at or below its level, by supplier, with what to order; marked as ordered in one go."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from tracker import clock, text
from tracker.errors import Refused
from tracker.quantity import Quantity
from tracker.shop import incoming, low_stock, settings
from tracker.shop.low_stock import LowProduct, SupplierGroup
from tracker.web import exports, htmx, listing, share
from tracker.web.access import needs
from tracker.web.fields import DayField
from tracker.web.filters import plural
from tracker.web.forms import Form

page = Blueprint("low_stock", __name__)
STATES = {"now": "Order now", "ordered": "Ordered", "later": "Later"}
COLUMNS = ("sku", "name", "unit", "on_hand", "reorder_level", "on_order", "suggested", "supplier", "state")


class OrderedForm(Form):
    """When the goods of one supplier are expected; the quantities are read by product."""

    expected_on = DayField("Expected on")


@page.get("/stock/low")
@needs("products.see")
def index() -> ResponseReturnValue:
    view = _view()
    everything = low_stock.rows(clock.today())
    found = _matching(view, everything)
    if view.format:
        return _export(view, found)
    return _page(view, everything, found)


def _view() -> listing.View:
    view = listing.read(sorts=("supplier",), filters={"state": tuple(STATES), "supplier": None})
    view.path = "/stock/low"
    return view


def _matching(view: listing.View, rows: Sequence[LowProduct]) -> list[LowProduct]:
    word, supplier, key = STATES.get(view.filters.get("state", "")), view.filters.get("supplier"), text.key(view.q)
    return [
        row
        for row in rows
        if (word is None or row.word == word)
        and (supplier is None or row.supplier_id == int(supplier))
        and (not key or key in text.key(f"{row.name} {row.sku} {row.supplier or ''}"))
    ]


def _page(
    view: listing.View,
    everything: Sequence[LowProduct],
    found: Sequence[LowProduct],
    typed: dict[int, str] | None = None,
    form: OrderedForm | None = None,
) -> str:
    view.total = len(found)
    words = list(STATES.values())
    in_order = sorted(found, key=lambda row: words.index(row.word))  # what is to be done comes first
    shown = view.cut(in_order[view.offset : view.offset + view.limit])
    groups = low_stock.grouped(row for row in shown if row.word == "Order now")
    counts = {name: sum(row.word == word for row in everything) for name, word in STATES.items()}
    return htmx.page(
        "low_stock/index.html",
        "list",
        view=view,
        groups=groups,
        others=[(word, [row for row in shown if row.word == word]) for word in words[1:]],
        is_empty=not shown,
        counts=counts,
        total=len(everything),
        states=STATES,
        names={row.supplier_id: row.supplier for row in everything if row.supplier_id},
        costs=g.person.can("costs.see"),
        share_all=share.whatsapp(_order_text(groups)),
        order_text=lambda group: share.whatsapp(_order_text([group]), group.products[0].phone or ""),
        typed=typed or {},
        day=request.form.get("expected_on", "")[:10],
        form=form or OrderedForm(formdata=None),
    )


def _order_text(groups: Sequence[SupplierGroup]) -> str:
    """The order as a message: a line for each product; nothing when nothing is to order."""
    lines = []
    for group in groups:
        if group.to_order:
            lines += ["", f"*{group.name or 'Without a supplier'}*"] if len(groups) > 1 else []
            lines += [f"{row.suggested.with_unit(row.unit)} {row.name} ({row.sku})" for row in group.to_order]
    return "\n".join([f"Order from {settings.current().shop_name}:", *lines]) if lines else ""


def _export(view: listing.View, rows: Sequence[LowProduct]) -> ResponseReturnValue:
    costs = g.person.can("costs.see")
    columns = (*COLUMNS, "cost") if costs else COLUMNS
    cells = ([row.word if name == "state" else getattr(row, name) for name in columns] for row in rows)
    return exports.answer(view.format, "low-stock", columns, cells)


@page.get("/stock/low/print")
@needs("products.see")
def print_view() -> ResponseReturnValue:
    view = _view()
    groups = [group for group in low_stock.grouped(_matching(view, low_stock.rows(clock.today()))) if group.to_order]
    back = view.url(page=None)
    return render_template("low_stock/print.html", groups=groups, today=clock.today(), back=back)


@page.post("/stock/low")
@needs("orders.mark")
def mark() -> ResponseReturnValue:
    """Mark what stands in the form as ordered: one product (`only`) or all of them; empty quantities are left out."""
    form = OrderedForm()
    typed = _typed(request.form.get("only", ""))
    try:
        if not form.validate():
            raise Refused("", "expected_on")
        wanted = _wanted(typed)
        incoming.mark_all(wanted, form.expected_on.data)
    except Refused as no:
        if no.message:
            form.refuse(no)
        return _again(form, typed), 422
    return htmx.see_other("/stock/low", f"{plural(len(wanted), 'product')} marked as ordered.")


def _typed(only: str) -> dict[int, str]:
    fields = {name.removeprefix("quantity-"): value for name, value in request.form.items() if name[:9] == "quantity-"}
    numbers = {key: listing.whole(key) for key in fields if only in ("", key)}
    return {number: fields[key] for key, number in numbers.items() if number is not None}


def _wanted(typed: dict[int, str]) -> dict[int, Quantity]:
    wanted = {number: Quantity.parse(value) for number, value in typed.items() if value.strip()}
    return {number: amount for number, amount in wanted.items() if amount}


def _again(form: OrderedForm, typed: dict[int, str]) -> str:
    view = _view()
    everything = low_stock.rows(clock.today())
    return _page(view, everything, everything, typed, form)
