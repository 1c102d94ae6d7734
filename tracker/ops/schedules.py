"""When each job runs: one row per job, edited on a page without a restart, explained in words, with its next runs.

A slot is a local date and time of the shop. In a DST gap it runs at the first instant after it, in a repeated hour at
the first pass only, so there is exactly one slot a day in every zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import peewee
from cronsim import CronSim, CronSimError

from tracker import clock, db
from tracker.errors import NotFound, Refused
from tracker.ops import timetable
from tracker.shop import audit

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_WORDS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
LOOK_BACK = timedelta(days=400)
CRON_LOOK_BACK = timedelta(days=7)  # a cron line may fire every minute: older turns are not even counted


class Schedule(db.Model):
    """One job's hours. `seen_until`: every slot up to here was planned, missed or skipped."""

    id = None
    job = peewee.TextField(primary_key=True)
    at = peewee.TextField(default="")
    days = peewee.TextField(default="every")
    cron = peewee.TextField(default="")
    is_paused = peewee.BooleanField(default=False)
    seen_until = db.InstantField()
    changed_at = db.InstantField(null=True)
    changed_by = peewee.TextField(default="")
    default_at = peewee.TextField()
    default_days = peewee.TextField()
    default_cron = peewee.TextField()

    @property
    def words(self) -> str:
        """`Every day at 08:00`, `Mondays and Thursdays at 07:30`, or the cron line explained."""
        if self.cron:
            return str(CronSim(self.cron, clock.local()).explain())
        if self.days == "every":
            return f"Every day at {self.at}"
        named = [DAY_WORDS[DAYS.index(day)] for day in self.days.split(",")]
        listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
        return f"{listed} at {self.at}"


@dataclass(frozen=True)
class Slot:
    """One turn: its local name (`2026-11-23T08:00`, unique per job) and its instant."""

    name: str
    instant: datetime


def sync() -> None:
    """Take over the hours of `tasks.py` for schedules that nobody changed; make rows for new jobs."""
    known = {row.job: row for row in Schedule.select()} if timetable.declared() else {}
    for job, hours in timetable.declared().items():
        default = {"default_at": hours.at, "default_days": hours.days, "default_cron": hours.cron}
        shown = {"at": hours.at, "days": hours.days, "cron": hours.cron}
        row = known.get(job)
        if row is None:
            with db.write():  # two processes may start at once
                Schedule.insert(job=job, seen_until=clock.now(), **shown, **default).on_conflict_ignore().execute()
        elif (row.default_at, row.default_days, row.default_cron) != (hours.at, hours.days, hours.cron):
            new = default if row.changed_at else {**default, **shown, "seen_until": clock.now()}
            with db.write():
                Schedule.update(**new).where(Schedule.job == job).execute()


def get(job: str) -> Schedule:
    """Raises NotFound."""
    found = Schedule.get_or_none(Schedule.job == job)
    if found is None:
        unknown = job not in timetable.JOBS
        raise NotFound(f"There is no job named {job}." if unknown else "The worker has not started yet.")
    return found


def everything() -> list[Schedule]:
    """In the order of the timetable."""
    order = list(timetable.JOBS)
    return sorted(Schedule.select(), key=lambda row: order.index(row.job) if row.job in order else len(order))


# --- changing --------------------------------------------------------------------------------------------------------


def change(job: str, at: str = "", days: str = "every", cron: str = "") -> Schedule:
    """New hours, from now on: nothing fires for the time that passed. Raises Refused at `at`, `days` or `cron`."""
    hours = checked(at, days, cron)
    return _store(job, "schedule.change", at=hours.at, days=hours.days, cron=hours.cron, words=True)


def back_to_default(job: str) -> Schedule:
    """The hours of tasks.py again, and following them from now on."""
    row = get(job)
    hours = {"at": row.default_at, "days": row.default_days, "cron": row.default_cron}
    return _store(job, "schedule.default", **hours, changed_at=None, changed_by="", is_paused=False)


