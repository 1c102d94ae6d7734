"""Importing products: what each row says, which product it is, what would change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tracker import db, numerals, text
from tracker.money import ZERO, Money
from tracker.quantity import PLACES, Quantity
from tracker.shop import product_fields, valuation
from tracker.shop.imports import lines, named, opening
from tracker.shop.imports.fields import Field, amount, plain, quantity, whole, yes_or_no
from tracker.shop.imports.lines import Line
from tracker.shop.products import spellings

FIELDS = (
    Field("sku", plain, ("code", "id", "product id", "product code", "item code", "item number", "article", "ref")),
    Field("name", plain, ("product", "product name", "item", "item name", "description", "title")),
    Field("category", plain, ("category id", "category name", "group", "department", "type")),
    Field("unit", plain, ("unit of measure", "uom", "sold by", "measure")),
    Field("barcode", plain, ("ean", "ean13", "upc", "gtin", "bar code")),
    Field("cost", amount, ("unit cost", "cost price", "purchase price", "buying price", "purchase cost")),
    Field("price", amount, ("unit price", "selling price", "sale price", "retail price", "sales price")),
    Field("on_hand", quantity, ("units in stock", "in stock", "stock", "quantity", "qty", "stock on hand", "balance")),
    Field("reorder_level", quantity, ("low stock", "minimum", "min", "min stock", "minimum stock", "reorder point")),
    Field("reorder_quantity", quantity, ("reorder qty", "optimal stock", "order quantity", "usual order")),
    Field("on_order", quantity, ("units on order", "ordered", "incoming")),
    Field("supplier", plain, ("supplier id", "supplier code", "supplier name", "vendor", "preferred supplier")),
    Field("active", yes_or_no, ("enabled", "available"), inverted=("discontinued", "archived", "inactive", "disabled")),
    Field("unit_decimals", whole, ("decimals",), extra=True),
    Field("notes", plain, ("note", "pack", "quantity per unit", "packing", "comment", "remarks"), extra=True),
)
NEEDED = ("sku", "name", "barcode")  # one of them
NEEDS_ALL = False
_WORDS = {
    "on_hand": "quantity on hand", "reorder_level": "reorder level", "reorder_quantity": "reorder quantity",
    "on_order": "quantity on order",
}  # fmt: skip
_AMOUNTS = tuple(_WORDS)
_PLAIN = (
    "sku", "name", "unit", "barcode", "cost", "price", "reorder_level", "reorder_quantity", "unit_decimals", "notes",
)  # fmt: skip
_WEIGHED = {"kg": 3, "kilo": 3, "kilogram": 3, "litre": 3, "liter": 3, "l": 3, "metre": 2, "meter": 2, "m": 2}
_STORED = (
    "sku", "name", "unit", "barcode", "cost", "price", "reorder_level", "reorder_quantity", "unit_decimals", "notes",
    "category_id", "supplier_id", "on_hand", "on_order", "archived_at",
)  # fmt: skip

_BARCODE = 3 + _STORED.index("barcode")


class _Shelf:
    """The products there are, by what a row may name them with."""

    def __init__(self) -> None:
        found = db.rows(f"SELECT id, sku_key, name_key, {', '.join(_STORED)} FROM product ORDER BY id DESC")
        self.by_sku = {row[1]: row[0] for row in found}
        self.by_name = {row[2]: row[0] for row in found}  # the oldest of that name
        self.by_barcode = {code: row[0] for row in found if row[_BARCODE] for code in spellings(row[_BARCODE])}
        self._rows = {row[0]: row for row in found}

    def stored(self, number: int) -> dict[str, Any]:
        """The columns of a product as the file of the books holds them."""
        return dict(zip(_STORED, self._rows[number][3:], strict=True))

    def find(self, line: Line) -> int | None:
        """By SKU; a row without one by barcode, else by name."""
        if "sku_key" in line.columns:
            return self.by_sku.get(line.columns["sku_key"])
        scanned = self.by_barcode.get(line.columns.get("barcode") or "")
        return scanned or self.by_name.get(line.columns.get("name_key", ""))


def prepare(found: Sequence[Line], update: bool) -> None:
    """Decide what becomes of each row. Existing products are skipped, or changed where filled cells differ."""
    shelf = _Shelf()
    known = {"supplier": named.Known("supplier"), "category": named.Known("category")}
    skus, barcodes, names, targets = dict[str, int](), dict[str, int](), dict[str, int](), dict[str, int]()
    for line in found:
        _clean(line, known)
        line.target = shelf.find(line)
        lines.once(line, "sku", line.columns.get("sku_key", ""), skus, "SKU")
        if "sku_key" not in line.columns:
            lines.once(line, "name", line.columns.get("name_key", ""), names, "name")
        if line.target is not None and not line.faults:
            lines.once(line, "name", str(line.target), targets, "product")
        if line.columns.get("barcode"):
            longest = max(spellings(line.columns["barcode"]), key=len)  # one code, however it is spelled
            lines.once(line, "barcode", longest, barcodes, "barcode")
            _refuse_taken_barcode(line, shelf, longest)
        if line.target is None:
            _prepare_new(line)
        else:
            _compare(line, shelf.stored(line.target), update)


def _clean(line: Line, known: dict[str, named.Known]) -> None:
    for name in _PLAIN:
        if name in line.values:
            line.columns |= line.attempt(name, product_fields.checked, **{name: line.values[name]}) or {}
    for name in ("category", "supplier"):
        number = named.resolve(line, name, known, name)
        if number is not None:
            line.columns[f"{name}_id"] = number
    for name in ("on_hand", "on_order"):
        if line.values.get(name, Quantity(0)) < Quantity(0):
            line.fault(name, "The quantity can't be below zero.")
    barcode = line.columns.get("barcode") or ""
    if len(barcode) == 12 and barcode.isdigit():
        line.notes.append(
            "a barcode of 12 digits; a spreadsheet may have dropped a 0 in front (both are found when scanned)"
        )


def _refuse_taken_barcode(line: Line, shelf: _Shelf, spelling: str) -> None:
    other = shelf.by_barcode.get(spelling)
    if other is not None and other != line.target:
        row = shelf.stored(other)
        line.fault("barcode", f"{row['name']} ({row['sku']}) has this barcode already.")


def _prepare_new(line: Line) -> None:
    if "name" not in line.values:
        line.fault("name", "Enter a name.")
    line.columns.setdefault("unit_decimals", _decimals(line))
    _refuse_fractions(line, line.columns["unit_decimals"])
    _refuse_riches(line, line.columns.get("cost", ZERO))
    if line.values.get("on_hand") and not line.columns.get("cost"):
        line.notes.append("stock but no cost, so what is there counts as worth 0")


def _decimals(line: Line) -> int:
    """How many decimals the unit needs: as many as the row's amounts have; goods that are weighed always have some."""
    needed = _WEIGHED.get(text.key(line.columns.get("unit", "")), 0)
    for name in _AMOUNTS:
        thousandths = line.values[name].thousandths if name in line.values else 0
        while needed < PLACES and thousandths % 10 ** (PLACES - needed):
            needed += 1
    return needed


