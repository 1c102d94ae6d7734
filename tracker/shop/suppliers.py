"""Suppliers: whom the shop buys from, how to reach them and when they want to be paid. Archived, never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import peewee

from tracker import clock, db, text
from tracker.errors import NotFound, Refused
from tracker.money import Money
from tracker.shop import audit, settings

LONGEST_TERMS = 3650  # days


class Supplier(db.Model):
    """Somebody we buy from."""

    code = peewee.TextField(default="")
    code_key = peewee.TextField(null=True, unique=True)
    name = peewee.TextField()
    name_key = peewee.TextField(unique=True)
    contact = peewee.TextField(default="")
    phone = peewee.TextField(default="")
    email = peewee.TextField(default="")
    address = peewee.TextField(default="")
    terms_days = peewee.IntegerField(null=True)
    notes = peewee.TextField(default="")
    created_at = db.InstantField()
    archived_at = db.InstantField(null=True)


FIELDS = ("name", "code", "contact", "phone", "email", "address", "terms_days", "notes")


def add(name: str, code: str = "", **fields: Any) -> Supplier:
    """A new supplier; `fields` are those of FIELDS, `terms_days` the days we have to pay. Raises Refused."""
    values = checked(name=name, code=code, **fields)
    with db.write():
        _refuse_taken(values, but=None)
        supplier = Supplier.create(**values, created_at=clock.now())
        audit.note("supplier.add", f"supplier:{supplier.id}", name=supplier.name)
    return supplier


def edit(supplier_id: int, **fields: Any) -> Supplier:
    """Change what is given of FIELDS. Raises Refused at the field, NotFound."""
    values = checked(**fields)
    with db.write():
        supplier = get(supplier_id)
        _refuse_taken(values, but=supplier_id)
        changed = {key: value for key, value in values.items() if getattr(supplier, key) != value}
        if changed:
            Supplier.update(**changed).where(Supplier.id == supplier_id).execute()
            told = {key: value for key, value in changed.items() if not key.endswith("_key")}
            audit.note("supplier.edit", f"supplier:{supplier_id}", **told)
    return get(supplier_id)


def archive(supplier_id: int) -> None:
    """Off the lists; what was bought and owed stays. Doing it twice does no harm."""
    _set_archived(supplier_id, True)


def unarchive(supplier_id: int) -> None:
    """Back on the lists."""
    _set_archived(supplier_id, False)


def _set_archived(supplier_id: int, wanted: bool) -> None:
    with db.write():
        if (get(supplier_id).archived_at is not None) == wanted:
            return
        at = clock.now() if wanted else None
        Supplier.update(archived_at=at).where(Supplier.id == supplier_id).execute()
        audit.note("supplier.archive" if wanted else "supplier.unarchive", f"supplier:{supplier_id}")


def get(supplier_id: int) -> Supplier:
    """Raises NotFound."""
    supplier = Supplier.get_or_none(Supplier.id == supplier_id)
    if supplier is None:
        raise NotFound("There is no such supplier.")
    return supplier


def find(name_or_code: str) -> Supplier | None:
    """By code, else by name, capitals or not: how files and people name a supplier. Archived ones are found too."""
    key = text.key(name_or_code)
    if not key:
        return None
    return Supplier.get_or_none(Supplier.code_key == key) or Supplier.get_or_none(Supplier.name_key == key)


# --- questions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """A supplier on a list: `products` that name them, `low` ones among these, `owed` is left to pay."""

    id: int
    name: str
    code: str
    contact: str
    phone: str
    email: str
    address: str
    terms_days: int | None
    notes: str
    products: int
    owed: Money
    is_archived: bool


SORTS = {
    "name": "s.name_key {0}, s.id",
    "code": "s.code_key IS NULL, s.code_key {0}, s.name_key, s.id",
    "terms": "s.terms_days IS NULL, s.terms_days {0}, s.name_key, s.id",
    "products": "products {0}, s.name_key, s.id",
    "owed": "owed {0}, s.name_key, s.id",
}


def listing(
    search: str = "",
    show: str = "active",
    sort: str = "name",
    descending: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> list[SupplierRow]:
    """One page of suppliers in one statement. `show`: active, owed, archived or all; `limit` None = all of them."""
    where, values = _where(search, show)
    order = SORTS.get(sort, SORTS["name"]).format("DESC" if descending else "ASC")
    found = db.rows(
        "SELECT s.id, s.name, s.code, s.contact, s.phone, s.email, s.address, s.terms_days, s.notes, "
        "(SELECT COUNT(*) FROM product p WHERE p.supplier_id = s.id AND p.archived_at IS NULL) AS products, "
        "(SELECT COALESCE(SUM(left_to_pay), 0) FROM payable WHERE supplier_id = s.id AND left_to_pay > 0) AS owed, "
        f"s.archived_at IS NOT NULL FROM supplier s WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?",
        *values,
        -1 if limit is None else limit,
        offset,
    )
    return [SupplierRow(*(*row[:10], Money(row[10]), bool(row[11]))) for row in found]


@dataclass(frozen=True, slots=True)
class SupplierTotals:
    """What stands above the list: how many match, and how many there are of each kind."""

    found: int
    active: int
    owed: int
    archived: int
    owed_sum: Money


def totals(search: str = "", show: str = "active") -> SupplierTotals:
    """The figures above a list, in one statement. `owed` counts suppliers we owe something."""
    where, values = _where(search, show)
    row = db.rows(
        f"SELECT (SELECT COUNT(*) FROM supplier s WHERE {where}), "
        "(SELECT COUNT(*) FROM supplier WHERE archived_at IS NULL), "
        "(SELECT COUNT(DISTINCT supplier_id) FROM payable WHERE left_to_pay > 0), "
        "(SELECT COUNT(*) FROM supplier WHERE archived_at IS NOT NULL), "
        "(SELECT COALESCE(SUM(left_to_pay), 0) FROM payable WHERE left_to_pay > 0)",
        *values,
    )[0]
    return SupplierTotals(*(*row[:4], Money(row[4])))


def owed(supplier_id: int) -> tuple[int, Money]:
    """(open debts, what is left to pay of them) at this supplier."""
    count, left = db.rows(
        "SELECT COUNT(*), COALESCE(SUM(left_to_pay), 0) FROM payable WHERE supplier_id = ? AND left_to_pay > 0",
        supplier_id,
    )[0]
    return count, Money(left)


def choices(keep: int | None = None) -> list[tuple[int, str]]:
    """(id, name) for a choice in a form: the active ones, and `keep` even when archived."""
    return db.rows("SELECT id, name FROM supplier WHERE archived_at IS NULL OR id = ? ORDER BY name_key", keep)


def _where(search: str, show: str) -> tuple[str, list[Any]]:
    rules = {
        "active": "s.archived_at IS NULL",
        "archived": "s.archived_at IS NOT NULL",
        "owed": "s.id IN (SELECT supplier_id FROM payable WHERE left_to_pay > 0)",
        "all": "1",
    }
    where, values = rules.get(show, rules["active"]), []
    key = text.key(search)
    if key:
        where += " AND (instr(s.name_key, ?) OR instr(coalesce(s.code_key, ''), ?) OR instr(lower(s.contact), ?)"
        where += " OR instr(s.phone, ?))"
        values = [key, key, key, key]
    return where, values


# --- checks --------------------------------------------------------------------------------------------------------


def checked(**fields: Any) -> dict[str, Any]:
    """The columns for these fields, cleaned. Raises Refused at the field."""
    unknown = fields.keys() - set(FIELDS)
    if unknown:
        raise TypeError(f"a supplier has no {', '.join(sorted(unknown))}")
    found: dict[str, Any] = {}
    if "name" in fields:
        found["name"] = text.line(fields["name"], "name", "name", text.NAME, required=True)
        found["name_key"] = text.key(found["name"])
    if "code" in fields:
        found["code"] = text.line(fields["code"], "code", "code", 60)
        found["code_key"] = text.key(found["code"]) or None
    for field, label, longest in (("contact", "contact", 200), ("phone", "phone number", 60)):
        if field in fields:
            found[field] = text.line(fields[field], field, label, longest)
    if "email" in fields:
        found["email"] = settings.address(fields["email"] or "")
    for field, label in (("address", "address"), ("notes", "note")):
        if field in fields:
            found[field] = text.note(fields[field], field, label)
    if "terms_days" in fields:
        found["terms_days"] = _terms(fields["terms_days"])
    return found


def _terms(days: int | None) -> int | None:
    if days is not None and not 0 <= days <= LONGEST_TERMS:
        raise Refused(f"Choose 0 to {LONGEST_TERMS} days.", "terms_days")
    return days


def _refuse_taken(values: dict[str, Any], but: int | None) -> None:
    for key, field, words in (("name_key", "name", "name"), ("code_key", "code", "code")):
        if not values.get(key):
            continue
        other = Supplier.get_or_none(
            getattr(Supplier, key) == values[key], Supplier.id.is_null(False) & (Supplier.id != but)
        )
        if other is not None:
            where = ", in the archive" if other.archived_at else ""
            raise Refused(f"There is a supplier with this {words} already: {other.name}{where}.", field)
