"""Brings the books to this version's tables, under an OS lock, with a verified snapshot before and a comparison after."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import peewee

from tracker import db
from tracker.config import Config
from tracker.errors import Busy, DataError
from tracker.files import Lock, private_folder

SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"
HISTORY = "schema_migration"
PATIENCE = 60.0  # seconds to wait for another process that migrates just now


def names() -> list[str]:
    """The scripts of this version, in order."""
    return sorted(path.stem for path in SCRIPTS.glob("[0-9]*.py"))


def applied() -> list[str]:
    """The scripts that these books have been through; empty for a new file."""
    if not db.rows("SELECT 1 FROM sqlite_master WHERE name = ?", HISTORY):
        return []
    return [name for (name,) in db.rows(f"SELECT name FROM {HISTORY} ORDER BY name")]


def ensure(config: Config, before: Callable[[], object] | None = None) -> list[str]:
    """Migrate the open books if they need it. Returns the names of the scripts that ran.

    `before` takes the verified snapshot; it is called only when there are books to lose. Raises DataError when the books
    are newer than this program or broken, Busy when another process migrates for longer than PATIENCE.
    """
    private_folder(config.data)
    lock = _locked(config.data / "migrate.lock")
    try:
        done, known = applied(), names()
        _refuse_newer(done, known)
        db.install()
        if done == known:
            return []
        if done and before:
            before()
        ran = _run()
        check()
        return ran
    except peewee.DatabaseError as error:
        raise DataError(f"The books in {config.books} can't be read: {error}. Restore a backup: run.py backup list.") from error
    finally:
        lock.release()


def check() -> None:
    """Raise DataError unless foreign keys hold and the tables are those of a fresh install."""
    broken = db.rows("PRAGMA foreign_key_check")
    if broken:
        raise DataError(f"After the update {len(broken)} rows of {broken[0][0]} point to nothing. Restore the last backup.")
    differing = differences()
    if differing:
        raise DataError(f"After the update the tables are not as they should be: {', '.join(differing)}.")


def differences(database: peewee.SqliteDatabase | None = None) -> list[str]:
    """Names of tables, indexes and triggers that differ from a fresh install's (STRICT, CHECKs and triggers included)."""
    fresh = peewee.SqliteDatabase(":memory:")
    try:
        _run(fresh)
        wanted = _schema(fresh)
    finally:
        fresh.close()
    found = _schema(database or db.books)
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def _locked(path: Path) -> Lock:
    lock, deadline = Lock(path), time.monotonic() + PATIENCE
    while True:
        try:
            lock.acquire()
            return lock
        except Busy:
            if time.monotonic() > deadline:
                raise Busy("Another Finance Tracker is updating these books. Try again in a minute.") from None
            time.sleep(0.05)


def _refuse_newer(done: list[str], known: list[str]) -> None:
    foreign = sorted(set(done) - set(known))
    if foreign:
        raise DataError(
            f"These books were written by a newer Finance Tracker ({foreign[-1]}). Update the program, or restore an older backup."
        )
    if not done and db.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' LIMIT 1"):
        raise DataError("This database file is not a Finance Tracker's. Move it away or choose another data folder.")


def _run(database: peewee.SqliteDatabase | None = None) -> list[str]:
    from playhouse.migrations import Runner  # 20 ms, and needed only when something changes

    target = database or db.books
    return list(Runner(target, str(SCRIPTS), table_name=HISTORY).up())


def _schema(database: peewee.SqliteDatabase) -> dict[str, str]:
    cursor = database.execute_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
    )
    return {name: re.sub(r"\s+", " ", sql) for name, sql in cursor.fetchall()}
