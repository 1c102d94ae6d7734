"""What makes a process the data folder's one worker: the lock, the recovery, the heartbeat and the sweeper.

Called by our Huey class when a consumer is created, so that `run.py worker` and a bare `huey_consumer tasks.huey`
behave alike.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable

from tracker import clock, config, db, taskqueue
from tracker import log as logs
from tracker.errors import Busy, ShopError
from tracker.files import Lock
from tracker.jobs import runner
from tracker.ops import heartbeats, job_runs, snapshots, timetable
from tracker.ops.planner import Planner
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import notifications, outbox, settings
from tracker.shop.notifications import Notice

log = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
HINT_AGAIN_SECONDS = 30.0  # a hint that brought nothing is sent again
LOCK_PATIENCE = 3.0
STUCK_EXIT = 70  # the code of a worker that leaves because a job hangs; the supervisor replaces it


class Worker:
    """This process's part in it; there is one per process."""

    def __init__(self) -> None:
        self.owner = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.planner = Planner(needed=lambda job: job != "mail_delivery" or outbox.waiting())
        self._planning = threading.Lock()
        self._ended = threading.Event()
        self._hinted: dict[tuple[str, int], float] = {}
        self._lock: Lock | None = None
        self._stop_beating: Callable[[], None] | None = None
        self._sweeper: threading.Thread | None = None

    # --- begin and leave ---

    def begin(self, settings_: config.Config | None = None) -> None:
        """Become the worker. Leaves the process with a sentence and the right code when that can't be."""
        try:
            self.take_over(settings_ or config.load())
        except ShopError as error:
            print(error.message, file=sys.stderr)
            sys.exit({Busy: 75}.get(type(error), 78 if error.status == 500 else 1))
        self._stop_beating = heartbeats.start_beating("worker", boot_id=self.owner)
        log.info("the worker has begun, pid %s", os.getpid())
        self._sweeper = threading.Thread(target=self._sweep_on, name="sweeper", daemon=True)
        self._sweeper.start()

    def take_over(self, settings_: config.Config) -> None:
        """Lock, open, recover. Raises Busy when another worker lives on this folder."""
        open_shop(settings_)
        self._lock = lock(settings_)
        try:
            self._lock.acquire(f"pid {os.getpid()}", patience=LOCK_PATIENCE)
        except Busy as busy:
            who = f", {busy.message}" if busy.message else ""
            raise Busy(f"Another worker runs on this data folder already{who}. This one leaves.") from busy
        runs, mails = job_runs.recover(self.owner), outbox.recover(self.owner)
        if runs or mails:
            log.warning("taken over from a worker that stopped: %d runs, %d mails", runs, mails)

    def leave(self, close: bool = True) -> None:
        """At a proper end: nothing beats, sweeps or holds a file any more (the books stay open unless `close`)."""
        self._ended.set()
        if self._sweeper:
            self._sweeper.join(10)
        if self._stop_beating:
            self._stop_beating()
        if close:
            close_shop(leave_snapshot=True)
        if self._lock:
            self._lock.release()

    # --- what the tasks call ---

    def plan(self, job: str) -> bool:
        """For a periodic task's validator: plan this job, say whether a run of it is due. Never raises."""
        try:
            with self._planning:
                self.planner.plan(job)
            return any(name == job for _, name in job_runs.due())
        except Exception:
            log.exception("planning %s", job)
            return False
        finally:
            db.release()

    def run(self, run_id: int | None = None, job: str | None = None) -> None:
        runner.run_due(self.owner, run_id, job)
        runner.deliver_mail(self.owner)

    def deliver(self) -> None:
        runner.deliver_mail(self.owner)

    # --- the sweeper ---

    def _sweep_on(self) -> None:
        while not self._ended.is_set():
            try:
                self.sweep()
            except Exception:  # the next sweep tries again; a dead sweeper would be silent
                log.exception("sweeping")
            finally:
                db.release()
            self._ended.wait(SWEEP_SECONDS)

    def sweep(self) -> None:
        """Plan what is due, hint at what waits, watch for what hangs, keep the snapshots fresh."""
        settings.load()
        with self._planning:
            self.planner.plan()
        for run_id, _ in job_runs.due():
            self._hint("run", run_id)
        if outbox.waiting():
            self._hint("mail", 0)
        self._watch_stuck()
        snapshots.take_if_due(config.load())

    def _hint(self, kind: str, row: int) -> None:
        now = time.monotonic()
        if now - self._hinted.get((kind, row), -HINT_AGAIN_SECONDS) >= HINT_AGAIN_SECONDS:
            taskqueue.enqueue(kind, row)
            self._hinted[kind, row] = now
        if len(self._hinted) > 1000:
            self._hinted = {key: at for key, at in self._hinted.items() if now - at < HINT_AGAIN_SECONDS}

    def _watch_stuck(self) -> None:
        for run in job_runs.stuck():
            job = timetable.JOBS[run.job]
            words = f"“{job.title}” has been running since {clock.local(run.started_at):%H:%M} and seems stuck."
            notifications.tell_all("problem", [Notice(f"stuck:{run.id}", words, "/health", "critical")])
            if run.deadline_at + job.deadline < clock.now():  # threads can't be killed, processes can
                log.error("%s The worker leaves on purpose to be replaced.", words)
                logs.flush()
                os._exit(STUCK_EXIT)


def lock(settings_: config.Config) -> Lock:
    """The lock that the one worker of a data folder holds."""
    return Lock(settings_.data / "worker.lock")


def is_alive(settings_: config.Config) -> bool:
    return lock(settings_).is_held()