def _refuse_fractions(line: Line, decimals: int, names: Sequence[str] = _AMOUNTS) -> None:
    for name in names:
        if name in line.values and line.values[name].thousandths % 10 ** (PLACES - decimals):
            line.fault(name, f"The {_WORDS[name]} may have {decimals or 'no'} decimals, as the unit has.")


def _refuse_riches(line: Line, cost: Money) -> None:
    """The ledger refuses a value that no shop has; so does the row, before it gets there."""
    if abs(valuation.worth(cost, line.values.get("on_hand", Quantity(0)))).minor > numerals.LARGEST:
        line.fault("on_hand", "What is on hand would be worth too much. Was a barcode written here?")


def _compare(line: Line, before: dict[str, Any], update: bool) -> None:
    decimals = line.columns.get("unit_decimals", before["unit_decimals"])
    opens = opening.may_open(line, before)
    if update:
        step = 10 ** (PLACES - decimals)
        if any((before[name] or 0) % step for name in _AMOUNTS):
            line.fault("unit_decimals", "What is booked already needs more decimals.")
        _refuse_fractions(line, decimals, _AMOUNTS[:3] if opens else _AMOUNTS[1:3])
        if opens:
            _refuse_riches(line, line.columns.get("cost", Money(before["cost"])))
    line.columns = {
        name: value
        for name, value in line.columns.items()
        if name in before and _plain(value) != before[name] or name in ("sku_key", "name_key")
    }
    for name in ("sku", "name"):
        if name not in line.columns:
            line.columns.pop(f"{name}_key", None)
    _note_differences(line, before, opens)
    if "active" in line.values and line.values["active"] != (before["archived_at"] is None):
        line.columns["archived_at"] = not line.values["active"]
    if not line.faults:
        changes = line.columns or opens
        line.state = lines.SKIP if not update else lines.UPDATE if changes else lines.SAME


def _note_differences(line: Line, before: dict[str, Any], opens: bool) -> None:
    """What is on hand and on order comes from movements and orders: a file may differ, but never overwrites them."""
    for name, words in (("on_hand", "on hand"), ("on_order", "on order")):
        wanted = line.values.get(name)
        if wanted is not None and wanted.thousandths != before[name] and not (opens and name == "on_hand"):
            there = Quantity(before[name])
            line.notes.append(f"{there} {words} in the books, {wanted} in the file; nothing was changed")


def _plain(value: Any) -> Any:
    return value.minor if isinstance(value, Money) else value.thousandths if isinstance(value, Quantity) else value


def book(found: Sequence[Line]) -> None:
    """Write what was decided, inside the caller's transaction."""
    opening.add([line for line in found if line.state == lines.NEW])
    opening.change([line for line in found if line.state == lines.UPDATE])
