"""Turns hours into runs: which slots have come since the last look, which of them still runs, which was missed.

Any process may call it, any number at once: the unique slot decides. Rules: docs/decisions.md, "time".
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracker import clock, db
from tracker.ops import job_runs, schedules, timetable
from tracker.ops.schedules import Schedule

log = logging.getLogger(__name__)

ON_TIME = timedelta(minutes=2)  # later than this is late, and says why
JUMP = timedelta(hours=1)  # a wall clock that ran ahead of the monotonic one by more is looked at twice


@dataclass
class _Look:
    wall: datetime
    steady: float


class Planner:
    """Keeps what one process saw of the clock, so that a jump is believed only when two looks agree."""

    def __init__(self, needed: Callable[[str], bool] = lambda job: True) -> None:
        self.needed = needed
        self._last: _Look | None = None

    def plan(self, only: str | None = None) -> int:
        """Insert the runs that are due. Returns how many. Raises nothing but database errors."""
        if self._clock_in_doubt():
            return 0
        planned = 0
        for schedule in list(Schedule.select()):
            if schedule.job in timetable.JOBS and only in (None, schedule.job):
                planned += self._plan_job(schedule)
        return planned

    def _clock_in_doubt(self) -> bool:
        """A jump of more than an hour (sleep, a wrong clock) waits until the next look confirms it."""
        now = _Look(clock.now(), clock.monotonic())
        before, self._last = self._last, now
        if before is None:
            return False
        drift = (now.wall - before.wall) - timedelta(seconds=now.steady - before.steady)
        if abs(drift) <= JUMP:
            return False
        log.warning("the PC's clock moved by %s between two looks; waiting for a second look", drift)
        return True

    def _plan_job(self, schedule: Schedule) -> int:
        now = clock.now()
        if schedule.seen_until > now:
            self._clock_was_set_back(schedule, now)
            return 0
        if schedule.is_paused:
            return 0
        turns = schedules.slots(schedule, schedule.seen_until, now)
        if not turns:
            return 0
        job = timetable.JOBS[schedule.job]
        if job.only_when_needed and not self.needed(job.name):
            return self._seen(schedule, now)
        if job_runs.active(job.name):
            return 0  # the turn stays due until the run before it has ended
        newest, late = turns[-1], now - turns[-1].instant
        note = _note(schedule, late, len(turns) - 1)
        missed = job.grace is not None and late > job.grace
        on_time = late <= ON_TIME
        due_at = now if on_time or missed else now + job.after_start
        with db.write():
            run = job_runs.plan(
                job.name,
                newest.name,
                newest.instant,
                "schedule" if on_time else "catch-up",
                note,
                due_at,
                missed,
            )
            self._seen(schedule, now)
        return int(run is not None and not missed)

    def _seen(self, schedule: Schedule, now: datetime) -> int:
        # Only forward, and only from where it was read: two planners, or an edit in between, don't undo each other.
        with db.write():
            Schedule.update(seen_until=now).where(
                Schedule.job == schedule.job, Schedule.seen_until == schedule.seen_until
            ).execute()
        return 0

    def _clock_was_set_back(self, schedule: Schedule, now: datetime) -> None:
        """What ran under the wrong clock stays recorded (no slot runs twice); what it called missed is forgotten."""
        log.warning("the PC's clock was set back; the schedule of %s goes on from now", schedule.job)
        with db.write():
            future = job_runs.JobRun.planned_at > now
            job_runs.JobRun.delete().where(
                job_runs.JobRun.job == schedule.job, job_runs.JobRun.state == "missed", future
            ).execute()
            Schedule.update(seen_until=now).where(Schedule.job == schedule.job).execute()


def _note(schedule: Schedule, late: timedelta, earlier: int) -> str:
    parts = []
    if late > ON_TIME:
        at = clock.local(clock.now() - late)
        parts.append(f"the computer was off or asleep at {at:%H:%M} on {at:%A %d %B}")
    if earlier:
        parts.append(f"{earlier} earlier turn{'s' if earlier > 1 else ''} skipped")
    return "; ".join(parts)
