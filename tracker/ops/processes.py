"""The processes as the Health page shows them: the supervisor's word, their heartbeats, and the restart button."""

from __future__ import annotations

import platform
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

import tracker
from tracker import clock, db, taskqueue
from tracker.config import Config
from tracker.errors import NotFound, Refused, ShopError
from tracker.ops import control, heartbeats, logfiles
from tracker.shop import audit

NAMES = ("web", "worker")
LOGS = ("web", "web_error", "worker", "worker_error", "supervisor")
SILENT = 30.0  # seconds: three heartbeats


@dataclass(frozen=True)
class Process:
    """One process. `state` is the supervisor's word, or `alive`, `silent`, `off` where each runs on its own."""

    name: str
    state: str
    pid: int | None
    since: datetime | None
    restarts: int
    message: str
    memory: int | None  # bytes
    cpu_seconds: float | None
    beat_age: float | None

    @property
    def up_seconds(self) -> float | None:
        return (clock.now() - self.since).total_seconds() if self.since else None

    @property
    def is_well(self) -> bool:
        return self.state in ("RUNNING", "alive") and (self.beat_age is None or self.beat_age < SILENT)


@dataclass(frozen=True)
class Facts:
    """What a technician asks first. Sizes in bytes."""

    version: str
    python: str
    sqlite: str
    journal: str
    books_size: int
    disk_free: int
    queue: int
    data: Path
    zone: str


def worker_state() -> str:
    """`ok`, `off` (left properly, or never started), or `silent`."""
    age = heartbeats.age("worker")
    if age is None:
        return "off"
    return "ok" if age < SILENT else "silent"


def is_supervised(config: Config) -> bool:
    return control.control_file(config).exists()


def listing(config: Config) -> list[Process]:
    """Web and worker, with or without a supervisor."""
    known: dict[str, dict[str, object]] = {}
    with suppress(ShopError):
        known = {one["name"]: one for one in control.call(config, "status")["programs"]}
    return [_process(name, known.get(name, {})) for name in NAMES]


def _process(name: str, told: dict[str, object]) -> Process:
    beat, age = heartbeats.read(name), heartbeats.age(name)
    by_itself = "off" if age is None else "alive" if age < SILENT else "silent"
    memory = seconds = None
    if beat:
        with suppress(psutil.Error):
            process = psutil.Process(beat.pid)
            times = process.cpu_times()
            memory, seconds = process.memory_info().rss, times.user + times.system
    return Process(
        name=name,
        state=str(told.get("state") or by_itself),
        pid=beat.pid if beat else None,
        since=beat.started_at if beat else None,
        restarts=int(str(told.get("restarts") or 0)),
        message=str(told.get("message") or ""),
        memory=memory,
        cpu_seconds=seconds,
        beat_age=age,
    )


def restart(config: Config, name: str) -> None:
    """Ask the supervisor to restart one program, and come back at once: the asker may be the one that is restarted.

    Raises NotFound for an unknown name, Refused when no supervisor runs.
    """
    if name not in NAMES:
        raise NotFound("There is no such process.")
    try:
        control.call(config, "status")
    except control.NotRunning as error:
        raise Refused("run.py does not run here, so restart it where it was started.") from error
    with db.write():
        audit.note("process.restart", f"process:{name}")
    threading.Timer(0.3, _ask, (config, name)).start()


def _ask(config: Config, name: str) -> None:
    with suppress(ShopError):
        control.call(config, "restart", name=name)


def log_tail(config: Config, name: str, lines: int = 200) -> list[str]:
    """The last lines of a log. Raises NotFound for a name that is none of ours."""
    if name not in LOGS:
        raise NotFound("There is no such log.")
    return logfiles.tail(config.logs / f"{name}.log", lines)


def facts(config: Config) -> Facts:
    return Facts(
        version=tracker.__version__,
        python=platform.python_version(),
        sqlite=db.sqlite3.sqlite_version,
        journal=str(db.books.pragma("journal_mode")).upper(),
        books_size=config.books.stat().st_size,
        disk_free=psutil.disk_usage(str(config.data)).free,
        queue=taskqueue.length(),
        data=config.data,
        zone=str(clock.zone()),
    )
