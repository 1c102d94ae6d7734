"""The ledger of what ran: every run of a job is a row, claimed by one worker, finished together with its effects.

At most one queued or running run of a job, one run per job and slot; both are unique indexes. An attempt is counted
before it starts, so a job that kills its worker ends; a finish is fenced by owner and attempt, so a thread that wakes
late can't overwrite what came after.
"""

from __future__ import annotations

import json
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import peewee

from tracker import clock, crashes, db
from tracker.errors import Busy, NotFound, Refused, ShopError
from tracker.ops import timetable
from tracker.shop import audit, notifications
from tracker.shop.notifications import Notice
from tracker.shop.outbox import Mail

PAUSES = (1, 2, 4, 8, 15, 30, 60)  # minutes between attempts
KEPT_DAYS, FAILED_KEPT_DAYS = 90, 365
STATES = ("queued", "running", "done", "failed", "missed", "cancelled")


class JobRun(db.Model):
    """One run of one job."""

    job = peewee.TextField()
    slot = peewee.TextField(null=True)
    trigger = peewee.TextField()
    options = peewee.TextField(default="")
    asked_by = peewee.TextField(default="")
    state = peewee.TextField()
    attempt = peewee.IntegerField(default=0)
    owner = peewee.TextField(null=True)
    due_at = db.InstantField()
    planned_at = db.InstantField(null=True)
    deadline_at = db.InstantField(null=True)
    created_at = db.InstantField()
    started_at = db.InstantField(null=True)
    ended_at = db.InstantField(null=True)
    outcome = peewee.TextField(null=True)
    result = peewee.TextField(default="")
    counts = peewee.TextField(default="")
    note = peewee.TextField(default="")
    error = peewee.TextField(default="")
    trace = peewee.TextField(default="")

    @property
    def again(self) -> bool:
        """Whether a person asked for it although it went out already today."""
        return "again" in self.options.split()

    @property
    def counted(self) -> dict[str, int]:
        return json.loads(self.counts) if self.counts else {}

    @property
    def is_over(self) -> bool:
        return self.state not in ("queued", "running")

    @property
    def waits_for_retry(self) -> bool:
        """Whether it failed and will be tried again at `due_at`."""
        return self.state == "queued" and self.attempt > 0 and self.due_at > clock.now()

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at and self.started_at else None

    @property
    def is_stuck(self) -> bool:
        return bool(self.state == "running" and self.deadline_at and self.deadline_at < clock.now())

    def as_json(self) -> dict[str, Any]:
        """The document of `run.py job NAME --json`."""
        return {
            "job": self.job,
            "run_id": self.id,
            "state": self.outcome or ("failed" if self.waits_for_retry else self.state),
            "slot": self.slot,
            "trigger": self.trigger,
            "result": self.result or self.error,
            "counts": {"mails": 0, "notices": 0} | self.counted,
        }


@dataclass(frozen=True)
class Work:
    """What a run did, in one sentence for people and in counts for programs."""

    result: str
    outcome: str = "done"  # or "nothing", or "failed": it ran, and what it found needs somebody
    counts: dict[str, int] = field(default_factory=dict)


Finish = Callable[[], Work]  # writes a job's effects; called inside the transaction that completes the run


class Superseded(Exception):
    """This thread no longer holds the run: its effects are rolled back."""


# --- asking ----------------------------------------------------------------------------------------------------------


def request(job: str, trigger: str = "hand", again: bool = False) -> JobRun:
    """Queue a run now. Raises NotFound for an unknown job, Busy when one is queued or running."""
    if job not in timetable.JOBS:
        raise NotFound(f"There is no job named {job}.")
    now = clock.now()
    with db.write():
        waiting = active(job)
        if waiting and waiting.state == "queued" and waiting.due_at > now:
            # A retry that waits for its time is what was asked for: it runs now.
            options = "again" if again else waiting.options
            change = {"due_at": now, "asked_by": audit.actor().name, "options": options}
            JobRun.update(**change).where(JobRun.id == waiting.id).execute()
            run = get(waiting.id)
        elif waiting:
            since = clock.local(waiting.started_at or waiting.created_at)
            raise Busy(f"“{timetable.JOBS[job].title}” is already running, since {since:%H:%M:%S}.")
        else:
            run = JobRun.create(
                job=job,
                trigger=trigger,
                options="again" if again else "",
                asked_by=audit.actor().name,
                state="queued",
                due_at=now,
                created_at=now,
            )
        if trigger != "schedule":
            audit.note("job.run", f"job:{job}", run=run.id, again=again)
        db.wake("run", run.id)
    return run


