"""`run.py job NAME`: hands the run to a live worker and waits; with none alive it takes the worker's place."""

from __future__ import annotations

import time

from tracker.config import Config
from tracker.errors import Busy
from tracker.jobs import worker
from tracker.ops import job_runs, schedules
from tracker.ops.job_runs import JobRun
from tracker.shop import outbox
from tracker.shop.outbox import Mail

PATIENCE = 600.0  # seconds to wait for a live worker before saying that it goes on by itself
LOOK_EVERY = 0.1


def carry_out(config: Config, job: str, again: bool = False, wait: bool = True) -> JobRun:
    """Run a job now, never two at once. Raises NotFound, or Busy when it is running already."""
    if worker.is_alive(config):
        run = job_runs.request(job, again=again)
        return wait_for(run) if wait else run
    return _in_the_workers_place(config, job, again)


def _in_the_workers_place(config: Config, job: str, again: bool) -> JobRun:
    stand_in = worker.Worker()
    stand_in.take_over(config)
    try:
        run = job_runs.request(job, again=again)
        stand_in.run(run.id)
        return job_runs.get(run.id)
    finally:
        stand_in.leave(close=False)


def wait_for(run: JobRun) -> JobRun:
    """Until the run has ended (or waits for a later attempt) and its mails were tried. Raises Busy after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = job_runs.get(run.id)
        if (seen.is_over or seen.waits_for_retry) and not _mails_untried(seen):
            return seen
        time.sleep(LOOK_EVERY)
    raise Busy(f"It still runs after {PATIENCE / 60:.0f} minutes; `run.py jobs {run.job} --runs` shows how it ends.")


def not_sent(run: JobRun) -> list[Mail]:
    """The mails of a run that are not out: waiting, failed or unsure."""
    return [mail for mail in job_runs.mails(run.id) if mail.state != "sent"]


def _mails_untried(run: JobRun) -> bool:
    untried = (Mail.state == "sending") | ((Mail.state == "queued") & (Mail.attempt == 0))
    return Mail.select().where(Mail.run_id == run.id, untried).exists() and not _mail_stands_still()


def _mail_stands_still() -> bool:
    return outbox.paused() is not None or schedules.get("mail_delivery").is_paused
