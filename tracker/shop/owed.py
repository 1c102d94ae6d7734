"""What is owed, read from the payables: overdue, due soon, later, quiet; all derived from today, nothing stored.

Due today is not overdue. The questions are plain SQL over the partial indexes `payable_due` and `payable_open`, which
hold only what is left to pay; `tracker.shop.payables` offers them under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import NamedTuple

from tracker import db, text
from tracker.money import ZERO, Money

STATES = ("overdue", "soon", "later", "quiet", "paid")


class Debt(NamedTuple):
    """One debt as lists and mails show it."""

    id: int
    supplier_id: int
    supplier: str
    reference: str
    issued_on: date
    due_on: date
    amount: Money
    left: Money
    snoozed_until: date | None
    promised_on: date | None
    dispute: str | None
    note: str
    phone: str  # the supplier's
    of_supplier: Money = ZERO  # left to pay to the supplier in the whole list that this row stands in

    @property
    def paid(self) -> Money:
        return self.amount - self.left

    def days_late(self, today: date) -> int:
        """Days since it was due; 0 when it is due today or later."""
        return max(0, (today - self.due_on).days)

    def why_quiet(self, today: date) -> str:
        """Why no reminder mentions it today, in words; empty when one may."""
        return why_quiet(self.snoozed_until, self.promised_on, self.dispute, today)


@dataclass(frozen=True)
class Sum:
    """How much, in how many debts, to how many suppliers."""

    total: Money = ZERO
    count: int = 0
    suppliers: int = 0


@dataclass(frozen=True)
class SupplierDebts:
    """What is owed to one supplier, oldest first."""

    supplier_id: int
    supplier: str
    debts: tuple[Debt, ...]

    @cached_property
    def total(self) -> Money:
        return Money(sum(debt.left.minor for debt in self.debts))

    @property
    def oldest(self) -> date:
        return self.debts[0].due_on

    @property
    def phone(self) -> str:
        return self.debts[0].phone


@dataclass(frozen=True)
class Reminder:
    """What the owner is told on a day: overdue by supplier (oldest first), due soon, what is quiet and why."""

    today: date
    days: int
    suppliers: tuple[SupplierDebts, ...]
    due_soon: tuple[Debt, ...]
    quiet: tuple[tuple[Debt, str], ...]

    @cached_property
    def total(self) -> Money:
        """Overdue and not quiet."""
        return sum((group.total for group in self.suppliers), ZERO)

    @cached_property
    def count(self) -> int:
        return sum(len(group.debts) for group in self.suppliers)

    @property
    def soon_total(self) -> Money:
        return sum((debt.left for debt in self.due_soon), ZERO)


@dataclass(frozen=True)
class Ageing:
    """What is left to pay by days late; the five add up to `total_owed()`."""

    not_due: Money
    days_1_30: Money
    days_31_60: Money
    days_61_90: Money
    over_90: Money

    @property
    def total(self) -> Money:
        return self.not_due + self.days_1_30 + self.days_31_60 + self.days_61_90 + self.over_90


def why_quiet(snoozed_until: date | None, promised_on: date | None, dispute: str | None, today: date) -> str:
    """The reason that keeps a debt out of today's reminder, in words; empty when there is none."""
    if dispute:
        return "in dispute"
    if snoozed_until and snoozed_until > today:
        return f"snoozed until {short_day(snoozed_until, today)}"
    if promised_on and promised_on >= today:
        return f"promised for {short_day(promised_on, today)}"
    return ""


def short_day(day: date, today: date | None = None) -> str:
    """`30 Nov 2026`, or `30 Nov` in the year of `today`: the books speak English in every shop."""
    return f"{day.day} {day:%b}" if today and today.year == day.year else f"{day.day} {day:%b %Y}"


# --- rows -------------------------------------------------------------------------------------------------------------

_COLUMNS = """p.id, p.supplier_id, s.name, p.reference, p.issued_on, p.due_on, p.amount, p.left_to_pay,
    p.snoozed_until, p.promised_on, p.dispute, p.note, s.phone"""
# CROSS JOIN keeps the order of the loops: debts by date first, then each one's supplier (see docs of SQLite's planner).
_OPEN = f"SELECT {_COLUMNS} FROM payable p CROSS JOIN supplier s WHERE s.id = p.supplier_id AND p.left_to_pay > 0"
_QUIET = "(p.dispute IS NOT NULL OR IFNULL(p.snoozed_until > :today, 0) OR IFNULL(p.promised_on >= :today, 0))"
STATE_SQL = f"""CASE WHEN {_QUIET} THEN 'quiet' WHEN p.due_on < :today THEN 'overdue'
    WHEN p.due_on <= :until THEN 'soon' ELSE 'later' END"""


