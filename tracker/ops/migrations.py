"""Brings the books to this version's tables: under an OS lock, a verified snapshot before and a comparison after."""

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

    `before` takes the verified snapshot; it is called only when there are books to lose. Raises DataError when the
    books are newer than this program or broken, Busy when another process migrates for longer than PATIENCE.
    """
    private_folder(config.data)
    lock = locked(config)
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
        raise DataError(
            f"The books in {config.books} can't be read: {error}. Restore a backup: run.py backup list."
        ) from error
    finally:
        lock.release()


def bring_up() -> None:
    """Migrate the open books, which nobody else may know of, and check them."""
    _run()
    check()


def check() -> None:
    """Raise DataError unless foreign keys hold and the tables are those of a fresh install."""
    broken = db.rows("PRAGMA foreign_key_check")
    if broken:
        raise DataError(
            f"After the update {len(broken)} rows of {broken[0][0]} point to nothing. Restore the last backup."
        )
    differing = differences()
    if differing:
        raise DataError(f"After the update the tables are not as they should be: {', '.join(differing)}.")


def differences(database: peewee.SqliteDatabase | None = None, upto: str | None = None) -> list[str]:
    """Names of tables, indexes, triggers and views that differ from a fresh install's (STRICT and CHECKs included).

    `upto` names the last script of older books; they are compared with a fresh install of that age.
    """
    fresh = peewee.SqliteDatabase(":memory:")
    try:
        _run(fresh, upto)
        wanted = _schema(fresh)
    finally:
        fresh.close()
    found = _schema(database or db.books)
    return sorted(
        {name for kind, name in wanted.keys() | found.keys() if wanted.get((kind, name)) != found.get((kind, name))}
    )


def locked(config: Config) -> Lock:
    """The lock, held, under which books are migrated, recovered and exchanged. Raises Busy after PATIENCE."""
    lock, deadline = Lock(config.data / "migrate.lock"), time.monotonic() + PATIENCE
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
            f"These books were written by a newer Finance Tracker ({foreign[-1]}). Update the program, or restore an"
            " older backup."
        )
    if not done and db.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name <> ? LIMIT 1", HISTORY):
        raise DataError("This database file is not a Finance Tracker's. Move it away or choose another data folder.")


def _run(database: peewee.SqliteDatabase | None = None, upto: str | None = None) -> list[str]:
    from playhouse.migrations import Runner  # 20 ms, and needed only when something changes

    target = database or db.books
    return list(Runner(target, str(SCRIPTS), table_name=HISTORY).up(upto))


def _schema(database: peewee.SqliteDatabase) -> dict[tuple[str, str], str]:
    # A trigger may bear a table's name, so the kind belongs to the key; SQLite's own tables are named one by one,
    # because a pattern would let a foreign trigger hide behind the prefix.
    cursor = database.execute_sql(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        " AND NOT (type = 'table' AND name IN ('sqlite_sequence', 'sqlite_stat1', 'sqlite_stat4'))"
    )
    return {(kind, name): re.sub(r"\s+", " ", sql) for kind, name, sql in cursor.fetchall()}
