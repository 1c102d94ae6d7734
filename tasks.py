"""The timetable: everything that runs by itself, and its hour in the shop's own time.

A schedule changed on the Health page wins over the hours here. Importing this file touches nothing: the worker begins
when a consumer is created, by `run.py worker` or by the stock `huey_consumer tasks.huey`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tracker.jobs.worker import Worker
from tracker.ops import timetable
from tracker.taskqueue import huey

worker = Worker()
huey.on_begin.append(worker.begin)
huey.on_leave.append(worker.leave)


def every(job: str, **hours: str) -> Callable[[Callable[[], None]], Any]:
    """A job at its hours. The validator only plans; the task takes the job's oldest due run."""
    timetable.declare(job, **hours)
    return huey.periodic_task(lambda _: worker.plan(job), name=job)


@every("debt_reminders", at="08:00")
def debt_reminders() -> None:
    """Mail the overdue supplier debts, grouped by supplier."""
    worker.run(job="debt_reminders")


@every("reorder_alerts", at="09:00")
def reorder_alerts() -> None:
    """Tell of products at or below their reorder level, in the app and in one mail."""
    worker.run(job="reorder_alerts")


@every("notification_cleanup", at="00:00", days="sun")
def notification_cleanup() -> None:
    """Remove notices that were read more than 30 days ago."""
    worker.run(job="notification_cleanup")


@every("mail_delivery", cron="* * * * *")
def mail_delivery() -> None:
    """Send what waits in the outbox; a hint does so at once, this is the safety net."""
    worker.run(job="mail_delivery")


@every("backup", at="02:00")
def backup() -> None:
    """Make a checked copy of the books."""
    worker.run(job="backup")


@every("books_check", at="03:00")
def books_check() -> None:
    """Add up stock, debts and cash again, and compare."""
    worker.run(job="books_check")


@huey.task(name="run")
def run(run_id: int) -> None:
    """A hint that this run is due."""
    worker.run(run_id)


@huey.task(name="mail")
def mail(_: int) -> None:
    """A hint that mail is waiting."""
    worker.deliver()


def main() -> int:
    """`run.py worker`: the consumer in this process, until it is told to stop."""
    import _thread
    import signal

    from tracker import log
    from tracker.ops import leash

    log.to_standard_streams()
    consumer = huey.create_consumer(workers=2)
    leash.watch(lambda: _thread.interrupt_main(signal.SIGINT))
    consumer.run()
    return 0


if __name__ == "__main__":
    sys.exit("Start the worker with: python run.py worker")
