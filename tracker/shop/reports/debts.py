"""Debts for the morning page and for the page of one debt: questions only."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import NamedTuple

from tracker import db
from tracker.money import Money
from tracker.shop.owed import STATE_SQL, bound, why_quiet


class ToPay(NamedTuple):
    """What one supplier gets soon, in one state: overdue, soon or quiet; `reference` and `why` are of one debt."""

    supplier_id: int
    supplier: str
    state: str
    total: Money
    number: int
    first: date
    reference: str
    why: str

    def days_late(self, today: date) -> int:
        return max(0, (today - self.first).days)


def to_pay(today: date, days: int = 7, limit: int = 8) -> list[ToPay]:
    """What must be paid by `days` from today, by supplier: overdue, then due soon, then quiet; the oldest first."""
    values = {"today": today, "until": today + timedelta(days=days), "limit": limit}
    sql = f"""SELECT p.supplier_id, s.name, {STATE_SQL} AS state, SUM(p.left_to_pay), COUNT(*), MIN(p.due_on) AS first,
            MAX(p.reference), MAX(p.snoozed_until), MAX(p.promised_on), MAX(p.dispute)
        FROM payable p CROSS JOIN supplier s
        WHERE s.id = p.supplier_id AND p.left_to_pay > 0 AND p.due_on <= :until
        GROUP BY p.supplier_id, state
        ORDER BY CASE state WHEN 'overdue' THEN 0 WHEN 'soon' THEN 1 ELSE 2 END, first, p.supplier_id LIMIT :limit"""
    day = date.fromisoformat
    return [
        ToPay(
            r[0], r[1], r[2], Money(r[3]), r[4], day(r[5]), r[6],
            why_quiet(day(r[7]) if r[7] else None, day(r[8]) if r[8] else None, r[9], today),
        )
        for r in db.books.execute_sql(sql, bound(values))
    ]  # fmt: skip


class Step(NamedTuple):
    """One thing that happened to a debt: an entry of the ledger (amount, source) or what was noted about it (detail)."""

    at: datetime
    what: str
    amount: Money
    source: str
    who: str
    detail: dict[str, str | None]


def history(payable_id: int) -> list[Step]:
    """Everything that happened to one debt, in order, in one statement."""
    sql = """SELECT e.at, e.kind, e.amount, e.source, COALESCE(u.name, 'Finance Tracker'), '', 0, e.id
            FROM payable_entry e LEFT JOIN user u ON u.id = e.user_id WHERE e.payable_id = :id
        UNION ALL SELECT at, action, 0, '', who, detail, 1, id FROM audit
            WHERE subject = 'payable:' || :id
        ORDER BY 1, 7, 8"""
    return [
        Step(datetime.fromisoformat(r[0]), r[1], Money(r[2]), r[3], r[4], json.loads(r[5]) if r[5] else {})
        for r in db.books.execute_sql(sql, {"id": payable_id})
    ]
