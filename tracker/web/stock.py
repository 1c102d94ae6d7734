"""What happens to one product's stock: goods received, counted, lost; on order; put off; voided."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import NotFound, Refused
from tracker.shop import corrections, incoming, low_stock, products, stock, valuation, voids
from tracker.shop.products import Product
from tracker.web import htmx
from tracker.web.access import needs
from tracker.web.fields import ChoiceField, DayField, LineField, MoneyField, QuantityField
from tracker.web.filters import day
from tracker.web.forms import Form

page = Blueprint("stock", __name__)
LOSSES = [(key, words) for key, words in stock.REASONS.items() if key != "count"]


class ReceiveForm(Form):
    """Goods that came in."""

    quantity = QuantityField("How many came", required=True)
    unit_cost = MoneyField("Cost of one", help="Leave it empty if it is as before.")
    note = LineField("Note", help="For example the number of the delivery note.")


class CountForm(Form):
    """What is really there."""

    counted = QuantityField("On the shelf now", required=True)
    note = LineField("Note", id="count-note")


class LossForm(Form):
    """What is gone."""

    quantity = QuantityField("How many are gone", required=True)
    reason = ChoiceField("Why", [("", "Choose…"), *LOSSES], required=True)
    note = LineField("Note", id="loss-note")


class OrderForm(Form):
    """What was ordered."""

    quantity = QuantityField("How many were ordered", required=True)
    expected_on = DayField("Expected on")
    note = LineField("Note")


class LaterForm(Form):
    """Until when to keep quiet; empty: speak up again."""

    until = DayField("Until")


@page.get("/products/<int:number>/receive")
@needs("stock.receive")
def receive(number: int) -> ResponseReturnValue:
    product = products.get(number)
    form = ReceiveForm(unit_cost=product.cost if product.cost else None)
    return _page("receive", form, product)


@page.post("/products/<int:number>/receive")
@needs("stock.receive")
def create_receipt(number: int) -> ResponseReturnValue:
    product = products.get(number)
    form = ReceiveForm()
    form.quantity.decimals = product.unit_decimals
    if not g.person.can("costs.see"):
        del form.unit_cost
    if form.validate():
        cost = form.unit_cost.data if "unit_cost" in form else None
        try:
            amount = form.quantity.data
            paid = None if cost is None else valuation.worth(cost, amount)
            stock.receive(number, amount, paid, note=form.note.data, key=form.request_key)
        except Refused as no:
            form.refuse(Refused(no.message, "unit_cost" if no.field == "value" else no.field))
        else:
            return htmx.see_other(f"/products/{number}", f"Received: {amount} × {product.name}.")
    return _page("receive", form, product, 422)


@page.get("/products/<int:number>/adjust")
@needs("stock.adjust")
def adjust(number: int) -> ResponseReturnValue:
    return _adjust_page(products.get(number), CountForm(), LossForm())


@page.post("/products/<int:number>/count")
@needs("stock.adjust")
def create_count(number: int) -> ResponseReturnValue:
    product = products.get(number)
    form = CountForm()
    form.counted.decimals = product.unit_decimals
    if form.validate():
        try:
            movement = corrections.counted(number, form.counted.data, form.note.data, form.request_key)
        except Refused as no:
            form.refuse(Refused(no.message, "counted" if no.field == "quantity" else no.field))
        else:
            done = (
                "Saved: the books now say what you counted." if movement else "The books were right: nothing changed."
            )
            return htmx.see_other(f"/products/{number}", done)
    return _adjust_page(product, form, LossForm(formdata=None), 422)


@page.post("/products/<int:number>/adjust")
@needs("stock.adjust")
def create_loss(number: int) -> ResponseReturnValue:
    product = products.get(number)
    form = LossForm()
    form.quantity.decimals = product.unit_decimals
    if form.validate():
        try:
            corrections.lost(number, form.quantity.data, form.reason.data, form.note.data, form.request_key)
        except Refused as no:
            form.refuse(no)
        else:
            done = f"{form.quantity.data} × {product.name} taken off: {stock.REASONS[form.reason.data].lower()}."
            return htmx.see_other(f"/products/{number}", done)
    return _adjust_page(product, CountForm(formdata=None), form, 422)


def _adjust_page(product: Product, count: CountForm, loss: LossForm, status: int = 200) -> ResponseReturnValue:
    return render_template("stock/adjust.html", product=product, count=count, loss=loss), status


@page.get("/products/<int:number>/order")
@needs("orders.mark")
def order(number: int) -> ResponseReturnValue:
    low = low_stock.row_of(number, clock.today())
    product = products.get(number)
    usual = low.suggested if low and low.suggested else product.reorder_quantity
    return _page("order", OrderForm(quantity=usual), product)


@page.post("/products/<int:number>/order")
@needs("orders.mark")
def create_order(number: int) -> ResponseReturnValue:
    product = products.get(number)
    form = OrderForm()
    form.quantity.decimals = product.unit_decimals
    if form.validate():
        try:
            incoming.mark_ordered(number, form.quantity.data, form.expected_on.data, form.note.data)
        except Refused as no:
            form.refuse(no)
        else:
            return htmx.see_other(f"/products/{number}", f"Marked as ordered: {form.quantity.data} × {product.name}.")
    return _page("order", form, product, 422)


def _page(name: str, form: Form, product: Product, status: int = 200) -> ResponseReturnValue:
    costs = g.person.can("costs.see")
    return render_template(f"stock/{name}.html", form=form, product=product, costs=costs), status


@page.post("/products/<int:number>/orders/<int:order_id>/cancel")
@needs("orders.mark")
def cancel_order(number: int, order_id: int) -> ResponseReturnValue:
    if order_id not in [one.id for one in incoming.open_for(number)]:
        raise NotFound("There is no such open order of this product.")
    incoming.cancel(order_id)
    return htmx.see_other(f"/products/{number}", "The rest of this order is no longer expected.")


@page.post("/products/<int:number>/snooze")
@needs("orders.mark")
def snooze(number: int) -> ResponseReturnValue:
    """Later: for some days (`days`, one click) or until a date (`until`); neither: speak up again."""
    product = products.get(number)
    days = request.form.get("days", "")
    back = "/stock/low" if request.form.get("back") == "low" else f"/products/{number}"
    until = clock.today() + timedelta(days=int(days)) if days in ("1", "7", "30") else None
    if until is None and "days" not in request.form:
        form = LaterForm()
        if not form.validate():
            raise Refused(form.wrong[0][1])
        until = form.until.data
    products.snooze(number, until)
    words = "" if until is None else day(until)
    return htmx.see_other(back, f"{product.name}: quiet until {words}." if until else f"{product.name} is back.")


@page.post("/products/<int:number>/movements/<int:movement_id>/void")
@needs("void.any")
def void(number: int, movement_id: int) -> ResponseReturnValue:
    movement = stock.get_movement(movement_id)
    if movement.product_id != number:
        raise NotFound("There is no such stock movement.")
    voids.void(f"stock:{movement_id}", request.form.get("reason", ""))
    return htmx.see_other(f"/products/{number}", "Voided: the opposite was booked today.")
