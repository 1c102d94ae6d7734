"""Runs one job run from claim to finish; used by the worker, and by `run.py job` when no worker is alive."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType
from typing import Any

from tracker import crashes, db
from tracker import log as logs
from tracker.errors import Busy
from tracker.ops import job_runs, timetable
from tracker.ops.job_runs import JobRun, Superseded
from tracker.shop import audit, outbox, settings

log = logging.getLogger(__name__)


def module(job: str) -> ModuleType:
    """The job's own module; mail and backups are imported when first needed."""
    return importlib.import_module(f"tracker.jobs.{job}")


def preview(job: str) -> dict[str, Any]:
    """What the job would do now; writes nothing. Raises NotFound for an unknown job."""
    if job not in timetable.JOBS:
        job_runs.request(job)  # raises with the sentence
    return module(job).preview()  # type: ignore[no-any-return]


def run_due(owner: str, run_id: int | None = None, job: str | None = None) -> JobRun | None:
    """Claim and run that run, or the job's oldest due one. None when there is nothing to do (any more)."""
    run = job_runs.claim(owner, run_id, job)
    if run is None:
        return None
    token = logs.context.set(f"run:{run.id}")
    try:
        with audit.acting(audit.Actor()):
            settings.load()
            return _carried_out(run)
    finally:
        logs.context.reset(token)
        db.release()


def _carried_out(run: JobRun) -> JobRun | None:
    crashes.at("run.claimed")
    try:
        finish = module(run.job).run(run)
        crashes.at("run.asked")
        ended = job_runs.finish(run, finish)
        crashes.at("run.finished")
    except Superseded as error:
        log.warning("%s", error)
        return None
    except Exception as error:
        log.exception("%s failed", run.job)
        return job_runs.fail(run, error)
    log.info("%s: %s", run.job, ended.result)
    return ended


def deliver_mail(owner: str) -> None:
    """A run of mail_delivery, if mail is due and none is running."""
    schedule_paused = bool(db.rows("SELECT 1 FROM schedule WHERE job = 'mail_delivery' AND is_paused"))
    if schedule_paused or not outbox.waiting():
        return
    try:
        run = job_runs.request("mail_delivery", trigger="schedule")
    except Busy:
        return  # it will see the new mail, or the sweeper will
    run_due(owner, run.id)
