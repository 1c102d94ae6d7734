"""The payables ledger (on screen "Debts"): what the shop owes its suppliers, what settles it, what is quiet.

A payable is owed once and settled in parts; `left_to_pay` is kept in the transaction of each entry and never leaves
0..amount. Entries are never changed: `reverse` posts the opposite. The source of a debt that no document made is the
debt itself, "payable:12".
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

import peewee

from tracker import clock, db, text
from tracker.errors import NotFound, Refused
from tracker.money import ZERO, Money, positive
from tracker.shop import audit, request_keys
from tracker.shop.owed import (
    STATES,
    Ageing,
    Debt,
    Reminder,
    Sum,
    SupplierDebts,
    ageing,
    by_supplier,
    due_soon,
    find,
    open_debts,
    outstanding,
    overdue,
    overdue_count,
    reminder,
    short_day,
    sums,
    total_owed,
    totals,
    why_quiet,
)

__all__ = [
    "STATES", "Ageing", "Debt", "Part", "Payable", "PayableEntry", "Reminder", "Sum", "SupplierDebts", "ageing",
    "by_supplier", "dispute", "due_day", "due_soon", "entries", "find", "get", "open_debts", "outstanding", "overdue",
    "overdue_count", "owe", "promise", "reminder", "reverse", "settle", "settle_oldest_first", "short_day", "snooze",
    "sums", "total_owed", "totals", "why_quiet",
]  # fmt: skip

LONGEST_TERMS = 3650  # days; a due date beyond it is a slip of the finger


class Payable(db.Model):
    """One debt: an invoice of a supplier, or what was owed when the books began."""

    supplier_id = peewee.IntegerField()
    reference = peewee.TextField(default="")
    reference_key = peewee.TextField(default="")
    kind = peewee.TextField()
    issued_on = db.DayField()
    due_on = db.DayField()
    amount = db.MoneyField()
    left_to_pay = db.MoneyField()
    source = peewee.TextField(default="")
    note = peewee.TextField(default="")
    snoozed_until = db.DayField(null=True)
    promised_on = db.DayField(null=True)
    dispute = peewee.TextField(null=True)
    user_id = peewee.IntegerField(null=True)
    created_at = db.InstantField()
    voided_at = db.InstantField(null=True)

    @property
    def document(self) -> str:
        """What is voided to take this debt back: the document that made it, or the debt itself."""
        return self.source or f"payable:{self.id}"

    @property
    def why_quiet(self) -> str:
        return why_quiet(self.snoozed_until, self.promised_on, self.dispute, clock.today())


class PayableEntry(db.Model):
    """One posting: owed (+), settled (-), or the reversal of either."""

    payable_id = peewee.IntegerField()
    at = db.InstantField()
    moved_on = db.DayField()
    kind = peewee.TextField()
    amount = db.MoneyField()
    source = peewee.TextField(default="")
    user_id = peewee.IntegerField(null=True)
    reverses_id = peewee.IntegerField(null=True)


class Part(NamedTuple):
    """How much of a payment went to which debt."""

    payable_id: int
    amount: Money


# --- owe --------------------------------------------------------------------------------------------------------------


def owe(
    supplier_id: int,
    amount: Money,
    issued_on: date,
    due_on: date | None = None,
    reference: str = "",
    kind: str = "invoice",
    paid: Money = ZERO,
    source: str = "",
    note: str = "",
    key: str = "",
) -> Payable:
    """Book a debt. Without `due_on` the supplier's terms decide; a supplier without terms wants its money at once.

    `paid` is what was paid before these books began (an opening debt). The same key again returns the first debt.
    Raises Refused, among others when the supplier's reference is booked already, and NotFound for an unknown supplier.
    """
    with db.write():
        before = request_keys.made(key, "payable")
        if before is not None:
            return get(before)
        name, due = _supplier_name(supplier_id), due_on or due_day(supplier_id, issued_on)
        _refuse_nonsense(amount, paid, issued_on, due)
        cleaned = text.line(reference, "reference", "reference", 60)
        _refuse_same_reference(supplier_id, name, cleaned)
        payable = Payable.create(
            supplier_id=supplier_id, reference=cleaned, reference_key=text.key(cleaned), kind=kind, issued_on=issued_on,
            due_on=due, amount=amount, left_to_pay=amount - paid, source=source, note=text.note(note),
            user_id=audit.actor().id, created_at=clock.now(),
        )  # fmt: skip
        _post(payable.id, "owe", amount, payable.document)
        if paid:
            _post(payable.id, "settle", -paid, payable.document)
        request_keys.keep_document(key, f"payable:{payable.id}")
    return payable


def due_day(supplier_id: int, issued_on: date) -> date:
    """When an invoice of this date must be paid by the supplier's terms; at once when there are none."""
    found = db.rows("SELECT terms_days FROM supplier WHERE id = ?", supplier_id)
    return issued_on + timedelta(days=(found[0][0] or 0) if found else 0)


