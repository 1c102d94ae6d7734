"""Which products are at or below their level, how much of each to order, and telling people when one gets there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from tracker import clock, db
from tracker.money import Money
from tracker.quantity import PLACES, Quantity
from tracker.shop import notifications, outbox, users
from tracker.shop.outbox import Mail
from tracker.shop.stock import StockMovement

KIND = "low_stock_notification"
ONE = 10**PLACES  # one whole unit, the least that is suggested
_PAUSE = timedelta(hours=1)  # between two mails to one person
_CHUNK = 500  # ids in one statement, below SQLite's limit of variables

# States, as the jobs and the preview name them, and the three words of the screen.
NEW, STILL_LOW, ORDERED, SNOOZED = "new", "still_low", "ordered", "snoozed"
WORDS = {NEW: "Order now", STILL_LOW: "Order now", ORDERED: "Ordered", SNOOZED: "Later"}


class LowProduct(NamedTuple):
    """A product at or below its level. `cost` is what one unit cost us last; `suggested` is 0 when enough is coming."""

    id: int
    sku: str
    name: str
    unit: str
    on_hand: Quantity
    reorder_level: Quantity
    on_order: Quantity
    suggested: Quantity
    supplier_id: int | None
    supplier: str | None
    expected_on: date | None
    snoozed_until: date | None
    low_told_on: date | None
    state: str
    cost: Money
    phone: str | None  # the supplier's

    @property
    def word(self) -> str:
        """Order now, Ordered or Later."""
        return WORDS[self.state]

    @property
    def is_sold_out(self) -> bool:
        return self.on_hand.thousandths <= 0

    @property
    def order_value(self) -> Money:
        """What the suggested quantity costs at the last known cost."""
        return self.cost.share(self.suggested.thousandths, ONE)


_QUESTION = """
SELECT p.id, p.sku, p.name, p.unit, p.on_hand, p.reorder_level, p.on_order, p.reorder_quantity, p.supplier_id, s.name,
    CASE WHEN p.on_order > 0 THEN
        (SELECT MIN(i.expected_on) FROM incoming i WHERE i.product_id = p.id AND i.closed_at IS NULL) END,
    p.snoozed_until, p.low_told_on, p.cost, s.phone
