"""How the programs are, as a document and as lines for a terminal; both forms are fixed in docs/interfaces.md."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tracker import clock
from tracker.config import Config
from tracker.ops.program import RUNNING, Snapshot

_NAME, _STATE = 33, 10  # columns
SILENT = 30.0  # seconds: three heartbeats


def status_of(name: str, now: Snapshot) -> dict[str, Any]:
    """One program's part of the document; `uptime_s` is None without a process."""
    return {
        "name": name,
        "state": now.state,
        "pid": now.pid,
        "uptime_s": int(clock.monotonic() - now.since) if now.pid else None,
        "restarts": now.restarts,
        "exit_code": now.exit_code,
        "message": now.message,
    }


def offline_status(config: Config, names: Iterable[str] = ("web", "worker")) -> dict[str, Any]:
    """The same document when no supervisor runs: what runs by itself (service units) is known by its heartbeat."""
    programs = [status_of(name, Snapshot()) | _by_itself(config, name) for name in names]
    return {"running": False, "pid": None, "url": config.url, "programs": programs}


def _by_itself(config: Config, name: str) -> dict[str, Any]:
    if not config.ops.exists():
        return {}
    import psutil  # all here, because the supervisor uses this module and does without Peewee

    from tracker import db
    from tracker.ops import heartbeats

    db.open_ops(config.ops)
    try:
        beat, age = heartbeats.read(name), heartbeats.age(name)
    finally:
        db.ops.close_all()
    if beat is None or age is None or age > SILENT or not psutil.pid_exists(beat.pid):
        return {}
    return {"state": RUNNING, "pid": beat.pid, "uptime_s": int((clock.now() - beat.started_at).total_seconds())}


def status_lines(status: dict[str, Any]) -> list[str]:
    """A line for each program: `web                              RUNNING   pid 12, uptime 0:01:23`."""
    return [f"{one['name']:{_NAME}}{one['state']:{_STATE}}{_about(one)}".rstrip() for one in status["programs"]]


def _about(one: dict[str, Any]) -> str:
    if one["state"] == RUNNING:
        return f"pid {one['pid']}, uptime {timedelta(seconds=one['uptime_s'] or 0)}"
    return last_line(one["message"] or "")


def last_line(message: str) -> str:
    """What a program said last tells most; where it said nothing, that is our own sentence."""
    return next((line.strip() for line in reversed(message.splitlines()) if line.strip()), "")