def _refuse_nonsense(amount: Money, paid: Money, issued_on: date, due_on: date) -> None:
    positive(amount)
    if not ZERO <= paid <= amount:
        raise Refused("What is paid already can't be below zero or above the amount.", "paid")
    if due_on < issued_on:
        raise Refused("The due date is before the date of the invoice.", "due_on")
    if (due_on - issued_on).days > LONGEST_TERMS:
        raise Refused("The due date is more than ten years after the date of the invoice. Check the year.", "due_on")


def _refuse_same_reference(supplier_id: int, name: str, reference: str) -> None:
    same = Payable.get_or_none(
        (Payable.supplier_id == supplier_id)
        & (Payable.reference_key == text.key(reference))
        & (Payable.reference_key != "")
        & Payable.voided_at.is_null()
    )
    if same:
        words = f"{same.amount.with_currency()}, due {short_day(same.due_on)}"
        raise Refused(f"{name}'s {same.reference} is booked already ({words}).", "reference")


def _supplier_name(supplier_id: int) -> str:
    found = db.rows("SELECT name FROM supplier WHERE id = ?", supplier_id)
    if not found:
        raise NotFound("There is no such supplier.", "supplier")
    return str(found[0][0])


# --- settle and reverse -----------------------------------------------------------------------------------------------


def settle(payable_id: int, amount: Money, source: str, on: date | None = None) -> Part:
    """Take an amount off one debt. Raises Refused when more is paid than is left, or the debt is voided."""
    positive(amount)
    if not source:
        raise ValueError("a settlement needs its source: without it nobody could take it back")
    with db.write():
        payable = get(payable_id)
        if payable.voided_at:
            raise Refused("This debt was voided; it can't be paid.", "parts")
        if amount > payable.left_to_pay:
            left, name = payable.left_to_pay, payable.reference or "this debt"
            words = f"Only {left.with_currency()} is left to pay of {name}." if left else f"{name} is paid already."
            raise Refused(words[0].upper() + words[1:], "parts")
        _change_left(payable_id, -amount)
        _post(payable_id, "settle", -amount, source, on)
    return Part(payable_id, amount)


def settle_oldest_first(supplier_id: int, amount: Money, source: str, on: date | None = None) -> list[Part]:
    """Spread an amount over the supplier's debts in order of due date, disputed ones last. All of it or nothing."""
    positive(amount)
    parts: list[Part] = []
    with db.write():
        rest = amount
        for debt in open_debts(supplier_id):
            if not rest:
                break
            part = min(rest, debt.left)
            parts.append(settle(debt.id, part, source, on))
            rest -= part
        if rest:
            owed = amount - rest
            raise Refused(
                f"You owe {_supplier_name(supplier_id)} only {owed.with_currency()}."
                if owed
                else f"You owe {_supplier_name(supplier_id)} nothing.",
                "amount",
            )
    return parts


