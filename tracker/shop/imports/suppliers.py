"""Importing suppliers; an address may stand in one column or in several."""

from __future__ import annotations

from collections.abc import Sequence

from tracker import clock, db
from tracker.shop import suppliers
from tracker.shop.imports import named
from tracker.shop.imports.fields import Field, plain, whole
from tracker.shop.imports.lines import Line

FIELDS = (
    Field("code", plain, ("id", "supplier id", "supplier code", "vendor id", "vendor code", "no", "number")),
    Field("name", plain, ("supplier", "supplier name", "company", "company name", "vendor", "vendor name")),
    Field("contact", plain, ("contact name", "contact person", "person")),
    Field("phone", plain, ("telephone", "phone number", "mobile", "tel", "cell")),
    Field("email", plain, ("e-mail", "mail", "email address")),
    Field("address", plain, ("street", "address 1", "address line 1")),
    Field("terms_days", whole, ("terms", "payment terms", "days", "credit days", "net days")),
    Field("notes", plain, ("note", "comment", "comments", "remarks")),
    Field("city", plain, ("town",), extra=True),
    Field("region", plain, ("state", "province", "county"), extra=True),
    Field("postal_code", plain, ("zip", "postcode", "zip code"), extra=True),
    Field("country", plain, extra=True),
)
NEEDS_ALL = True
NEEDED = ("name",)
_PLACE = ("address", "city", "region", "postal_code", "country")


def prepare(found: Sequence[Line], update: bool) -> None:
    """Decide what becomes of each row."""
    for line in found:
        parts = [part for name in _PLACE if (part := line.values.pop(name, None))]
        if parts:
            line.values["address"] = ", ".join(parts)
    named.prepare(found, "supplier", update, suppliers.checked, suppliers.FIELDS)


def book(found: Sequence[Line]) -> None:
    """Write what was decided, inside the caller's transaction."""
    empty = dict.fromkeys(suppliers.FIELDS, "") | {"terms_days": None, "code_key": None, "name_key": ""}
    named.book(found, "supplier", empty | {"created_at": db.instant_text(clock.now())})