def retry(run_id: int) -> JobRun:
    """Run a failed or missed one again, as a run of its own. Raises Refused, Busy."""
    old = get(run_id)
    if old.state not in ("failed", "missed", "cancelled"):
        raise Refused("Only a run that failed or was missed can be tried again.")
    return request(old.job, trigger="retry")


def cancel(run_id: int) -> None:
    """Take a waiting run back. Raises Refused when it runs already."""
    with db.write():
        done = JobRun.update(state="cancelled", ended_at=clock.now()).where(
            JobRun.id == run_id, JobRun.state == "queued"
        )
        if not done.execute():
            get(run_id)
            raise Refused("It is too late: this run no longer waits.")
        audit.note("job.cancel", f"run:{run_id}")


# --- the worker ------------------------------------------------------------------------------------------------------


def claim(owner: str, run_id: int | None = None, job: str | None = None) -> JobRun | None:
    """Take a due run (that one, or the job's oldest) for this worker; None when there is none to take."""
    now = clock.now()
    due = (JobRun.state == "queued") & (JobRun.due_at <= now)
    due &= (JobRun.id == run_id) if run_id else (JobRun.job == job)
    with db.write():
        run = JobRun.select().where(due).order_by(JobRun.due_at, JobRun.id).first()
        if run is None:
            return None
        deadline = now + timetable.JOBS[run.job].deadline
        JobRun.update(
            state="running", owner=owner, attempt=JobRun.attempt + 1, started_at=now, deadline_at=deadline
        ).where(JobRun.id == run.id).execute()
        return get(run.id)


def finish(run: JobRun, write_effects: Finish) -> JobRun:
    """The job's notices and mails and the run's completion, in one transaction. Raises Superseded."""
    with db.write():
        if not _mine(run, state="done", ended_at=clock.now()):
            raise Superseded(f"run {run.id} of {run.job} belongs to somebody else now")
        work = write_effects()
        failed = work.outcome == "failed"
        JobRun.update(
            state="failed" if failed else "done",
            outcome=work.outcome,
            result=work.result,
            counts=json.dumps(work.counts),
            error=work.result if failed else "",
        ).where(JobRun.id == run.id).execute()
        if failed:
            _tell_failed(run, work.result)
        crashes.at("run.finishing")
    return get(run.id)


def fail(run: JobRun, error: BaseException) -> JobRun:
    """An exception: again later while attempts are left, else failed, and the admins are told. Never swallowed."""
    job = timetable.JOBS[run.job]
    words = error.message if isinstance(error, ShopError) else f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    with db.write():
        if run.attempt < job.attempts:
            minutes = PAUSES[min(run.attempt, len(PAUSES)) - 1]
            due = clock.now() + timedelta(seconds=60 * minutes * random.uniform(0.9, 1.1))
            _mine(run, state="queued", owner=None, due_at=due, error=words, trace=trace)
        elif _mine(run, state="failed", outcome="failed", ended_at=clock.now(), error=words, trace=trace):
            _tell_failed(run, words)
    return get(run.id)


def recover(owner: str) -> int:
    """At a worker's start: runs of a worker that died go back to the queue, or fail when out of attempts."""
    with db.write():
        orphans = list(JobRun.select().where(JobRun.state == "running", JobRun.owner != owner))
        for run in orphans:
            at = f"{clock.local(run.started_at):%H:%M:%S}"
            if run.attempt < max(2, timetable.JOBS[run.job].attempts):
                note = _joined(run.note, f"interrupted at {at}, started again")
                change: dict[str, Any] = {"state": "queued", "owner": None, "due_at": clock.now(), "note": note}
            else:
                error = f"It was interrupted {run.attempt} times, the last time at {at}."
                change = {"state": "failed", "outcome": "failed", "ended_at": clock.now(), "error": error}
                _tell_failed(run, error)
            JobRun.update(**change).where(JobRun.id == run.id).execute()
    return len(orphans)


