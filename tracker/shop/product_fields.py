"""What the fields of a product may be; each refusal names its field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracker import db, text
from tracker.errors import Refused
from tracker.money import ZERO, Money
from tracker.quantity import PLACES, Quantity
from tracker.shop import categories


def checked(**fields: Any) -> dict[str, Any]:
    """The columns for these fields, cleaned. `category` is a name or code: made when it is new, None when empty."""
    if "category" in fields:
        found_category = categories.find_or_add(text.line(fields.pop("category"), "category", "category", text.NAME))
        fields["category_id"] = found_category.id if found_category else None
    unknown = fields.keys() - _CHECKS.keys()
    if unknown:
        raise TypeError(f"a product has no {', '.join(sorted(unknown))}")
    found = {name: _CHECKS[name](value, name) for name, value in fields.items()}
    return found | {f"{name}_key": text.key(found[name]) for name in ("sku", "name") if name in found}


def _text(label: str, longest: int, required: bool = False) -> Callable[[Any, str], str]:
    return lambda value, field: text.line(value, field, label, longest, required)


def _barcode(value: str | None, field: str) -> str | None:
    return "".join(text.line(value, field, "barcode", 60).split()) or None


def _unit(value: str | None, field: str) -> str:
    return text.line(value, field, "unit", 30) or "piece"


def _decimals(value: int, field: str) -> int:
    if not 0 <= value <= PLACES:
        raise Refused(f"A unit has 0 to {PLACES} decimals.", field)
    return value


def _money(value: Money, field: str) -> Money:
    if value < ZERO:
        raise Refused("The amount can't be below zero.", field)
    return value


def _level(value: Quantity | None, field: str) -> Quantity | None:
    if value is not None and value.thousandths < 0:
        raise Refused("The level can't be below zero. Leave it empty for: never remind me.", field)
    return value


def _order_quantity(value: Quantity | None, field: str) -> Quantity | None:
    if value is not None and value.thousandths < 0:
        raise Refused("The quantity can't be below zero.", field)
    return value or None


def _known(table: str) -> Callable[[Any, str], int | None]:
    def check(value: int | None, field: str) -> int | None:
        if value is not None and not db.rows(f"SELECT 1 FROM {table} WHERE id = ?", value):
            raise Refused(f"There is no such {table}.", field)
        return value

    return check


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "sku": _text("SKU", 60, required=True),
    "name": _text("name", text.NAME, required=True),
    "barcode": _barcode,
    "category_id": _known("category"),
    "supplier_id": _known("supplier"),
    "unit": _unit,
    "unit_decimals": _decimals,
    "cost": _money,
    "price": _money,
    "reorder_level": _level,
    "reorder_quantity": _order_quantity,
    "notes": lambda value, field: text.note(value, field),
}
