"""Verified copies inside `data/snapshots/`, which make a plain copy of the folder something to start from.

Taken after set-up, every 15 minutes with changes, before an update's migrations and at a clean stop. The newest four
stay; a younger one is not removed within ten minutes, so that a slow copy of the folder finds what it listed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tracker import clock, db
from tracker.config import Config
from tracker.errors import ShopError
from tracker.files import private_folder, write_private
from tracker.ops import copies
from tracker.ops.examine import LEDGERS

KEPT, KEPT_AT_MOST = 4, 12
EVERY = timedelta(minutes=15)
YOUNG = timedelta(minutes=10)
AGAIN = 300.0  # seconds until a failed one is tried again


@dataclass
class _Failure:
    again_at: float = 0.0


_failure = _Failure()


@dataclass(frozen=True)
class Snapshot:
    """A copy that was found whole."""

    path: Path
    taken_at: datetime
    size: int


def take(config: Config, why: str, even_unchanged: bool = False) -> Snapshot | None:
    """Copy the open books into `data/snapshots/`. None when nothing changed since the last one.

    Raises DataError when no whole copy could be made; the older ones then stay.
    """
    lock = copies.locked(config)
    try:
        state = _state(config)
        if not even_unchanged and not _changed(config, state):
            return None
        path = _free_name(config.snapshots)
        copies.make(config, path)
        remembered = json.dumps({"name": path.name, "why": why, "state": state})
        write_private(config.snapshots / "last.json", remembered.encode())
        _thin_out(config.snapshots)
        return Snapshot(path, copies.taken_at(path), path.stat().st_size)
    finally:
        lock.release()


def take_if_due(config: Config) -> Snapshot | None:
    """What the worker calls each minute: the first one after set-up, then one every 15 minutes while things change."""
    if not db.rows("SELECT 1 FROM setting WHERE key = 'is_set_up' AND value = '1'"):
        return None
    found = listing(config)
    if found and timedelta(0) <= clock.now() - found[0].taken_at < EVERY:
        return None
    if clock.monotonic() < _failure.again_at:
        return None
    try:
        taken = take(config, "every 15 minutes")
    except Exception as error:
        _failure.again_at = clock.monotonic() + AGAIN
        _note_failure(config, error.message if isinstance(error, ShopError) else f"No snapshot could be made: {error}.")
        raise
    (config.snapshots / "failed.json").unlink(missing_ok=True)
    return taken


def problem(config: Config) -> str:
    """Why the last snapshot could not be made, as a sentence; empty when it could."""
    try:
        return str(json.loads((config.snapshots / "failed.json").read_text(encoding="utf-8"))["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _note_failure(config: Config, words: str) -> None:
    with suppress(OSError, ShopError):  # a full disk takes no note either; the exception goes on and is logged
        write_private(private_folder(config.snapshots) / "failed.json", json.dumps({"problem": words}).encode())


def listing(config: Config) -> list[Snapshot]:
    """The snapshots that lie there, newest first."""
    return [Snapshot(path, copies.taken_at(path), path.stat().st_size) for path in copies.listed(config.snapshots)]


def _free_name(folder: Path) -> Path:
    moment = clock.now()
    while True:
        path = folder / f"shop-{moment:%Y%m%d-%H%M%S}Z.sqlite3"
        if not path.exists():
            return path
        moment += timedelta(seconds=1)


def _state(config: Config) -> list[int]:
    # A commit of any process changes a file's time or size, or the last row of a ledger (Windows tells times late).
    found: list[int] = []
    for end in ("", "-wal"):
        with suppress(OSError):
            status = config.books.with_name(config.books.name + end).stat()
            found += [status.st_mtime_ns, status.st_size]
    return found + [int(db.rows(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0]) for table in LEDGERS]


def _changed(config: Config, state: list[int]) -> bool:
    try:
        last = json.loads((config.snapshots / "last.json").read_text(encoding="utf-8"))
        return last["state"] != state or not (config.snapshots / last["name"]).exists()
    except (OSError, ValueError, KeyError, TypeError):
        return True


def _thin_out(folder: Path) -> None:
    now = clock.now()
    for place, path in enumerate(copies.listed(folder)):
        if place >= KEPT_AT_MOST or (place >= KEPT and now - copies.taken_at(path) > YOUNG):
            copies.remove(path)
