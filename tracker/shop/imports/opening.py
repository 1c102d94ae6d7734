"""Booking thousands of products in one short write: the very rows that `products.add`, `products.edit`,
`stock.opening` and `incoming.mark_ordered` write one at a time (a test compares them), with one statement a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tracker import clock, db, text
from tracker.money import ZERO, Money
from tracker.quantity import Quantity
from tracker.shop import audit, valuation
from tracker.shop.imports import bulk
from tracker.shop.imports.lines import Line

NOTE = "Import"
_NOTHING = Quantity(0)
_PIECE = 5_000  # rows that are made ready at a time, so that memory stays small
_DEFAULTS: dict[str, Any] = {
    "sku": "", "sku_key": "", "name": "", "name_key": "", "barcode": None, "category_id": None, "supplier_id": None,
    "unit": "piece", "unit_decimals": 0, "cost": ZERO, "price": ZERO, "reorder_level": None, "reorder_quantity": None,
    "notes": "",
}  # fmt: skip
_PRODUCT = ("id", *_DEFAULTS, "on_hand", "stock_value", "on_order", "created_at", "archived_at")
_MOVEMENT = ("id", "product_id", "at", "moved_on", "kind", "quantity", "value", "source", "note", "user_id")
_ORDER = ("product_id", "quantity", "arrived", "ordered_on", "source", "note", "user_id", "created_at")


def add(found: Sequence[Line]) -> None:
    """New products with what is on hand (worth its cost) and on order; inactive ones go to the archive."""
    skus = _FreeSkus(bulk.next_number("product"), found)
    for first in range(0, len(found), _PIECE):
        _add(found[first : first + _PIECE], skus)


def _add(found: Sequence[Line], skus: _FreeSkus) -> None:
    number, now = bulk.next_number("product"), db.instant_text(clock.now())
    products, opened, audits = [], [], []
    for line in found:
        line.target, number = number, number + 1
        values = _DEFAULTS | line.columns
        if not values["sku"]:
            values["sku"] = skus.take()
            values["sku_key"] = text.key(values["sku"])
        on_hand, on_order = line.values.get("on_hand", _NOTHING), line.values.get("on_order", _NOTHING)
        worth = valuation.worth(values["cost"], on_hand)
        gone = now if line.values.get("active") is False else None
        products.append((line.target, *(values[name] for name in _DEFAULTS), on_hand, worth, on_order, now, gone))
        opened.append((line.target, on_hand, worth, on_order))
        audits.append(("product.add", f"product:{line.target}", {"sku": values["sku"], "name": values["name"]}))
    bulk.insert("product", _PRODUCT, products)
    _open(opened)
    bulk.note(audits)


def may_open(line: Line, before: dict[str, Any]) -> bool:
    """Whether a product that exists takes its opening stock from this row: only one that never had any."""
    wanted = line.values.get("on_hand", _NOTHING)
    return bool(wanted) and not before["on_hand"] and not _has_moved(line.target or 0)


def _has_moved(product_id: int) -> bool:
    return bool(db.rows("SELECT 1 FROM stock_movement WHERE product_id = ? LIMIT 1", product_id))


def change(found: Sequence[Line]) -> None:
    """Write the fields that differ; a product that never moved gets its opening stock."""
    now = db.instant_text(clock.now())
    audits: list[tuple[str, str, dict[str, Any]]] = []
    opened: list[tuple[int, Quantity, Money, Quantity]] = []
    for line in found:
        columns, subject = dict(line.columns), f"product:{line.target}"
        if "archived_at" in columns:
            audits.append(("product.archive" if columns["archived_at"] else "product.unarchive", subject, {}))
            columns["archived_at"] = now if columns["archived_at"] else None
        told = {name: _told(value) for name, value in columns.items() if not name.endswith(("_key", "archived_at"))}
        if told:
            audits.append(("product.edit", subject, told))
        if columns:
            bulk.change("product", int(line.target or 0), columns)
        opened += _opening_of(line)
    _open(opened)
    figures = [(on_hand, worth, product) for product, on_hand, worth, _ in opened]
    bulk.run("UPDATE product SET on_hand = ?, stock_value = ? WHERE id = ?", figures)
    # Out of "low" by a changed level, the archive or its opening stock: the next time it is low is news again.
    db.books.execute_sql(
        "UPDATE product SET low_told_on = NULL WHERE low_told_on IS NOT NULL "
        "AND NOT COALESCE(archived_at IS NULL AND on_hand <= reorder_level, 0)"
    )
    bulk.note(audits)


def _opening_of(line: Line) -> list[tuple[int, Quantity, Money, Quantity]]:
    wanted = line.values.get("on_hand", _NOTHING)
    ((on_hand, cost),) = db.rows("SELECT on_hand, cost FROM product WHERE id = ?", line.target)
    if not may_open(line, {"on_hand": on_hand}):
        return []
    return [(int(line.target or 0), wanted, valuation.worth(Money(cost), wanted), _NOTHING)]


def _open(opened: Iterable[tuple[int, Quantity, Money, Quantity]]) -> None:
    """Opening movements and orders of (product, on hand, worth, on order)."""
    number, who = bulk.next_number("stock_movement"), audit.actor().id
    now, today, moved_on = db.instant_text(clock.now()), str(clock.today()), str(clock.business_day())
    movements, orders = [], []
    for product, on_hand, worth, on_order in opened:
        if on_hand:
            source = f"stock:{number}"  # each is its own document, so that one alone can be voided
            movements.append((number, product, now, moved_on, "opening", on_hand, worth, source, NOTE, who))
            number += 1
        if on_order:
            orders.append((product, on_order, 0, today, "import", "", who, now))
    bulk.insert("stock_movement", _MOVEMENT, movements)
    bulk.insert("incoming", _ORDER, orders)


class _FreeSkus:
    """The next free ones, like P0012."""

    def __init__(self, number: int, found: Sequence[Line]) -> None:
        self._number = number
        self._taken = {key for (key,) in db.rows("SELECT sku_key FROM product WHERE sku_key LIKE 'p%'")}
        self._taken |= {line.columns.get("sku_key", "") for line in found}

    def take(self) -> str:
        while f"p{self._number:04d}" in self._taken:
            self._number += 1
        self._number += 1
        return f"P{self._number - 1:04d}"


def _told(value: Any) -> Any:
    return value.plain() if hasattr(value, "plain") else value
