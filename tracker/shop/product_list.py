"""Questions about products as a list: which match, in which order, how many there are and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tracker import clock, db, text
from tracker.money import Money
from tracker.quantity import Quantity


class ProductRow(NamedTuple):
    """A product on a list."""

    id: int
    sku: str
    name: str
    barcode: str | None
    unit: str
    cost: Money
    price: Money
    on_hand: Quantity
    value: Money
    on_order: Quantity
    reorder_level: Quantity | None
    reorder_quantity: Quantity | None
    category: str | None
    supplier_id: int | None
    supplier: str | None
    is_archived: bool

    @property
    def is_low(self) -> bool:
        return not self.is_archived and self.reorder_level is not None and self.on_hand <= self.reorder_level

    @property
    def is_sold_out(self) -> bool:
        return self.on_hand.thousandths <= 0


@dataclass(frozen=True)
class Wanted:
    """Which products: `show` is active, low, out, archived or all."""

    search: str = ""
    show: str = "active"
    category_id: int | None = None
    supplier_id: int | None = None


SORTS = {
    "name": "p.name_key {0}, p.id {0}",
    "sku": "p.sku_key {0}",
    "on_hand": "p.on_hand {0}, p.name_key, p.id",
    "price": "p.price {0}, p.name_key, p.id",
    "value": "p.stock_value {0}, p.name_key, p.id",
    "category": "c.name_key IS NULL, c.name_key {0}, p.name_key, p.id",
    "supplier": "s.name_key IS NULL, s.name_key {0}, p.name_key, p.id",
}
_JOINED = frozenset({"category", "supplier"})
_SELECT = """SELECT p.id, p.sku, p.name, p.barcode, p.unit, p.cost, p.price, p.on_hand, p.stock_value, p.on_order,
    p.reorder_level, p.reorder_quantity, c.name, p.supplier_id, s.name, p.archived_at IS NOT NULL
FROM product p LEFT JOIN category c ON c.id = p.category_id LEFT JOIN supplier s ON s.id = p.supplier_id"""
COSTLY_SORTS = frozenset({"value"})  # not for those who may not see what things cost
_SHOW = {
    "active": "p.archived_at IS NULL",
    "low": "p.archived_at IS NULL AND p.on_hand <= p.reorder_level",
    "out": "p.archived_at IS NULL AND p.on_hand <= 0",
    "archived": "p.archived_at IS NOT NULL",
    "all": "1",
}


def listing(
    wanted: Wanted, sort: str = "name", descending: bool = False, limit: int | None = None, offset: int = 0
) -> list[ProductRow]:
    """One page in one statement; `limit` None = all of them."""
    where, values = _where(wanted)
    order = SORTS.get(sort, SORTS["name"]).format("DESC" if descending else "ASC")
    if sort not in _JOINED:  # find the page's products first: what is skipped or sorted is then as narrow as it can be
        page = f"SELECT p.id FROM product p WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
        sql = f"{_SELECT} WHERE p.id IN ({page}) ORDER BY {order}"
    else:
        sql = f"{_SELECT} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    return [_row(*row) for row in db.rows(sql, *values, -1 if limit is None else limit, offset)]


def _row(*cells: Any) -> ProductRow:
    number, sku, name, barcode, unit, cost, price, on_hand, value, on_order, level, usual, *rest = cells
    category, supplier_id, supplier, archived = rest
    return ProductRow(
        number,
        sku,
        name,
        barcode,
        unit,
        Money(cost),
        Money(price),
        Quantity(on_hand),
        Money(value),
        Quantity(on_order),
        None if level is None else Quantity(level),
        None if usual is None else Quantity(usual),
        category,
        supplier_id,
        supplier,
        bool(archived),
    )


class Totals(NamedTuple):
    """How many match and what they are worth at cost."""

    found: int
    value: Money


def totals(wanted: Wanted) -> Totals:
    """Count and worth of all that match, in one statement."""
    where, values = _where(wanted)
    count, value = db.rows(f"SELECT COUNT(*), COALESCE(SUM(p.stock_value), 0) FROM product p WHERE {where}", *values)[0]
    return Totals(count, Money(value))


def matching(search: str, limit: int = 8) -> list[tuple[int, str, str]]:
    """(id, name, SKU) for the search box: active ones whose name, SKU or barcode holds the text."""
    return [(row.id, row.name, row.sku) for row in listing(Wanted(search), limit=limit)]


def _where(wanted: Wanted) -> tuple[str, list[Any]]:
    rules = [_SHOW.get(wanted.show, _SHOW["active"])]
    values: list[Any] = []
    if wanted.category_id is not None:
        rules.append("p.category_id = ?")
        values.append(wanted.category_id)
    if wanted.supplier_id is not None:
        rules.append("p.supplier_id = ?")
        values.append(wanted.supplier_id)
    key = text.key(wanted.search)
    if key:
        rules.append("(instr(p.name_key, ?) OR instr(p.sku_key, ?) OR instr(p.barcode, ?))")
        values += [key, key, key]
    return " AND ".join(rules), values


# --- the figures above the list ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """The shop's products as a whole: counts, worth of the active ones, and what a list may be narrowed to.

    More than MOST_CHOICES categories or suppliers are no help in a menu: then there are none of them here.
    """

    active: int
    low: int
    out: int
    archived: int
    value: Money
    categories: tuple[tuple[int, str], ...]
    suppliers: tuple[tuple[int, str], ...]


MOST_CHOICES = 100
_known: tuple[tuple[Any, ...], float, Figures] | None = None
_TRUSTED = 60.0  # seconds


def figures() -> Figures:
    """One cheap statement while nothing changed: walking through all products for each page would grow with the shop.

    Every change of these figures leaves a stock movement or a line in the audit, so their last numbers say whether the
    figures of before still hold. Numbers can come back only when a demo shop is taken away: hence the minute.
    """
    global _known
    mark = (db.books.database, *db.rows("SELECT (SELECT MAX(id) FROM stock_movement), (SELECT MAX(id) FROM audit)")[0])
    known, now = _known, clock.monotonic()
    if known is None or known[0] != mark or now - known[1] > _TRUSTED:
        known = _known = (mark, now, _figures())
    return known[2]


def _figures() -> Figures:
    counts = db.rows(
        "SELECT COUNT(*) FILTER (WHERE archived_at IS NULL), "
        "COUNT(*) FILTER (WHERE archived_at IS NULL AND on_hand <= reorder_level), "
        "COUNT(*) FILTER (WHERE archived_at IS NULL AND on_hand <= 0), "
        "COUNT(*) FILTER (WHERE archived_at IS NOT NULL), "
        "COALESCE(SUM(stock_value) FILTER (WHERE archived_at IS NULL), 0) FROM product"
    )[0]
    shelves = _choices("category")
    sellers = _choices("supplier WHERE archived_at IS NULL")
    return Figures(*(*counts[:4], Money(counts[4]), shelves, sellers))


def _choices(table: str) -> tuple[tuple[int, str], ...]:
    found = db.rows(f"SELECT id, name FROM {table} ORDER BY name_key LIMIT ?", MOST_CHOICES + 1)
    return tuple(found) if len(found) <= MOST_CHOICES else ()
