"""The hours of tasks.py, declared anew, for tests that plan."""

from __future__ import annotations

from tracker import db
from tracker.ops import schedules, timetable


def hours_of_tasks() -> None:
    """What importing tasks.py declares, and the rows that a first start makes of it at this moment."""
    with db.write():
        schedules.Schedule.delete().execute()
    for name, hours in {
        "debt_reminders": {"at": "08:00"},
        "reorder_alerts": {"at": "09:00"},
        "notification_cleanup": {"at": "00:00", "days": "sun"},
        "mail_delivery": {"cron": "* * * * *"},
        "backup": {"at": "02:00"},
        "books_check": {"at": "03:00"},
    }.items():
        timetable.declare(name, **hours)
    schedules.sync()
