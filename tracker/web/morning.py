"""The morning page: what must be paid, what to order, what is there to pay it with, and what went wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from tracker import clock, db
from tracker.money import ZERO, Money
from tracker.ops import problems, schedules
from tracker.ops.problems import Problem
from tracker.shop import cash, low_stock, settings
from tracker.shop.low_stock import NEW, ORDERED, SNOOZED, STILL_LOW, LowProduct
from tracker.shop.reports import debts
from tracker.shop.reports.debts import Due
from tracker.web.access import needs
from tracker.web.health import current_config

page = Blueprint("morning", __name__)
REMINDER = "debt_reminders"
MOST_PROBLEMS = 3


@page.get("/")
@needs("morning.see")
def index() -> ResponseReturnValue:
    person, today, days = g.person, clock.today(), settings.current().due_soon_days
    due = debts.to_pay(today, days) if person.can("debts.see") else None
    accounts = cash.balances() if person.can("cash.see") else None
    low = low_stock.rows(today)
    is_new = accounts is not None and (not accounts or not (low or (due and due.rows)))
    return render_template(
        "morning/index.html",
        greeting=_greeting(person.name),
        today=today,
        days=days,
        due=due,
        reminder=_next_reminder() if due else None,
        low=_to_order(low),
        accounts=accounts,
        money=_cover(accounts, due) if accounts is not None and due is not None else None,
        steps=_first_steps() if is_new else [],
        wrong=_wrong() if person.can("health.see") else [],
        most=MOST_PROBLEMS,
    )


def _greeting(name: str) -> str:
    hour = clock.local().hour
    time_of_day = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
    return f"Good {time_of_day}, {name.split()[0]}"


def _next_reminder() -> datetime | None:
    row = schedules.Schedule.get_or_none(schedules.Schedule.job == REMINDER)
    found = schedules.next_runs(row, 1) if row and not row.is_paused else []
    return found[0] if found else None


def _wrong() -> list[Problem]:
    """What needs somebody; a silent worker is said by the banner over every page already."""
    return [problem for problem in problems.problems(current_config()) if problem.id != "worker"]


_URGENCY = {NEW: 1, STILL_LOW: 2, ORDERED: 3}


def _to_order(low: list[LowProduct]) -> dict[str, Any]:
    """What to order now first, sold out before the rest; what was put off is left out."""
    shown = [row for row in low if row.state != SNOOZED]
    shown.sort(key=lambda row: (row.state == ORDERED, not row.is_sold_out, _URGENCY[row.state], row.name))
    now = [row for row in shown if row.state != ORDERED]
    return {
        "now": len(now),
        "sold_out": sum(row.is_sold_out for row in now),
        "new": sum(row.state == NEW for row in now),
        "ordered": len(shown) - len(now),
        "rows": shown[:7],
        "more": len(shown) - 7,
    }


def _cover(accounts: list[cash.CashAccount], due: Due) -> dict[str, Any]:
    """What is held, and in words whether it covers what is overdue and due soon."""
    held = sum((account.balance for account in accounts), ZERO)
    late, soon = due.sums["overdue"].total, due.sums["soon"].total
    days = f"the next {settings.current().due_soon_days} days"
    if not late and not soon:
        return {"held": held, "words": f"nothing is due in {days}", "is_short": held < ZERO}
    if not late:
        return _compared(held, soon, f"what is due in {days}")
    if soon and held >= late + soon:
        return _compared(held, late + soon, f"what is overdue and due in {days}")
    return _compared(held, late, "what is overdue")


def _compared(held: Money, wanted: Money, what: str) -> dict[str, Any]:
    rest = held - wanted
    if rest < ZERO:
        return {"held": held, "words": f"{(-rest).short()} short of {what}", "is_short": True}
    return {
        "held": held,
        "words": f"covers {what}" + (f", and {rest.short()} stays" if rest else ""),
        "is_short": False,
    }


def _first_steps() -> list[tuple[str, str, str, bool]]:
    """What a new shop does first: title, why, address, whether it is done."""
    tables = ("product", "supplier", "payable", "cash_account")
    there = db.rows("SELECT " + ", ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables))[0]
    done = dict(zip(tables, map(bool, there), strict=True))
    return [
        (
            "Bring in your products",
            "From a file, or one by one, with the level to order at.",
            "/products",
            done["product"],
        ),
        ("Add your suppliers", "Who you buy from, and how many days you have to pay.", "/suppliers", done["supplier"]),
        (
            "Say what you owe",
            "Open invoices: from then on you are told before it gets late.",
            "/debts/new",
            done["payable"],
        ),
        (
            "Say what you have",
            "Till, bank and mobile money, with what is in them.",
            "/cash/accounts/new",
            done["cash_account"],
        ),
        ("Set up mail", "So that reminders also reach you by mail.", "/settings", bool(settings.current().smtp_host)),
    ]
