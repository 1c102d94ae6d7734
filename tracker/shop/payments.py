"""Payments to suppliers: one document that takes money out of an account and settles debts, in parts if need be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

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
        cash.pay_out(
            account_id, amount, payment.document, f"Paid to {_supplier_name(supplier_id)}"[: text.LINE], paid_on
        )
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


def _supplier_name(supplier_id: int) -> str:
    return str(db.rows("SELECT name FROM supplier WHERE id = ?", supplier_id)[0][0])


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


class PaymentRow(NamedTuple):
    """A payment as lists show it."""

    id: int
    paid_on: date
    supplier_id: int
    supplier: str
    account: str
    amount: Money
    reference: str
    note: str
    who: str
    created_at: datetime
    is_voided: bool


_ROWS = """SELECT p.id, p.paid_on, p.supplier_id, s.name, a.name, p.amount, p.reference, p.note,
    COALESCE(u.name, 'Finance Tracker'), p.created_at,
    EXISTS (SELECT 1 FROM void v WHERE v.document = 'payment:' || p.id)
    FROM payment p JOIN supplier s ON s.id = p.supplier_id JOIN cash_account a ON a.id = p.account_id
    LEFT JOIN user u ON u.id = p.user_id"""


def listing(supplier_id: int | None = None, search: str = "", limit: int = -1, offset: int = 0) -> list[PaymentRow]:
    """Payments, the latest first, in one statement; `search` looks at suppliers and references."""
    where, values = ["1"], list[Any]()
    if supplier_id is not None:
        where.append("p.supplier_id = ?")
        values.append(supplier_id)
    if search.strip():
        where.append("(INSTR(s.name_key, ?) OR INSTR(LOWER(p.reference), ?))")
        values += [text.key(search)] * 2
    sql = f"{_ROWS} WHERE {' AND '.join(where)} ORDER BY p.id DESC LIMIT ? OFFSET ?"
    return [_row(found) for found in db.rows(sql, *values, limit, offset)]


def row_of(payment_id: int) -> PaymentRow:
    """One payment as lists show it. Raises NotFound."""
    found = db.rows(f"{_ROWS} WHERE p.id = ?", payment_id)
    if not found:
        raise NotFound("There is no such payment.")
    return _row(found[0])


def _row(r: tuple[Any, ...]) -> PaymentRow:
    day, at = date.fromisoformat(r[1]), datetime.fromisoformat(r[9])
    return PaymentRow(r[0], day, r[2], r[3], r[4], Money(r[5]), r[6], r[7], r[8], at, bool(r[10]))


class SettledDebt(NamedTuple):
    """A debt that a payment settled, in part or whole."""

    id: int
    reference: str
    due_on: date
    amount: Money
    part: Money


def settled_by(payment_id: int) -> list[SettledDebt]:
    """The debts of a payment, as it was booked."""
    sql = """SELECT d.id, d.reference, d.due_on, d.amount, -e.amount FROM payable_entry e
        JOIN payable d ON d.id = e.payable_id WHERE e.source = ? AND e.source <> '' AND e.kind = 'settle'
        ORDER BY e.id"""
    return [
        SettledDebt(number, reference, date.fromisoformat(due_on), Money(amount), Money(part))
        for number, reference, due_on, amount, part in db.rows(sql, f"payment:{payment_id}")
    ]
