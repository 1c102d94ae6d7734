"""What the Health page shows of the jobs: hours, last run, next run and thirty days at a glance; questions only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tracker import clock, db
from tracker.ops import job_runs, schedules, timetable
from tracker.ops.job_runs import JobRun
from tracker.ops.schedules import Schedule
from tracker.ops.timetable import Job

DAYS = 30
_BAR = {"done": "ok", "running": "ok", "queued": "ok", "failed": "bad", "missed": "bad", "cancelled": "none"}


@dataclass(frozen=True)
class Row:
    """One job. `strip`: a bar a day, (kind, sentence), oldest first; empty for jobs that run all day long."""

    job: Job
    schedule: Schedule
    next_at: datetime | None
    last: JobRun | None
    active: JobRun | None
    strip: tuple[tuple[str, str], ...]

    @property
    def is_late(self) -> bool:
        return bool(self.last and self.last.trigger == "catch-up" and self.last.state == "done")

    @property
    def strip_words(self) -> str:
        bad = sum(kind == "bad" for kind, _ in self.strip)
        late = sum(kind == "warn" for kind, _ in self.strip)
        ran = sum(kind in ("ok", "warn") for kind, _ in self.strip)
        return f"Last {DAYS} days: ran on {ran}, late on {late}, failed or missed on {bad}"


def rows() -> list[Row]:
    """Every job in the order of the timetable; three statements, whatever the number of jobs."""
    newest = _newest()
    active = {run.job: run for run in JobRun.select().where(JobRun.state.in_(("queued", "running")))}
    days = _days()
    found = []
    for schedule in schedules.everything():
        job = timetable.JOBS.get(schedule.job)
        if job is None:
            continue
        coming = None if schedule.is_paused or job.only_when_needed else schedules.next_runs(schedule, 1)
        strip = () if job.only_when_needed else _strip(days.get(job.name, {}))
        found.append(
            Row(job, schedule, coming[0] if coming else None, newest.get(job.name), active.get(job.name), strip)
        )
    return found


def next_reminder() -> tuple[Job, datetime] | None:
    """The next run of the two that tell people something, for the sentence on top."""
    told = [row for row in schedules.everything() if row.job in ("debt_reminders", "reorder_alerts")]
    coming = [
        (timetable.JOBS[row.job], moment) for row in told if not row.is_paused for moment in schedules.next_runs(row, 1)
    ]
    return min(coming, key=lambda pair: pair[1], default=None)


def _newest() -> dict[str, JobRun]:
    """The last run of each job that is over."""
    ids = [
        row[0]
        for row in db.rows("SELECT max(id) FROM job_run WHERE state IN ('done', 'failed', 'missed') GROUP BY job")
    ]
    return {run.job: run for run in JobRun.select().where(JobRun.id.in_(ids))}


def _days() -> dict[str, dict[date, tuple[str, str]]]:
    since = db.instant_text(clock.now() - timedelta(days=DAYS))
    sql = """SELECT job, coalesce(planned_at, created_at), state, trigger, result FROM job_run
        WHERE created_at >= ? AND job <> 'mail_delivery' ORDER BY id"""
    found: dict[str, dict[date, tuple[str, str]]] = {}
    for job, at, state, trigger, result in db.rows(sql, since):
        day = clock.local(datetime.fromisoformat(at)).date()
        kind = "warn" if state == "done" and trigger == "catch-up" else _BAR[state]
        words = f"{day:%a} {day.day} {day:%b}: {result or state}"
        before = found.setdefault(job, {}).get(day)
        if before is None or before[0] != "bad":
            found[job][day] = (kind, words)
    return found


def _strip(days: dict[date, tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    today = clock.today()
    listed = (today - timedelta(days=back) for back in range(DAYS - 1, -1, -1))
    return tuple(days.get(day, ("none", f"{day:%a} {day.day} {day:%b}: not run")) for day in listed)


def runs(job: str, limit: int = 50) -> list[JobRun]:
    """The history of one job, newest first. Raises NotFound."""
    schedules.get(job)
    return job_runs.history(job, limit=limit)