def reverse(source: str) -> int:
    """Post the opposite of everything that this source posted and that stands; returns how many entries that were.

    A debt that the source made is voided with it. Raises Refused while something else has paid a part of it.
    """
    reversed_ = 0
    with db.write():
        for entry in _standing(source):
            if entry.kind == "owe":
                _void_debt(entry.payable_id, source)
            _post(entry.payable_id, "reversal", -entry.amount, source, reverses=entry.id)
            if not _is_voided(entry.payable_id):
                _change_left(entry.payable_id, -entry.amount)
            reversed_ += 1
    return reversed_


def _standing(source: str) -> list[PayableEntry]:
    reversal = PayableEntry.alias()
    undone = reversal.select(peewee.SQL("1")).where(reversal.reverses_id == PayableEntry.id)
    mine = (PayableEntry.source == source) & (PayableEntry.source != "") & (PayableEntry.kind != "reversal")
    return list(PayableEntry.select().where(mine & ~peewee.fn.EXISTS(undone)).order_by(PayableEntry.id))


def _void_debt(payable_id: int, source: str) -> None:
    others = (PayableEntry.payable_id == payable_id) & (PayableEntry.source != source)
    if db.total(PayableEntry.select(peewee.fn.SUM(PayableEntry.amount)).where(others)):
        payable = get(payable_id)
        raise Refused(f"{payable.reference or 'This debt'} is partly paid. Void the payment first.")
    Payable.update(left_to_pay=0, voided_at=clock.now()).where(Payable.id == payable_id).execute()


def _is_voided(payable_id: int) -> bool:
    return bool(db.rows("SELECT 1 FROM payable WHERE id = ? AND voided_at IS NOT NULL", payable_id))


def _change_left(payable_id: int, by: Money) -> None:
    Payable.update(left_to_pay=Payable.left_to_pay + by.minor).where(Payable.id == payable_id).execute()


def _post(
    payable_id: int, kind: str, amount: Money, source: str, on: date | None = None, reverses: int | None = None
) -> None:
    PayableEntry.insert(
        payable_id=payable_id, at=clock.now(), moved_on=on or clock.today(), kind=kind, amount=amount, source=source,
        user_id=audit.actor().id, reverses_id=reverses,
    ).execute()  # fmt: skip


# --- quiet for a while ------------------------------------------------------------------------------------------------


def snooze(payable_id: int, until: date | None) -> None:
    """No reminder of this debt before that day; None ends it."""
    if until and until <= clock.today():
        raise Refused("Choose a day after today.", "snoozed_until")
    _mark(payable_id, "snooze", snoozed_until=until)


def promise(payable_id: int, on: date | None) -> None:
    """The supplier was promised its money for that day: no reminder until it has passed; None takes it back."""
    if on and on < clock.today():
        raise Refused("Choose today or a later day.", "promised_on")
    _mark(payable_id, "promise", promised_on=on)


def dispute(payable_id: int, why: str) -> None:
    """The debt is contested: no reminder, and payments settle it last. An empty reason ends the dispute."""
    _mark(payable_id, "dispute", dispute=text.line(why, "dispute", "reason") or None)


def _mark(payable_id: int, action: str, **values: Any) -> None:
    with db.write():
        payable = get(payable_id)
        if payable.voided_at or not payable.left_to_pay:
            raise Refused("Nothing is left to pay of this debt.")
        Payable.update(**values).where(Payable.id == payable_id).execute()
        audit.note(f"debt.{action}", f"payable:{payable_id}", **values)


# --- questions about one debt -----------------------------------------------------------------------------------------


def get(payable_id: int) -> Payable:
    """One debt. Raises NotFound."""
    found = Payable.get_or_none(Payable.id == payable_id)
    if found is None:
        raise NotFound("There is no such debt.")
    return found


def entries(payable_id: int) -> list[PayableEntry]:
    """What was posted to one debt, in order."""
    return list(PayableEntry.select().where(PayableEntry.payable_id == payable_id).order_by(PayableEntry.id))