FROM product p {0} LEFT JOIN supplier s ON s.id = p.supplier_id
WHERE p.archived_at IS NULL AND p.on_hand <= p.reorder_level {1}
"""
# INDEXED BY: after ANALYZE the planner must not be tempted by another way than the index that holds low products only.
_LOW = _QUESTION.format("INDEXED BY product_low", "ORDER BY s.name_key IS NULL, s.name_key, p.name_key, p.id")
_ONE_LOW = _QUESTION.format("", "AND p.id = ?")


def rows(today: date) -> list[LowProduct]:
    """Active products at or below their level (no level = never), by supplier, then name; those without one last."""
    return [_row(found, today.isoformat()) for found in db.rows(_LOW)]


def row_of(product_id: int, today: date) -> LowProduct | None:
    """The row of one product; None when it is not low."""
    found = db.rows(_ONE_LOW, product_id)
    return _row(found[0], today.isoformat()) if found else None


def _row(found: tuple[Any, ...], today: str) -> LowProduct:
    number, sku, name, unit, on_hand, level, on_order, usual, supplier_id, supplier, expected, snoozed, *more = found
    told, cost, phone = more
    return LowProduct(
        number,
        sku,
        name,
        unit,
        Quantity(on_hand),
        Quantity(level),
        Quantity(on_order),
        Quantity(_suggested(on_hand, level, on_order, usual)),
        supplier_id,
        supplier,
        date.fromisoformat(expected) if expected else None,
        date.fromisoformat(snoozed) if snoozed and snoozed > today else None,
        date.fromisoformat(told) if told else None,
        _state(on_hand + on_order > level, snoozed, told, today),
        Money(cost),
        phone,
    )


def _state(is_covered: bool, snoozed: str | None, told: str | None, today: str) -> str:
    if snoozed is not None and snoozed > today:
        return SNOOZED
    if is_covered:
        return ORDERED
    # Told today is still new: the same day again gives the same answer.
    return STILL_LOW if told is not None and told < today else NEW


def _suggested(on_hand: int, level: int, on_order: int, usual: int | None) -> int:
    """How much to order: the product's usual quantity, else what is missing to twice its level; less what is coming.

    At least one unit, and nothing at all while what is coming lifts it above its level. Counts thousandths.
    """
    if on_hand + on_order > level:
        return 0
    wanted = usual if usual is not None else 2 * level - on_hand
    return max(wanted - on_order, ONE)


class SupplierGroup(NamedTuple):
    """What is low at one supplier (`id` and `name` None: no supplier is named)."""

    id: int | None
    name: str | None
    products: list[LowProduct]

    @property
    def to_order(self) -> list[LowProduct]:
        """Those that nobody ordered and nobody put off."""
        return [product for product in self.products if product.state in (NEW, STILL_LOW)]

    @property
    def order_value(self) -> Money:
        """What ordering them as suggested costs, at last known costs."""
        return sum((product.order_value for product in self.to_order), Money(0))


def by_supplier(today: date) -> list[SupplierGroup]:
    """The rows in groups, suppliers by name, those without one last."""
    return grouped(rows(today))


def grouped(products: Iterable[LowProduct]) -> list[SupplierGroup]:
    """Any rows in groups, in the order in which their suppliers first appear."""
    groups: dict[int | None, SupplierGroup] = {}
    for product in products:
        group = groups.setdefault(product.supplier_id, SupplierGroup(product.supplier_id, product.supplier, []))
        group.products.append(product)
    return list(groups.values())


def mark_told(ids: Sequence[int], today: date) -> None:
    """People were told of these: from tomorrow they are "still low". A date that stands is kept until it recovers."""
    with db.write():
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            marks = ", ".join("?" * len(chunk))
            db.books.execute_sql(
                f"UPDATE product SET low_told_on = ? WHERE low_told_on IS NULL AND id IN ({marks})",
                (today.isoformat(), *chunk),
            )


# --- at once -------------------------------------------------------------------------------------------------------


def tell_if_low(movement: StockMovement) -> bool:
    """Tell people when this movement took the product to its level; call it in the transaction of the cause.

    Quiet when the product is put off or when enough is on order. Returns whether there was something to tell. The daily
    alert still lists the product as new: this is a tap on the shoulder, not the order list.
    """
    if not movement.became_low:
        return False
    low = row_of(movement.product_id, clock.today())
    if low is None or low.state not in (NEW, STILL_LOW):
        return False
    notice = notifications.Notice(f"product:{low.id}", _sentence(low), f"/products/{low.id}", "warning")
    with db.write():
        notifications.tell(KIND, notice)
        for user, _, by_mail in users.audience(KIND):
            if by_mail:
                _mail(user, low)
    return True


def _sentence(low: LowProduct) -> str:
    if low.is_sold_out:
        return f"{low.name} is sold out."
    return f"{low.name} is low: {low.on_hand} left, the level is {low.reorder_level}."


def _mail(user: users.User, low: LowProduct) -> None:
    """At most one mail an hour to a person, all items in it: one that waits grows, the next one waits its hour."""
    now, mine = clock.now(), (Mail.user == user.id) & (Mail.kind == KIND)
    last = Mail.select().where(mine, Mail.due_at > now - _PAUSE).order_by(Mail.due_at.desc()).first()
    if last is not None and last.state == "queued":
        facts = last.facts
        facts["products"] = [row for row in facts["products"] if row["id"] != low.id] + [context(low)]
        Mail.update(context=json.dumps(facts, ensure_ascii=False)).where(Mail.id == last.id).execute()
        return
    due = last.due_at + _PAUSE if last is not None else now
    facts = {"person": user.name, "today": clock.local(due).date().isoformat(), "products": [context(low)]}
    key = f"{KIND}:{user.id}:{low.id}:{db.instant_text(due)}"
    mail = outbox.put(KIND, key, facts, user, expires_at=due + timedelta(days=1))
    if mail is not None and due > now:
        Mail.update(due_at=due).where(Mail.id == mail.id).execute()


def context(low: LowProduct) -> dict[str, Any]:
    """The row as the mails keep it: thousandths and ISO dates."""
    return {
        "id": low.id,
        "sku": low.sku,
        "name": low.name,
        "unit": low.unit,
        "on_hand": low.on_hand.thousandths,
        "reorder_level": low.reorder_level.thousandths,
        "on_order": low.on_order.thousandths,
        "suggested": low.suggested.thousandths,
        "supplier": low.supplier,
        "expected_on": low.expected_on.isoformat() if low.expected_on else None,
        "snoozed_until": low.snoozed_until.isoformat() if low.snoozed_until else None,
    }