def pause(job: str) -> Schedule:
    return _store(job, "schedule.pause", is_paused=True, words=True)


def resume(job: str) -> Schedule:
    """Goes on with the next turn; those that passed meanwhile do not run."""
    return _store(job, "schedule.resume", is_paused=False, words=True)


def checked(at: str, days: str, cron: str) -> timetable.Hours:
    """Hours that make sense. Raises Refused with a sentence at the field."""
    if cron.strip():
        line = " ".join(cron.split())
        try:
            next(CronSim(line, clock.local()))
        except (CronSimError, StopIteration) as error:
            raise Refused(f"“{line}” is not a cron line that ever runs. Example: 30 7 * * 1-5.", "cron") from error
        if len(line.split()) != 5:
            raise Refused("A cron line here has five parts: minute, hour, day, month, weekday.", "cron")
        return timetable.Hours("", "every", line)
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", at.strip()):
        raise Refused("Write the time like 08:00, from 00:00 to 23:59.", "at")
    return timetable.Hours(at.strip(), _days(days), "")


def _days(days: str) -> str:
    if days.strip().lower() == "every":
        return "every"
    chosen = {part.strip().lower()[:3] for part in days.split(",") if part.strip()}
    if not chosen:
        raise Refused("Choose at least one day.", "days")
    if not chosen <= set(DAYS):
        raise Refused(f"Days are {', '.join(DAYS)}, or every.", "days")
    return "every" if len(chosen) == len(DAYS) else ",".join(day for day in DAYS if day in chosen)


def _store(job: str, action: str, words: bool = False, **values: Any) -> Schedule:
    now = clock.now()
    if words:
        values |= {"changed_at": now, "changed_by": audit.actor().name}
    with db.write():
        get(job)
        Schedule.update(seen_until=now, **values).where(Schedule.job == job).execute()
        audit.note(action, f"job:{job}", **{k: v for k, v in values.items() if k in ("at", "days", "cron")})
    return get(job)


# --- slots -----------------------------------------------------------------------------------------------------------


def slots(schedule: Schedule | timetable.Hours, after: datetime, until: datetime) -> list[Slot]:
    """The turns in the half-open range (after, until], oldest first."""
    start = max(after, until - (CRON_LOOK_BACK if schedule.cron else LOOK_BACK))
    found = []
    for slot in _from(schedule, start):
        if slot.instant > until:
            break
        if slot.instant > after:
            found.append(slot)
    return found


def next_runs(schedule: Schedule | timetable.Hours, count: int = 3, after: datetime | None = None) -> list[datetime]:
    """The next instants (UTC), for the page; none while it never fires."""
    start = after or clock.now()
    found: list[datetime] = []
    for slot in _from(schedule, start):
        if slot.instant > start:
            found.append(slot.instant)
        if len(found) == count or slot.instant > start + LOOK_BACK:
            break
    return found[:count]


def _from(schedule: Schedule | timetable.Hours, start: datetime) -> Iterator[Slot]:
    return _cron_slots(schedule.cron, start) if schedule.cron else _daily_slots(schedule.at, schedule.days, start)


def _daily_slots(at: str, days: str, start: datetime) -> Iterator[Slot]:
    hour = time.fromisoformat(at)
    wanted = set(DAYS) if days == "every" else set(days.split(","))
    day = clock.local(start).date() - timedelta(days=1)
    while True:
        if DAYS[day.weekday()] in wanted:
            yield Slot(f"{day}T{at}", clock.instant(day, hour))
        day += timedelta(days=1)


def _cron_slots(line: str, start: datetime) -> Iterator[Slot]:
    seen = ""
    for moment in CronSim(line, clock.local(start)):
        name = moment.strftime("%Y-%m-%dT%H:%M")
        if name > seen:  # the second pass of a repeated hour bears names that were there already
            seen = name
            yield Slot(name, moment.astimezone(UTC))
