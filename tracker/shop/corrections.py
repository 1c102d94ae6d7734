"""What somebody at the shelf reports: so many were counted, so many are broken or gone. Who must know is told."""

from __future__ import annotations

from tracker import db
from tracker.quantity import Quantity, positive
from tracker.shop import low_stock, stock
from tracker.shop.stock import StockMovement


def counted(product_id: int, on_shelf: Quantity, note: str = "", key: str = "") -> StockMovement | None:
    """The books take over what is on the shelf; None when they agree. Raises Refused at `quantity`."""
    with db.write():
        movement = stock.count(product_id, on_shelf, note, key=key)
        if movement is not None:
            low_stock.tell_if_low(movement)
    return movement


def lost(product_id: int, amount: Quantity, reason: str, note: str = "", key: str = "") -> StockMovement:
    """So many are no longer there; `reason` is one of stock.REASONS but a count. Raises Refused at its field."""
    with db.write():
        movement = stock.adjust(product_id, -positive(amount), reason, note, key=key)
        low_stock.tell_if_low(movement)
    return movement
