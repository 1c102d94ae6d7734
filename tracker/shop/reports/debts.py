"""Debts for the morning page and for the page of one debt: questions only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from tracker import db
from tracker.money import Money
from tracker.shop.owed import STATE_SQL, Sum, bound, why_quiet


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


@dataclass(frozen=True)
class Due:
    """What must be paid by a day: some suppliers of each state, and the sums of all of them."""

    rows: tuple[ToPay, ...]
    sums: dict[str, Sum]

    @property
    def more(self) -> int:
        """Suppliers that are not among the rows; one with debts in two states counts twice."""
        return sum(one.suppliers for one in self.sums.values()) - len(self.rows)


def to_pay(today: date, days: int = 7, most: int = 5) -> Due:
    """What must be paid by `days` from today, by supplier: overdue, then due soon, then quiet; the oldest first.

    At most so many suppliers of each state; one statement.
    """
    sql = f"""WITH due AS (
            SELECT p.supplier_id AS id, s.name AS name, {STATE_SQL} AS state, SUM(p.left_to_pay) AS owed,
                COUNT(*) AS debts, MIN(p.due_on) AS first, MAX(p.reference) AS reference,
                MAX(p.snoozed_until) AS snoozed, MAX(p.promised_on) AS promised, MAX(p.dispute) AS dispute
            FROM payable p CROSS JOIN supplier s
            WHERE s.id = p.supplier_id AND p.left_to_pay > 0 AND p.due_on <= :until GROUP BY p.supplier_id, state),
        ranked AS (
            SELECT *, SUM(owed) OVER all_of AS total, SUM(debts) OVER all_of AS number, COUNT(*) OVER all_of AS few,
                ROW_NUMBER() OVER (PARTITION BY state ORDER BY first, id) AS place
            FROM due WINDOW all_of AS (PARTITION BY state))
        SELECT id, name, state, owed, debts, first, reference, snoozed, promised, dispute, total, number, few
        FROM ranked
        WHERE place <= :most
        ORDER BY CASE state WHEN 'overdue' THEN 0 WHEN 'soon' THEN 1 ELSE 2 END, place"""
    values = {"today": today, "until": today + timedelta(days=days), "most": most}
    found = db.books.execute_sql(sql, bound(values)).fetchall()
    sums = {row[2]: Sum(Money(row[10]), row[11], row[12]) for row in found}
    rows = tuple(_to_pay(row, today) for row in found)
    return Due(rows, {state: sums.get(state, Sum()) for state in ("overdue", "soon", "quiet")})


def _to_pay(row: tuple[Any, ...], today: date) -> ToPay:
    snoozed, promised = (date.fromisoformat(day) if day else None for day in row[7:9])
    why = why_quiet(snoozed, promised, row[9], today)
    return ToPay(row[0], row[1], row[2], Money(row[3]), row[4], date.fromisoformat(row[5]), row[6], why)


class Step(NamedTuple):
    """One thing that happened to a debt: an entry of the ledger (amount, source), or what was noted (detail)."""

    at: datetime
    what: str
    amount: Money
    source: str
    who: str
    detail: dict[str, str | None]

    @property
    def day(self) -> date | None:
        """The day that a snooze or a promise names."""
        named = self.detail.get("snoozed_until") or self.detail.get("promised_on")
        return date.fromisoformat(named) if named else None


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
