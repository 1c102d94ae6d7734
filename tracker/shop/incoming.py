"""What is on order: marked by hand or by an import, closed when goods come in, its sum kept on the product."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import peewee

from tracker import clock, db, quantity, text
from tracker.errors import NotFound, Refused
from tracker.quantity import Quantity
from tracker.shop import audit


class Incoming(db.Model):
    """One order of one product; open until all of it arrived or it was cancelled."""

    product_id = peewee.IntegerField()
    quantity = db.QuantityField()
    arrived = db.QuantityField(default=Quantity(0))
    ordered_on = db.DayField()
    expected_on = db.DayField(null=True)
    source = peewee.TextField(default="")
    note = peewee.TextField(default="")
    user_id = peewee.IntegerField(null=True)
    created_at = db.InstantField()
    closed_at = db.InstantField(null=True)

    @property
    def rest(self) -> Quantity:
        """What is still to come."""
        return self.quantity - self.arrived


def mark_ordered(
    product_id: int, wanted: Quantity, expected_on: date | None = None, note: str = "", source: str = "hand"
) -> Incoming:
    """Note that so much was ordered. Raises Refused at `quantity` or `expected_on`, NotFound."""
    return mark_all({product_id: wanted}, expected_on, note, source)[0]


def mark_all(
    wanted: Mapping[int, Quantity], expected_on: date | None = None, note: str = "", source: str = "hand"
) -> list[Incoming]:
    """Note an order of several products (product id: quantity) in one go: all or nothing."""
    words = text.line(note, "note", "note")
    if expected_on is not None and expected_on < clock.today():
        raise Refused("The day the goods are expected is in the past.", "expected_on")
    if not wanted:
        raise Refused("Choose at least one product.", "quantity")
    with db.write():
        return [_mark(product_id, amount, expected_on, words, source) for product_id, amount in wanted.items()]


def _mark(product_id: int, wanted: Quantity, expected_on: date | None, note: str, source: str) -> Incoming:
    name, decimals = _product(product_id)
    quantity.positive(wanted)
    if wanted.thousandths % 10 ** (quantity.PLACES - decimals):
        raise Refused(f"{name} is counted with {decimals or 'no'} decimals.", "quantity")
    order = Incoming.create(
        product_id=product_id,
        quantity=wanted,
        ordered_on=clock.today(),
        expected_on=expected_on,
        source=source,
        note=note,
        user_id=audit.actor().id,
        created_at=clock.now(),
    )
    _keep_sum(product_id)
    return order


def cancel(incoming_id: int) -> None:
    """The rest of this order does not come any more. Raises NotFound, Refused when it is closed already."""
    with db.write():
        order = Incoming.get_or_none(Incoming.id == incoming_id)
        if order is None:
            raise NotFound("There is no such order.")
        if order.closed_at is not None:
            raise Refused("This order is closed already.")
        Incoming.update(closed_at=clock.now()).where(Incoming.id == incoming_id).execute()
        _keep_sum(order.product_id)
        audit.note(
            "order.cancel", f"product:{order.product_id}", quantity=order.rest.plain(), ordered_on=order.ordered_on
        )


def arrive(product_id: int, came: Quantity) -> Quantity:
    """Goods came in: open orders are filled, oldest first. Returns what of it had been on order."""
    left = came
    with db.write():
        for order in open_for(product_id):
            if not left:
                break
            taken = min(left, order.rest)
            closed = clock.now() if taken == order.rest else None
            Incoming.update(arrived=order.arrived + taken, closed_at=closed).where(Incoming.id == order.id).execute()
            left -= taken
        if left != came:
            _keep_sum(product_id)
    return came - left


def open_for(product_id: int) -> list[Incoming]:
    """Open orders of a product, oldest first."""
    query = Incoming.select().where(Incoming.product_id == product_id, Incoming.closed_at.is_null())
    return list(query.order_by(Incoming.id))


def _product(product_id: int) -> tuple[str, int]:
    found = db.rows("SELECT name, unit_decimals FROM product WHERE id = ?", product_id)
    if not found:
        raise NotFound("There is no such product.")
    return found[0][0], found[0][1]


def _keep_sum(product_id: int) -> None:
    # Plain SQL: products and orders are neighbours that don't import each other; the column is this module's to write.
    db.books.execute_sql(
        "UPDATE product SET on_order = (SELECT COALESCE(SUM(quantity - arrived), 0) FROM incoming "
        "WHERE product_id = ? AND closed_at IS NULL) WHERE id = ?",
        (product_id, product_id),
    )
