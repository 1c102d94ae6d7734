"""Products: what the shop sells, at which level it is ordered again. Archived, never deleted.

`on_hand`, `stock_value` belong to the stock ledger and `on_order` to the orders; nothing here writes them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import peewee

from tracker import clock, db, text
from tracker.errors import NotFound, Refused
from tracker.money import ZERO, Money
from tracker.quantity import PLACES, Quantity
from tracker.shop import audit
from tracker.shop.product_fields import checked


class Product(db.Model):
    """Something on the shelf. `cost` is what we last paid for one unit, `price` what we ask."""

    sku = peewee.TextField()
    sku_key = peewee.TextField(unique=True)
    name = peewee.TextField()
    name_key = peewee.TextField()
    barcode = peewee.TextField(null=True, unique=True)
    category_id = peewee.IntegerField(null=True)
    supplier_id = peewee.IntegerField(null=True)
    unit = peewee.TextField(default="piece")
    unit_decimals = peewee.IntegerField(default=0)
    cost = db.MoneyField(default=ZERO)
    price = db.MoneyField(default=ZERO)
    reorder_level = db.QuantityField(null=True)  # None = never, 0 = when sold out
    reorder_quantity = db.QuantityField(null=True)
    on_hand = db.QuantityField(default=Quantity(0))
    stock_value = db.MoneyField(default=ZERO)
    on_order = db.QuantityField(default=Quantity(0))
    low_told_on = db.DayField(null=True)
    snoozed_until = db.DayField(null=True)
    notes = peewee.TextField(default="")
    created_at = db.InstantField()
    archived_at = db.InstantField(null=True)

    @property
    def is_low(self) -> bool:
        """At or below its level; an archived product or one without a level never is."""
        return self.archived_at is None and self.reorder_level is not None and self.on_hand <= self.reorder_level


def add(sku: str, name: str, **fields: Any) -> Product:
    """A new product with nothing on hand. An empty `sku` gets the next free one, like P0012.

    `fields`: barcode, category (a name; a new one is made) or category_id, supplier_id, unit, unit_decimals (0 to 3),
    cost and price (Money), reorder_level (Quantity; None = never, 0 = when sold out), reorder_quantity (Quantity or
    None), notes. Raises Refused at the field.
    """
    with db.write():
        values = checked(sku=text.key(sku) and sku or _next_sku(), name=name, **fields)
        _refuse_fractions(values, Product())
        _refuse_taken(values, but=None)
        product = Product.create(**values, created_at=clock.now())
        audit.note("product.add", f"product:{product.id}", sku=product.sku, name=product.name)
    return product


def edit(product_id: int, **fields: Any) -> Product:
    """Change what is given of sku, name and `add`'s fields. Never what is on hand. Raises Refused, NotFound."""
    with db.write():
        product = get(product_id)
        values = checked(**fields)
        _refuse_fractions(values, product)
        _refuse_taken(values, but=product_id)
        changed = {key: value for key, value in values.items() if getattr(product, key) != value}
        if changed:
            Product.update(**changed).where(Product.id == product_id).execute()
            _rearm(product_id)
            told = {key: _plain(value) for key, value in changed.items() if not key.endswith("_key")}
            audit.note("product.edit", f"product:{product_id}", **told)
    return get(product_id)


def archive(product_id: int) -> None:
    """Off the lists and never alerted again; its history stays. Doing it twice does no harm."""
    _set_archived(product_id, True)


def unarchive(product_id: int) -> None:
    """Back on the lists."""
    _set_archived(product_id, False)


def _set_archived(product_id: int, wanted: bool) -> None:
    with db.write():
        if (get(product_id).archived_at is not None) == wanted:
            return
        Product.update(archived_at=clock.now() if wanted else None).where(Product.id == product_id).execute()
        _rearm(product_id)
        audit.note("product.archive" if wanted else "product.unarchive", f"product:{product_id}")


def snooze(product_id: int, until: date | None) -> None:
    """Keep quiet about it before this day ("Later"); None: speak up again. Raises Refused at `until`."""
    if until is not None and until <= clock.today():
        raise Refused("Choose a day after today.", "until")
    with db.write():
        get(product_id)
        Product.update(snoozed_until=until).where(Product.id == product_id).execute()
        audit.note("product.snooze", f"product:{product_id}", until=until)


def get(product_id: int) -> Product:
    """Raises NotFound."""
    product = Product.get_or_none(Product.id == product_id)
    if product is None:
        raise NotFound("There is no such product.")
    return product


def by_code(code: str) -> Product | None:
    """The product of a scanned or typed code: its barcode first, then its SKU, capitals or not.

    A UPC-A of 12 digits and the same number as EAN-13 (a leading 0) are one code: scanners send either.
    """
    scanned = "".join(code.split())
    found = Product.select().where(Product.barcode.in_(spellings(scanned))) if scanned else ()
    # Both spellings can't be taken by two products: `_refuse_taken` sees to it.
    return next(iter(found), None) or Product.get_or_none(Product.sku_key == text.key(code))


def spellings(barcode: str) -> list[str]:
    """A barcode as scanners may send it: UPC-A with and without the leading 0 of EAN-13."""
    if barcode.isascii() and barcode.isdigit():
        if len(barcode) == 12:
            return [barcode, "0" + barcode]
        if len(barcode) == 13 and barcode[0] == "0":
            return [barcode, barcode[1:]]
    return [barcode]


def _rearm(product_id: int) -> None:
    # Out of "low" by a changed level or by the archive: the next time it is low is news again.
    low = Product.archived_at.is_null() & (Product.on_hand <= Product.reorder_level)
    query = Product.update(low_told_on=None).where(Product.id == product_id, Product.low_told_on.is_null(False))
    query.where(~peewee.fn.COALESCE(low, 0)).execute()


def _plain(value: Any) -> Any:
    return value.plain() if isinstance(value, Money | Quantity) else value


# --- checks --------------------------------------------------------------------------------------------------------


def _refuse_fractions(values: dict[str, Any], product: Product) -> None:
    decimals = values.get("unit_decimals", product.unit_decimals)
    step = 10 ** (PLACES - decimals)
    for field, words in (("reorder_level", "reorder level"), ("reorder_quantity", "reorder quantity")):
        amount = values.get(field, getattr(product, field))
        if amount is not None and amount.thousandths % step:
            raise Refused(f"The {words} may have {decimals or 'no'} decimals, as the unit has.", field)
    if product.on_hand.thousandths % step or product.on_order.thousandths % step:
        raise Refused(f"There are {product.on_hand} on hand: the unit needs more decimals.", "unit_decimals")


def _refuse_taken(values: dict[str, Any], but: int | None) -> None:
    rules = [("sku", Product.sku_key == values.get("sku_key"), "SKU")]
    if values.get("barcode"):
        rules.append(("barcode", Product.barcode.in_(spellings(values["barcode"])), "barcode"))
    for field, rule, words in rules:
        other = Product.get_or_none(rule, Product.id != but) if field in values else None
        if other is not None:
            where = ", in the archive" if other.archived_at else ""
            raise Refused(f"{other.name} ({other.sku}{where}) has this {words} already.", field)


def _next_sku() -> str:
    number = db.rows("SELECT COALESCE(MAX(id), 0) + 1 FROM product")[0][0]
    while db.rows("SELECT 1 FROM product WHERE sku_key = ?", f"p{number:04d}"):
        number += 1
    return f"P{number:04d}"