def overdue(today: date) -> list[Debt]:
    """Due before today and not fully paid, oldest first; quiet ones too."""
    return _debts(f"{_OPEN} AND p.due_on < :today ORDER BY p.due_on, p.id", today=today)


def due_soon(today: date, days: int = 7) -> list[Debt]:
    """Due from today to `days` from today (both included) and not fully paid, in order of date; quiet ones too."""
    until = today + timedelta(days=days)
    return _debts(f"{_OPEN} AND p.due_on BETWEEN :today AND :until ORDER BY p.due_on, p.id", today=today, until=until)


def reminder(today: date, days: int = 7) -> Reminder:
    """Everything that the debt reminder of this day says, from one scan over what is due by `days` from today."""
    until = today + timedelta(days=days)
    rows = _debts(f"{_OPEN} AND p.due_on <= :until ORDER BY p.due_on, p.id", until=until)
    late: dict[int, list[Debt]] = {}
    soon: list[Debt] = []
    quiet: list[tuple[Debt, str]] = []
    for debt in rows:
        why = debt.why_quiet(today)
        if why:
            quiet.append((debt, why))
        elif debt.due_on < today:
            late.setdefault(debt.supplier_id, []).append(debt)
        else:
            soon.append(debt)
    groups = tuple(SupplierDebts(key, debts[0].supplier, tuple(debts)) for key, debts in late.items())
    return Reminder(today, days, groups, tuple(soon), tuple(quiet))


def open_debts(supplier_id: int, today: date | None = None) -> list[Debt]:
    """What is left to pay to one supplier, in the order in which a payment settles it: disputed ones last.

    With `today`, only what is due by then.
    """
    due = "AND p.due_on <= :today" if today else ""
    sql = f"{_OPEN} AND p.supplier_id = :supplier {due} ORDER BY p.dispute IS NOT NULL, p.due_on, p.id"
    return _debts(sql, supplier=supplier_id, today=today)


def by_supplier(
    state: str,
    today: date,
    days: int = 7,
    *,
    supplier_id: int | None = None,
    search: str = "",
    limit: int = -1,
    offset: int = 0,
) -> list[Debt]:
    """Debts of one state (see STATES; "" = all that are open) for the list: supplier with the oldest debt first."""
    where, values = _filter(state, today, days, supplier_id, search)
    if state == "paid":
        sql = f"""SELECT {_COLUMNS} FROM payable p JOIN supplier s ON s.id = p.supplier_id WHERE {where}
            ORDER BY p.due_on DESC, p.id DESC LIMIT :limit OFFSET :offset"""
    else:
        sql = _BY_SUPPLIER.format(where=where)
    return _debts(sql, **values, limit=limit, offset=offset)


# First whose debts stand on the page (in order of the supplier's oldest, counted up), then only these debts.
_BY_SUPPLIER = f"""WITH whole AS MATERIALIZED (
    SELECT p.supplier_id AS whose, SUM(p.left_to_pay) AS owed, COUNT(*) AS debts,
        MIN(CASE WHEN {_QUIET} THEN '9999' ELSE p.due_on END) AS oldest
    FROM payable p LEFT JOIN supplier s ON s.id = p.supplier_id WHERE {{where}} GROUP BY p.supplier_id),
counted AS MATERIALIZED (
    SELECT *, SUM(debts) OVER (ORDER BY oldest, whose) AS upto FROM whole),
page AS MATERIALIZED (
    SELECT * FROM counted WHERE upto > :offset AND (:limit < 0 OR upto - debts < :offset + :limit))
SELECT {_COLUMNS}, page.owed FROM page CROSS JOIN payable p CROSS JOIN supplier s
WHERE p.supplier_id = page.whose AND s.id = p.supplier_id AND {{where}}
ORDER BY page.oldest, p.supplier_id, p.due_on, p.id
LIMIT :limit OFFSET :offset - IFNULL((SELECT MIN(upto - debts) FROM page), 0)"""


def find(payable_id: int) -> Debt | None:
    """One debt, open, paid or voided."""
    sql = f"SELECT {_COLUMNS} FROM payable p JOIN supplier s ON s.id = p.supplier_id WHERE p.id = :id"
    return next(iter(_debts(sql, id=payable_id)), None)


