"""The stock ledger: every movement of goods with its quantity and its value at moving average, in booking order."""

from __future__ import annotations

from typing import Any

import peewee

from tracker import clock, db, numerals, quantity, text
from tracker.errors import NotFound, Refused
from tracker.money import ZERO, Money
from tracker.quantity import PLACES, Quantity
from tracker.shop import audit, incoming, request_keys, settings, valuation
from tracker.shop.products import Product, add, get

REASONS = {
    "count": "Counted",
    "damage": "Damaged",
    "expired": "Expired",
    "theft": "Stolen or missing",
    "own_use": "Own use",
    "gift": "Given away",
}


class StockMovement(db.Model):
    """One movement. Rows are never changed or removed."""

    product_id = peewee.IntegerField()
    at = db.InstantField()
    moved_on = db.DayField()
    kind = peewee.TextField()
    reason = peewee.TextField(null=True)
    quantity = db.QuantityField()
    value = db.MoneyField()
    source = peewee.TextField(default="")
    note = peewee.TextField(default="")
    user_id = peewee.IntegerField(null=True)
    reverses_id = peewee.IntegerField(null=True, unique=True)

    # Set on what a verb returns: this movement took the product from above its level to it or below.
    became_low = False


# --- verbs ---------------------------------------------------------------------------------------------------------


def opening(
    product_id: int, amount: Quantity, value: Money | None = None, source: str = "", note: str = ""
) -> StockMovement:
    """What was there when the books began; worth cost x quantity unless `value` says otherwise. Raises Refused."""
    with db.write():
        product = _product(product_id, quantity.positive(amount))
        booked = valuation.at_cost(product, amount) if value is None else _not_negative(value)
        return _post(product, "opening", amount, booked, source=source, note=note)


def introduce(on_hand: Quantity | None, sku: str, name: str, **fields: Any) -> Product:
    """A new product (see `products.add`) together with what is there of it, worth its cost. Raises Refused."""
    with db.write():
        product = add(sku, name, **fields)
        if on_hand:
            try:
                opening(product.id, on_hand)
            except Refused as no:
                raise Refused(no.message, "on_hand") from no
    return get(product.id)


def receive(
    product_id: int, amount: Quantity, value: Money | None = None, source: str = "", note: str = "", key: str = ""
) -> StockMovement:
    """Goods came in for `value` in all (None: at the last known cost). Closes what was on order, oldest first.

    What was paid for one becomes the product's cost. The same form key again returns the first movement. Raises Refused
    at `quantity` or `value`.
    """
    with db.write():
        before = request_keys.made(key, "stock")
        if before is not None:
            return get_movement(before)
        product = _product(product_id, quantity.positive(amount))
        booked = valuation.at_cost(product, amount) if value is None else _not_negative(value)
        if value:
            product.cost = valuation.unit_cost(value, amount)
        movement = _post(product, "in", amount, booked, source=source, note=note)
        if product.on_order:
            incoming.arrive(product_id, amount)
        request_keys.keep_document(key, f"stock:{movement.id}")
    return movement


def issue(product_id: int, amount: Quantity, source: str = "", note: str = "") -> StockMovement:
    """Goods went out; `-movement.value` is what they cost us. Raises Refused at `quantity` when there is too little."""
    with db.write():
        product = _product(product_id, quantity.positive(amount))
        return _post(product, "out", -amount, -_taken(product, amount), source=source, note=note)


def adjust(
    product_id: int, amount: Quantity, reason: str, note: str = "", source: str = "", key: str = ""
) -> StockMovement:
    """Goods were lost, used, given away (below zero), or a count found more or less. `reason` is one of REASONS.

    The same form key again returns the first movement. Raises Refused at `quantity` or `reason`.
    """
    if reason not in REASONS:
        raise Refused("Choose a reason from the list.", "reason")
    if not amount:
        raise Refused("The quantity can't be zero.", "quantity")
    if amount.thousandths > 0 and reason != "count":
        raise Refused("Only a count can add goods. Use “Receive goods” for what was delivered.", "reason")
    with db.write():
        before = request_keys.made(key, "stock")
        if before is not None:
            return get_movement(before)
        product = _product(product_id, amount)
        value = valuation.found(product, amount) if amount.thousandths > 0 else -_taken(product, -amount)
        movement = _post(product, "adjustment", amount, value, source=source, note=note, reason=reason)
        audit.note("stock.adjust", f"product:{product_id}", quantity=amount.plain(), reason=reason, note=movement.note)
        request_keys.keep_document(key, f"stock:{movement.id}")
    return movement


def count(product_id: int, counted: Quantity, note: str = "", source: str = "", key: str = "") -> StockMovement | None:
    """So many are on the shelf: posts the difference to what the books say; None when there is none."""
    if counted.thousandths < 0:
        raise Refused("A count can't be below zero.", "quantity")
    with db.write():
        before = request_keys.made(key, "stock")
        if before is not None:
            return get_movement(before)
        difference = counted - get(product_id).on_hand
        return adjust(product_id, difference, "count", note, source, key) if difference else None


def reverse(what: int | str, note: str = "") -> list[StockMovement]:
    """Post the exact opposite of all that a source ("purchase:12") posted, or of one movement (its id), newest first.

    Returns the reversals, [] when a source posted nothing (more). Goods come back at the value they were booked out
    with; an order that a receipt closed stays closed. Raises Refused when the goods are gone already or when a single
    movement was reversed before or belongs to a document, NotFound for an unknown id.
    """
    with db.write():
        standing = _alone(what) if isinstance(what, int) else _standing(StockMovement.source == what) if what else []
        return [_reverse(movement, note) for movement in standing]


