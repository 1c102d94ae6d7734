"""The daily debt reminder: what is overdue, grouped by supplier, to everyone who wants to know."""

from __future__ import annotations

from datetime import date
from typing import Any

from tracker import clock
from tracker.jobs import audience
from tracker.ops.job_runs import Finish, JobRun, Work
from tracker.shop import notifications, outbox, owed, settings
from tracker.shop.notifications import Notice
from tracker.shop.owed import Debt, Reminder

KIND = "debt_reminder"


def run(run: JobRun) -> Finish:
    """Remind when at least one debt is overdue and not quiet; once a day to each person unless asked `again`."""
    today = clock.today()
    reminder = owed.reminder(today, settings.current().due_soon_days)
    facts = context(reminder)  # for everybody, and before the books are held

    def write() -> Work:
        if not reminder.count:
            return Work(_nothing(reminder), "nothing")
        already = outbox.of_day(KIND, "all")
        told = notifications.tell_all(
            KIND, [_notice(reminder)], lambda user: {"person": user.name, **facts}, again=run.again, run_id=run.id
        )
        return audience.work(KIND, told, already, _facts(reminder), run.again)

    return write


def preview() -> dict[str, Any]:
    """What would go out now: the document of `run.py job debt_reminders --preview --json`."""
    today = clock.today()
    reminder = owed.reminder(today, settings.current().due_soon_days)
    return {
        "recipients": audience.recipients(KIND),
        "suppliers": [
            {
                "supplier": group.supplier,
                "total": group.total.plain(),
                "debts": [_row(debt, today) | {"days_late": debt.days_late(today)} for debt in group.debts],
            }
            for group in reminder.suppliers
        ],
        "due_soon": [_row(debt, today) | {"supplier": debt.supplier} for debt in reminder.due_soon],
        "quiet": [{"reference": debt.reference, "supplier": debt.supplier, "why": why} for debt, why in reminder.quiet],
        "sentence": _facts(reminder) if reminder.count else _nothing(reminder),
    }


def context(reminder: Reminder) -> dict[str, Any]:
    """The mail's facts, plain JSON; the person's name comes in front."""
    today = reminder.today
    return {
        "today": today.isoformat(),
        "total": reminder.total.minor,
        "count": reminder.count,
        "suppliers": [
            {
                "supplier": group.supplier,
                "supplier_id": group.supplier_id,
                "phone": group.phone,
                "total": group.total.minor,
                "debts": [
                    {
                        "id": debt.id,
                        "reference": debt.reference,
                        "amount": debt.amount.minor,
                        "left": debt.left.minor,
                        "due_on": debt.due_on.isoformat(),
                        "days_late": debt.days_late(today),
                    }
                    for debt in group.debts
                ],
            }
            for group in reminder.suppliers
        ],
        "due_soon_days": reminder.days,
        "due_soon": [
            {
                "supplier": debt.supplier,
                "reference": debt.reference,
                "left": debt.left.minor,
                "due_on": debt.due_on.isoformat(),
            }
            for debt in reminder.due_soon
        ],
        "due_soon_total": reminder.soon_total.minor,
        "quiet_count": len(reminder.quiet),
    }


def _row(debt: Debt, today: date) -> dict[str, Any]:
    return {"reference": debt.reference, "left": debt.left.plain(), "due_on": debt.due_on.isoformat()}


def _notice(reminder: Reminder) -> Notice:
    oldest = max(debt.days_late(reminder.today) for group in reminder.suppliers for debt in group.debts)
    names = ", ".join(group.supplier for group in reminder.suppliers[:3])
    more = f" and {len(reminder.suppliers) - 3} more" if len(reminder.suppliers) > 3 else ""
    message = f"{_facts(reminder)}: {names}{more}. The oldest is {oldest} day{'s' if oldest != 1 else ''} late."
    return Notice("overdue", message, "/debts?state=overdue", "warning")


def _facts(reminder: Reminder) -> str:
    debts = f"{reminder.count} debt{'s' if reminder.count != 1 else ''} overdue"
    return f"{debts}, {reminder.total.with_currency()}"


def _nothing(reminder: Reminder) -> str:
    quiet = len(reminder.quiet)
    if not quiet:
        return "Nothing is overdue."
    return f"Nothing to remind of: {quiet} overdue, but snoozed, promised or in dispute."
