"""Payments to suppliers: one document that takes money out of an account and settles debts, in parts if need be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import peewee

from tracker import clock, db, text
from tracker.errors import NotFound, Refused
from tracker.money import ZERO, Money, positive
from tracker.shop import audit, cash, payables, request_keys
from tracker.shop.payables import Part


class Payment(db.Model):
    """Money that a supplier got on a day from one account."""

    supplier_id = peewee.IntegerField()
    account_id = peewee.IntegerField()
    paid_on = db.DayField()
    amount = db.MoneyField()
    reference = peewee.TextField(default="")
    note = peewee.TextField(default="")
    user_id = peewee.IntegerField(null=True)
    created_at = db.InstantField()

    @property
    def document(self) -> str:
        return f"payment:{self.id}"


def record(
    supplier_id: int,
    account_id: int,
    amount: Money,
    paid_on: date,
    reference: str = "",
    note: str = "",
    parts: Mapping[int, Money] | None = None,
    key: str = "",
) -> Payment:
    """Pay a supplier. `parts` says how much goes to which debt (its number); None settles the oldest first.

    All of the amount must go to debts: money paid ahead is not booked here. The same key again returns the first
    payment. Raises Refused with the rule that was broken; then nothing was booked.
    """
    positive(amount)
    if paid_on > clock.today():
        raise Refused("The day of the payment is in the future.", "paid_on")
    with db.write():
        before = request_keys.made(key, "payment")
        if before is not None:
            return get(before)
        split = None if parts is None else _checked_parts(supplier_id, amount, parts)
        payment = Payment.create(
            supplier_id=supplier_id, account_id=cash.account_of(account_id).id, paid_on=paid_on, amount=amount,
            reference=text.line(reference, "reference", "reference", 60), note=text.note(note),
            user_id=audit.actor().id, created_at=clock.now(),
        )  # fmt: skip
        if split is None:
            payables.settle_oldest_first(supplier_id, amount, payment.document, paid_on)
        else:
            for number, part in split.items():
                payables.settle(number, part, payment.document, paid_on)
        cash.pay_out(account_id, amount, payment.document, on=paid_on)
        request_keys.keep_document(key, payment.document)
    return payment


def _checked_parts(supplier_id: int, amount: Money, parts: Mapping[int, Money]) -> dict[int, Money]:
    wanted = {number: part for number, part in parts.items() if part}
    for number, part in wanted.items():
        positive(part, "parts")
        if payables.get(number).supplier_id != supplier_id:
            raise Refused("One of these debts is owed to another supplier.", "parts")
    rest = amount - sum(wanted.values(), ZERO)
    if rest > ZERO:
        raise Refused(f"{rest.with_currency()} of this payment is not set against any debt.", "parts")
    if rest < ZERO:
        raise Refused(f"The debts add up to {(-rest).with_currency()} more than the amount paid.", "parts")
    return wanted


# --- questions --------------------------------------------------------------------------------------------------------


def get(payment_id: int) -> Payment:
    """One payment, voided or not. Raises NotFound."""
    found = Payment.get_or_none(Payment.id == payment_id)
    if found is None:
        raise NotFound("There is no such payment.")
    return found


def parts_of(payment_id: int) -> list[Part]:
    """Which debts a payment settled, and how much of each, as it was booked."""
    sql = "SELECT payable_id, -amount FROM payable_entry WHERE source = ? AND kind = 'settle' ORDER BY id"
    return [Part(number, Money(amount)) for number, amount in db.rows(sql, f"payment:{payment_id}")]
