"""Who is alive: a row per process in `ops.sqlite3`, renewed every ten seconds; the file may vanish at any time.

A clock that is set must not make a live process look dead, nor a dead one alive. So each beat also counts up, and a
reader remembers, on its own monotonic clock, when it saw the count change: the age by the wall clock is held between
"at least as long as I have seen this very beat" and "no longer than since I last saw the one before".
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import peewee

import tracker
from tracker import clock, db
from tracker.ops.health import beat_file

log = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS process (
    name TEXT PRIMARY KEY, pid INT NOT NULL, boot_id TEXT NOT NULL, started_at TEXT NOT NULL, beat_at TEXT NOT NULL,
    version TEXT NOT NULL, beats INT NOT NULL
) STRICT"""
_BEAT = """
INSERT INTO process (name, pid, boot_id, started_at, beat_at, version, beats) VALUES (?, ?, ?, ?, ?, ?, 1)
ON CONFLICT (name) DO UPDATE SET pid = excluded.pid, beat_at = excluded.beat_at, version = excluded.version,
    started_at = CASE WHEN boot_id = excluded.boot_id THEN started_at ELSE excluded.started_at END,
    beats = CASE WHEN boot_id = excluded.boot_id THEN beats + 1 ELSE 1 END, boot_id = excluded.boot_id"""


@dataclass(frozen=True)
class Process:
    """One row: who it is, since when, and when it last said so. `beats` counts up within one `boot_id`."""

    name: str
    pid: int
    boot_id: str
    started_at: datetime
    beat_at: datetime
    version: str
    beats: int


@dataclass
class _Look:
    """What a reader knows of a process: the beat it saw last, since when, and when it last saw the one before."""

    mark: tuple[str, int]
    since: float
    not_before: float | None = None
    last_look: float = 0.0


_looks: dict[str, _Look] = {}
_looks_lock = threading.Lock()
_mine = threading.local()


def beat(name: str, boot_id: str) -> None:
    """Say that this process is alive under this name. Raises peewee.DatabaseError (twice refused) or OSError."""
    moment = db.instant_text(clock.now())
    values = (name, os.getpid(), boot_id, moment, moment, tracker.__version__)
    try:
        with _connected():
            db.ops.execute_sql(_BEAT, values)
    except peewee.DatabaseError:  # its file was deleted or replaced under us: once more, on a new connection
        with _connected():
            db.ops.execute_sql(_BEAT, values)
    beat_file(Path(str(db.ops.database)), name).touch(mode=0o600)


def forget(name: str) -> None:
    """Take the row away at a proper end, so that "off" is not mistaken for "silent". Another process's row stays."""
    with suppress(peewee.DatabaseError), _connected():
        db.ops.execute_sql("DELETE FROM process WHERE name = ? AND pid = ?", (name, os.getpid()))


def read(name: str) -> Process | None:
    """The last that was heard of a process; None when it never ran, left properly, or the file is not there."""
    if not os.path.exists(str(db.ops.database)):
        return None
    columns = "name, pid, boot_id, started_at, beat_at, version, beats"
    try:
        with _connected():
            found: Any = db.ops.execute_sql(f"SELECT {columns} FROM process WHERE name = ?", (name,)).fetchone()
    except peewee.DatabaseError:
        return None
    if found is None:
        return None
    _, pid, boot_id, started_at, beat_at, version, beats = found
    moments = datetime.fromisoformat(started_at), datetime.fromisoformat(beat_at)
    return Process(name, pid, boot_id, *moments, version, beats)


def age(name: str) -> float | None:
    """Seconds since the last sign of life, whatever the wall clock does meanwhile; None without a row."""
    process = read(name)
    return None if process is None else _age(process)


def _age(process: Process) -> float:
    now = clock.monotonic()
    mark = (process.boot_id, process.beats)
    with _looks_lock:
        look = _looks.get(process.name)
        if look is None:
            look = _looks[process.name] = _Look(mark, now)
        elif look.mark != mark:
            look = _looks[process.name] = _Look(mark, now, not_before=look.last_look)
        look.last_look = now
    by_the_wall = (clock.now() - process.beat_at).total_seconds()
    if look.not_before is not None:
        by_the_wall = min(by_the_wall, now - look.not_before)
    return max(by_the_wall, now - look.since, 0.0)


def start_beating(name: str, every: float = 10.0, boot_id: str = "") -> Callable[[], None]:
    """Beat at once, then every few seconds from a thread; the returned function ends that and takes the row away."""
    ended = threading.Event()
    thread = threading.Thread(
        target=_beat_on, args=(name, boot_id or secrets.token_hex(8), every, ended), name="heartbeat", daemon=True
    )
    thread.start()

    def stop() -> None:
        ended.set()
        thread.join(5)

    return stop


def _beat_on(name: str, boot_id: str, every: float, ended: threading.Event) -> None:
    silent = False
    while True:
        try:
            beat(name, boot_id)
            silent = False
        except (peewee.DatabaseError, OSError) as error:
            if not silent:  # once, not every second
                log.warning("the heartbeat of %s could not be written: %s", name, error)
            silent = True
        if ended.wait(min(every, 1.0) if silent else every):
            break
    forget(name)
    _close()


@contextmanager
def _connected() -> Iterator[None]:
    """This thread's connection to the file that is there now; closed after any error: the next starts anew."""
    if getattr(_mine, "identity", None) != _identity():
        _close()
    try:
        if db.ops.is_closed():
            db.ops.connect()
            if (
                db.ops.pragma("journal_mode") == "delete"
            ):  # what the queue chose stays: changing it would need the file alone
                db.ops.pragma("journal_mode", "truncate")
            db.ops.execute_sql(_TABLE)
            _mine.identity = _identity()
        yield
    except peewee.DatabaseError:
        _close()
        raise


def _identity() -> tuple[int, int] | None:
    """Which file the path means now. Only stat: opening it would drop SQLite's locks (see docs/decisions.md)."""
    try:
        found = os.stat(str(db.ops.database))
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _close() -> None:
    _mine.identity = None
    with suppress(peewee.DatabaseError):
        db.ops.close()
