"""Importing what is owed to suppliers already: each row becomes an opening debt, less what was paid of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tracker import clock, db, text
from tracker.money import ZERO, positive
from tracker.shop import audit, payables
from tracker.shop.imports import bulk, lines, named
from tracker.shop.imports.fields import Field, amount, day, plain
from tracker.shop.imports.lines import Line

FIELDS = (
    Field("supplier", plain, ("supplier name", "supplier code", "supplier id", "vendor", "vendor name", "creditor")),
    Field("reference", plain, ("invoice", "invoice number", "invoice no", "number", "no", "bill", "document", "ref")),
    Field("issued_on", day, ("date", "invoice date", "issued", "issue date", "bill date")),
    Field("due_on", day, ("due", "due date", "pay by", "payable on")),
    Field("amount", amount, ("total", "invoice amount", "gross", "owed", "debt")),
    Field("paid", amount, ("amount paid", "paid so far", "paid already", "payments")),
    Field("notes", plain, ("note", "comment", "comments", "remarks", "description")),
)
NEEDS_ALL = True
NEEDED = ("supplier", "amount")
_DEBT = (
    "id", "supplier_id", "reference", "reference_key", "kind", "issued_on", "due_on", "amount", "left_to_pay", "note",
    "user_id", "created_at",
)  # fmt: skip
_ENTRY = ("payable_id", "at", "moved_on", "kind", "amount", "source", "user_id")


def prepare(found: Sequence[Line], update: bool) -> None:
    """Decide what becomes of each row. What is booked already is skipped: a posted debt is never changed."""
    suppliers = {"supplier": named.Known("supplier")}
    terms = dict(db.rows("SELECT id, terms_days FROM supplier"))
    booked, bare, seen = _booked(), _bare(), dict[str, int]()
    for line in found:
        _check(line, named.resolve(line, "supplier", suppliers, "supplier"), terms)
        owner, reference = line.columns.get("supplier_id"), text.key(line.columns.get("reference", ""))
        if owner is not None and reference:
            lines.once(line, "reference", f"{owner}:{reference}", seen, "supplier and reference")
        if line.faults:
            continue
        same = _terms_of(line.columns)
        before = booked.get((owner, reference)) if owner is not None and reference else None
        if before is not None:
            line.state = lines.SKIP
            if before != same[1:]:
                line.notes.append("booked already with another amount or day; void that debt and enter it again")
        elif not reference and bare[same] > 0:
            bare[same] -= 1
            line.state = lines.SKIP


def _check(line: Line, supplier_id: int | None, terms: dict[int, int | None]) -> None:
    values = line.values
    for name in NEEDED:
        if name not in values and not line.faults:
            line.fault(name, f"Enter {'an' if name == 'amount' else 'a'} {name}.")
    due, today = values.get("due_on"), clock.today()
    issued = values.get("issued_on") or (min(due, today) if due else today)
    if due is None:
        due = issued + timedelta(days=terms.get(supplier_id or 0) or 0)
    paid, total = values.get("paid", ZERO), values.get("amount")
    if total is not None:
        line.attempt("amount", positive, total)
        if total > ZERO and not ZERO <= paid <= total:
            line.fault("paid", "What is paid already can't be below zero or above the amount.")
    if due < issued:
        line.fault("due_on", "The due date is before the date of the invoice.")
    elif (due - issued).days > payables.LONGEST_TERMS:
        line.fault("due_on", "The due date is more than ten years after the date of the invoice. Check the year.")
    line.columns = {
        "supplier_id": supplier_id, "amount": total, "issued_on": issued, "due_on": due, "paid": paid,
        "reference": line.attempt("reference", text.line, values.get("reference"), "reference", "reference", 60) or "",
        "note": line.attempt("notes", text.note, values.get("notes"), "notes") or "",
    }  # fmt: skip


def _terms_of(columns: dict[str, Any]) -> tuple[int, int, str, str]:
    return (columns["supplier_id"], columns["amount"].minor, str(columns["issued_on"]), str(columns["due_on"]))


def _booked() -> dict[tuple[int, str], tuple[int, str, str]]:
    sql = (
        "SELECT supplier_id, reference_key, amount, issued_on, due_on FROM payable "
        "WHERE voided_at IS NULL AND reference_key <> ''"
    )
    return {(row[0], row[1]): row[2:] for row in db.rows(sql)}


def _bare() -> Counter[tuple[int, int, str, str]]:
    """How many debts without a reference there are of each kind: a file read twice must not double them."""
    sql = "SELECT supplier_id, amount, issued_on, due_on FROM payable WHERE voided_at IS NULL AND reference_key = ''"
    return Counter(db.rows(sql))


def book(found: Sequence[Line]) -> None:
    """Write what was decided inside the caller's transaction: the rows that `payables.owe` writes one at a time."""
    number, who = bulk.next_number("payable"), audit.actor().id
    now, today = db.instant_text(clock.now()), clock.today().isoformat()
    debts: list[Any] = []
    entries: list[Any] = []
    for line in found:
        if line.state != lines.NEW:
            continue
        line.target = number + len(debts)
        one = line.columns
        left, reference = one["amount"] - one["paid"], one["reference"]
        debts.append((line.target, one["supplier_id"], reference, text.key(reference), "opening", str(one["issued_on"]),
                      str(one["due_on"]), one["amount"], left, one["note"], who, now))  # fmt: skip
        for kind, moved in (("owe", one["amount"]), ("settle", -one["paid"])):
            if moved:
                entries.append((line.target, now, today, kind, moved, f"payable:{line.target}", who))
    bulk.insert("payable", _DEBT, debts)
    bulk.insert("payable_entry", _ENTRY, entries)