def is_own(movement_id: int, source: str) -> bool:
    """Whether this movement stands for itself: no document ("purchase:12") made it."""
    return ":" not in source or source == f"stock:{movement_id}"


def _alone(movement_id: int) -> list[StockMovement]:
    movement = get_movement(movement_id)
    if not is_own(movement_id, movement.source) or movement.kind in ("reversal", "residue"):
        raise Refused("This movement belongs to another document. Void that one.")
    its_residue = (StockMovement.id == movement_id + 1) & (StockMovement.kind == "residue")
    standing = _standing((StockMovement.id == movement_id) | its_residue)
    if movement_id not in [row.id for row in standing]:
        raise Refused("This was voided before.")
    return standing


def _standing(which: Any) -> list[StockMovement]:
    """Which of these postings nobody took back, newest first."""
    found = list(StockMovement.select().where(which).order_by(StockMovement.id.desc()))
    ids = [row.id for row in found]
    undone = StockMovement.select(StockMovement.reverses_id).where(StockMovement.reverses_id << ids)
    reversed_ids = {row.reverses_id for row in undone}
    # A residue stands right behind the movement that left it; one that a reversal left is no posting of its own.
    left_by_reversals = {row.id + 1 for row in found if row.kind == "reversal"}
    return [
        row
        for row in found
        if row.kind != "reversal"
        and row.id not in reversed_ids
        and not (row.kind == "residue" and row.id in left_by_reversals)
    ]


def _reverse(movement: StockMovement, note: str) -> StockMovement:
    product = get(movement.product_id)
    _refuse_shortage(product, movement.quantity)
    if movement.kind == "in":
        product.cost = _cost_without(movement, product.cost)
    return _post(
        product,
        "reversal",
        -movement.quantity,
        -movement.value,
        source=movement.source,
        note=note,
        reverses_id=movement.id,
    )


def _cost_without(receipt: StockMovement, cost: Money) -> Money:
    """What we pay for one once this receipt does not count: what the last one before it says, if this one said it."""
    if cost != _unit_cost(receipt):
        return cost
    reversal = StockMovement.alias()
    gone = reversal.select(reversal.reverses_id).where(
        reversal.product_id == receipt.product_id, reversal.reverses_id.is_null(False)
    )
    before = (
        StockMovement.select()
        .where(
            StockMovement.product_id == receipt.product_id,
            StockMovement.kind << ("in", "opening"),
            StockMovement.value > 0,
            StockMovement.id != receipt.id,
            StockMovement.id.not_in(gone),
        )
        .order_by(StockMovement.id.desc())
        .first()
    )
    return cost if before is None else _unit_cost(before)


def _unit_cost(movement: StockMovement) -> Money:
    return valuation.unit_cost(movement.value, movement.quantity)


# --- posting -------------------------------------------------------------------------------------------------------


def _post(product: Product, kind: str, amount: Quantity, value: Money, **more: Any) -> StockMovement:
    """Write the movement, its residue if there is one, and the product's two cached figures in one UPDATE."""
    was_low = product.is_low
    before = product.on_hand, product.stock_value
    product.on_hand += amount
    product.stock_value += value
    if max(abs(value), abs(product.stock_value)).minor > numerals.LARGEST:
        raise Refused("That is worth more than the books can hold. Was a barcode scanned as a number?", "quantity")
    movement = _write(product, kind, amount, value, **more)
    left = valuation.settled(product, before, amount, value, exact=kind == "reversal")
    if left != product.stock_value:
        note = "Value left over" if not product.on_hand else "Value set right"
        _write(product, "residue", quantity.ZERO, left - product.stock_value, source=movement.source, note=note)
        product.stock_value = left
    figures = {name: getattr(product, name) for name in ("on_hand", "stock_value", "cost")}
    if not product.is_low:
        figures["low_told_on"] = None  # the next time it runs low is news again
    Product.update(**figures).where(Product.id == product.id).execute()
    movement.became_low = product.is_low and not was_low
    return movement


def _write(product: Product, kind: str, amount: Quantity, value: Money, **more: Any) -> StockMovement:
    more["note"] = text.line(more.get("note"), "note", "note")
    # A movement of its own must know its number when it is written: ledger rows are never changed afterwards.
    number = db.rows("SELECT COALESCE(MAX(id), 0) + 1 FROM stock_movement")[0][0]
    more["source"] = more.get("source") or f"stock:{number}"
    return StockMovement.create(
        force_insert=True,
        id=number,
        product_id=product.id,
        at=clock.now(),
        moved_on=clock.business_day(),
        kind=kind,
        quantity=amount,
        value=value,
        user_id=audit.actor().id,
        **more,
    )


def _taken(product: Product, amount: Quantity) -> Money:
    _refuse_shortage(product, amount)
    return valuation.taken(product, amount)


def _refuse_shortage(product: Product, amount: Quantity) -> None:
    if amount.thousandths <= 0 or amount <= product.on_hand or settings.current().allow_negative_stock:
        return
    if product.on_hand.thousandths <= 0:
        raise Refused(f"{product.name} is sold out: there is none left.", "quantity")
    raise Refused(f"Only {product.on_hand} left of {product.name}.", "quantity")


def _product(product_id: int, amount: Quantity) -> Product:
    product = get(product_id)
    if amount.thousandths % 10 ** (PLACES - product.unit_decimals):
        raise Refused(f"{product.name} is counted with {product.unit_decimals or 'no'} decimals.", "quantity")
    return product


def _not_negative(value: Money) -> Money:
    if value < ZERO:
        raise Refused("The amount can't be below zero.", "value")
    return value


def get_movement(movement_id: int) -> StockMovement:
    """Raises NotFound."""
    movement = StockMovement.get_or_none(StockMovement.id == movement_id)
    if movement is None:
        raise NotFound("There is no such stock movement.")
    return movement