def _filter(state: str, today: date, days: int, supplier_id: int | None, search: str) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {"today": today, "until": today + timedelta(days=days)}
    rules = {
        "": "p.left_to_pay > 0",
        "overdue": f"p.left_to_pay > 0 AND p.due_on < :today AND NOT {_QUIET}",
        "soon": f"p.left_to_pay > 0 AND p.due_on BETWEEN :today AND :until AND NOT {_QUIET}",
        "later": f"p.left_to_pay > 0 AND p.due_on > :until AND NOT {_QUIET}",
        "quiet": f"p.left_to_pay > 0 AND {_QUIET}",
        "paid": "p.left_to_pay = 0 AND p.voided_at IS NULL",
    }
    where = rules[state]
    if supplier_id is not None:
        where, values["supplier"] = f"{where} AND p.supplier_id = :supplier", supplier_id
    if search.strip():
        where += " AND (INSTR(s.name_key, :search) OR INSTR(p.reference_key, :search) OR INSTR(LOWER(p.note), :search))"
        values["search"] = text.key(search)
    return where, values


def _debts(sql: str, **values: object) -> list[Debt]:
    day = date.fromisoformat
    return [
        Debt(
            r[0], r[1], r[2], r[3], day(r[4]), day(r[5]), Money(r[6]), Money(r[7]),
            day(r[8]) if r[8] else None, day(r[9]) if r[9] else None, r[10], r[11], r[12],
            Money(r[13]) if len(r) > 13 else ZERO,
        )
        for r in db.books.execute_sql(sql, bound(values))
    ]  # fmt: skip


def bound(values: Mapping[str, object]) -> dict[str, object]:
    """Dates as the books store them, for a statement's parameters."""
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in values.items()}


# --- sums -------------------------------------------------------------------------------------------------------------


def total_owed() -> Money:
    """Left to pay to everybody."""
    return outstanding()


def outstanding(supplier_id: int | None = None) -> Money:
    """Left to pay, to one supplier or to all."""
    where, values = ("AND supplier_id = ?", (supplier_id,)) if supplier_id is not None else ("", ())
    return Money(
        db.rows(f"SELECT IFNULL(SUM(left_to_pay), 0) FROM payable WHERE left_to_pay > 0 {where}", *values)[0][0]
    )


def sums(today: date, days: int = 7, supplier_id: int | None = None, search: str = "") -> dict[str, Sum]:
    """How much and how many in each open state, and "" for all of them; one statement."""
    where, values = _filter("", today, days, supplier_id, search)
    figures = "IFNULL(SUM(owed), 0), COUNT(*), COUNT(DISTINCT supplier)"
    sql = f"""WITH open AS MATERIALIZED (
            SELECT {STATE_SQL} AS state, p.left_to_pay AS owed, p.supplier_id AS supplier
            FROM payable p LEFT JOIN supplier s ON s.id = p.supplier_id WHERE {where})
        SELECT state, {figures} FROM open GROUP BY state UNION ALL SELECT '', {figures} FROM open"""
    found = {row[0]: Sum(Money(row[1]), row[2], row[3]) for row in db.books.execute_sql(sql, bound(values))}
    return {state: found.get(state, Sum()) for state in ("", *STATES) if state != "paid"}


def overdue_count(today: date, at_most: int = 100) -> int:
    """How many debts are overdue and not quiet, counted up to `at_most`: every page asks (the menu shows 99+)."""
    where, values = _filter("overdue", today, 0, None, "")
    sql = f"SELECT COUNT(*) FROM (SELECT 1 FROM payable p WHERE {where} LIMIT :at_most)"
    return int(db.books.execute_sql(sql, bound(values | {"at_most": at_most})).fetchone()[0])


def ageing(today: date, supplier_id: int | None = None) -> Ageing:
    """What is left to pay by how late it is. Due today counts as not due."""
    where, values = ("AND supplier_id = ?", [supplier_id]) if supplier_id is not None else ("", [])
    ends = [(today - timedelta(days=late)).isoformat() for late in (0, 30, 60, 90)]
    buckets = ["due_on >= ?", "due_on < ? AND due_on >= ?", "due_on < ? AND due_on >= ?", "due_on < ? AND due_on >= ?"]
    sums_ = ", ".join(f"IFNULL(SUM(left_to_pay) FILTER (WHERE {rule}), 0)" for rule in [*buckets, "due_on < ?"])
    bounds = [ends[0], ends[0], ends[1], ends[1], ends[2], ends[2], ends[3], ends[3]]
    row = db.rows(f"SELECT {sums_} FROM payable WHERE left_to_pay > 0 {where}", *bounds, *values)[0]
    return Ageing(*(Money(value) for value in row))


def totals(debts: Iterable[Debt]) -> list[SupplierDebts]:
    """The same debts by supplier, in the order in which the suppliers first appear."""
    groups: dict[int, list[Debt]] = {}
    for debt in debts:
        groups.setdefault(debt.supplier_id, []).append(debt)
    return [SupplierDebts(key, found[0].supplier, tuple(found)) for key, found in groups.items()]
