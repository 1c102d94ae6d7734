"""The jobs and what holds for each: how late it may still run, how long it may take, how often it is tried.

The hours stand in `tasks.py`, which declares them here; what the shop changed stands in the table `schedule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Job:
    """One job. `grace`: later than this after its hour it is missed (None: it runs however late)."""

    name: str
    title: str
    purpose: str
    grace: timedelta | None
    deadline: timedelta
    attempts: int = 5
    after_start: timedelta = timedelta(0)  # a catch-up waits this long, so that the PC can wake up
    only_when_needed: bool = False  # its slots leave no row unless there is something to do


JOBS = {
    job.name: job
    for job in (
        Job(
            "debt_reminders",
            "Send debt reminder emails",
            "Tells you which supplier debts are overdue, grouped by supplier.",
            grace=timedelta(hours=12),
            deadline=timedelta(minutes=5),
        ),
        Job(
            "reorder_alerts",
            "Send reorder alerts",
            "Tells you which products are at or below their reorder level.",
            grace=timedelta(hours=12),
            deadline=timedelta(minutes=5),
        ),
        Job(
            "notification_cleanup",
            "Clean up old notifications",
            "Removes notices that were read more than 30 days ago. Unread ones stay.",
            grace=timedelta(days=6),
            deadline=timedelta(minutes=15),
        ),
        Job(
            "mail_delivery",
            "Deliver mail",
            "Sends what waits in the outbox.",
            grace=None,
            deadline=timedelta(minutes=30),
            attempts=1,
            only_when_needed=True,
        ),
        Job(
            "backup",
            "Back up",
            "Makes a checked copy of the books.",
            grace=None,
            deadline=timedelta(minutes=30),
            after_start=timedelta(minutes=2),
        ),
        Job(
            "books_check",
            "Check the books",
            "Adds up stock, debts and cash again and compares.",
            grace=timedelta(hours=20),
            deadline=timedelta(minutes=30),
            attempts=3,
        ),
    )
}


@dataclass(frozen=True)
class Hours:
    """When a job runs unless the shop says otherwise: a time and days, or a cron line."""

    at: str = ""
    days: str = "every"
    cron: str = ""


_declared: dict[str, Hours] = {}


def declare(name: str, at: str = "", days: str = "every", cron: str = "") -> None:
    """Called by `tasks.py` for each job. Touches nothing but memory."""
    if name not in JOBS:
        raise KeyError(f"tasks.py names an unknown job: {name}")
    _declared[name] = Hours(at, days, cron)


def declared() -> dict[str, Hours]:
    return dict(_declared)