def plan(
    job: str, slot: str, planned_at: datetime, trigger: str, note: str, due_at: datetime, missed: bool = False
) -> JobRun | None:
    """Insert a slot's run; None when this slot was there already. A missed one is told to the admins."""
    now = clock.now()
    with db.write():
        added = (
            JobRun.insert(
                job=job,
                slot=slot,
                trigger=trigger,
                state="missed" if missed else "queued",
                due_at=due_at,
                planned_at=planned_at,
                created_at=now,
                ended_at=now if missed else None,
                note=note,
            )
            .on_conflict_ignore()
            .as_rowcount()
            .execute()
        )
        if not added:
            return None
        run = JobRun.get(JobRun.job == job, JobRun.slot == slot)
        if missed:
            title = timetable.JOBS[job].title
            notices = [Notice(f"missed:{job}", f"“{title}” did not run: {note}.", "/health", "warning")]
            notifications.tell_all("problem", notices)
        else:
            db.wake("run", run.id)
    return run


# --- questions -------------------------------------------------------------------------------------------------------


def get(run_id: int) -> JobRun:
    """Raises NotFound."""
    run = JobRun.get_or_none(JobRun.id == run_id)
    if run is None:
        raise NotFound("There is no such run.")
    return run


def active(job: str) -> JobRun | None:
    """The one queued or running run of a job."""
    return JobRun.get_or_none((JobRun.job == job) & JobRun.state.in_(("queued", "running")))


def due() -> list[tuple[int, str]]:
    """(id, job) of queued runs whose time has come."""
    sql = "SELECT id, job FROM job_run WHERE state = 'queued' AND due_at <= ? ORDER BY due_at, id"
    return [(row[0], row[1]) for row in db.rows(sql, db.instant_text(clock.now()))]


def stuck() -> list[JobRun]:
    """Running for longer than their deadline."""
    return list(JobRun.select().where(JobRun.state == "running", JobRun.deadline_at < clock.now()))


def last(job: str) -> JobRun | None:
    """The newest run that is over."""
    over = JobRun.state.in_(("done", "failed", "missed"))
    return JobRun.select().where(JobRun.job == job, over).order_by(JobRun.id.desc()).first()


def history(job: str | None = None, states: tuple[str, ...] = STATES, limit: int = 50) -> list[JobRun]:
    """Newest first."""
    where = JobRun.state.in_(states)
    if job:
        where &= JobRun.job == job
    return list(JobRun.select().where(where).order_by(JobRun.id.desc()).limit(limit))


def mails(run_id: int) -> list[Mail]:
    """What this run put into the outbox."""
    return list(Mail.select().where(Mail.run_id == run_id).order_by(Mail.id))


def prune() -> int:
    """Drop runs older than 90 days, failed ones after a year. Returns how many went."""
    now = clock.now()
    with db.write():
        old = (JobRun.ended_at < now - timedelta(days=KEPT_DAYS)) & (JobRun.state != "failed")
        older = JobRun.ended_at < now - timedelta(days=FAILED_KEPT_DAYS)
        return int(JobRun.delete().where(old | older).execute())


def _mine(run: JobRun, **values: Any) -> bool:
    where = (JobRun.id == run.id) & (JobRun.state == "running") & (JobRun.owner == run.owner)
    return bool(JobRun.update(**values).where(where & (JobRun.attempt == run.attempt)).execute())


def _tell_failed(run: JobRun, words: str) -> None:
    title = timetable.JOBS[run.job].title
    message = f"“{title}” failed: {words}"
    notifications.tell_all("problem", [Notice(f"failed:{run.job}", message[:480], "/health", "critical")])


def _joined(note: str, more: str) -> str:
    return f"{note}; {more}" if note else more
