"""The two databases, the fields that keep money exact, and the one way to write.

Everything that only SQLite can do stands here or in `tracker.ops.backups`. `sqlite3` is whichever library Peewee chose:
two SQLite libraries in one process must never open the same file (closing one drops the other's POSIX locks).
"""

from __future__ import annotations

import gc
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import peewee

from tracker.errors import Busy, DataError
from tracker.money import Money
from tracker.quantity import Quantity

sqlite3: Any = peewee.sqlite3  # type: ignore[attr-defined]
log = logging.getLogger(__name__)

WRITE_PATIENCE = 15.0  # seconds that a write waits for the other process before it says so
_FIXED_IN: dict[tuple[int, ...], tuple[int, ...]] = {(3, 44): (3, 44, 6), (3, 50): (3, 50, 7)}


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether this SQLite is free of the WAL-reset race (3.7.0 to 3.51.2, mended in 3.51.3, 3.50.7 and 3.44.6)."""
    return version >= _FIXED_IN.get(version[:2], (3, 51, 3))


class ThreadKeptDatabase(peewee.SqliteDatabase):
    """A SQLite database whose connections are opened once per thread and closed together by `close_all`."""

    def __init__(self) -> None:
        super().__init__(None)
        self._all: list[Any] = []
        self._all_lock = threading.Lock()

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]
        with self._all_lock:
            self._all.append(connection)
        return connection

    def is_in_use(self) -> bool:
        """Whether any thread of this process has a connection."""
        return bool(self._all)

    def close_all(self) -> None:
        """Close this thread's connection and those that other threads left behind, once these have stopped working."""
        if not self.is_closed():
            with suppress(Exception):
                self.rollback()
            self.close()
        with self._all_lock:
            for connection in self._all:
                with suppress(Exception):
                    connection.close()
            self._all.clear()
        self._state.reset()  # type: ignore[attr-defined]


books = ThreadKeptDatabase()  # data/shop.sqlite3
ops = ThreadKeptDatabase()  # data/ops.sqlite3


def open_books(path: Path) -> None:
    """Point the books at a file; connections follow as threads need them. Its journal mode is set by `install`."""
    synchronous = 2 if wal_is_safe() else 3  # FULL; EXTRA in the fall-back's rollback journal
    pragmas = [
        ("busy_timeout", 5000),
        ("synchronous", synchronous),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("cell_size_check", 1),
        ("fullfsync", 1),
        ("checkpoint_fullfsync", 1),
        ("cache_size", -16_000),
        ("journal_size_limit", 16_000_000),
        ("temp_store", 2),
    ]
    books.init(str(path), pragmas=pragmas, timeout=5, check_same_thread=False)


def open_ops(path: Path) -> None:
    """Point the heartbeats at their file. It may be lost, so it needs no fsync."""
    ops.init(str(path), pragmas=[("busy_timeout", 2000), ("synchronous", 1)], timeout=2, check_same_thread=False)


def install() -> str:
    """Set the books' journal mode, which lives in the file: WAL, or TRUNCATE where WAL is not safe. Returns it."""
    wanted = "wal" if wal_is_safe() else "truncate"
    if books.pragma("journal_mode") != wanted:
        got = str(books.pragma("journal_mode", wanted))
        if got != wanted:
            raise DataError(f"The books can't be opened for writing (journal mode {got}). Is the folder read-only?")
    return wanted


def close() -> None:
    """Close every connection to both databases."""
    for database in (books, ops):
        if database.database is not None:
            database.close_all()


def release() -> None:
    """After each request and task: nothing half-done stays on this thread's connection."""
    for database in (books, ops):
        if not database.is_closed() and database.in_transaction():
            log.error("a transaction was left open; rolled back")
            database.rollback()
            while database.pop_transaction() is not None and database.transaction_depth():
                pass


# --- the one way to write -------------------------------------------------------------------------------------------

_one_writer = threading.RLock()
_after = threading.local()
_wakers: list[Callable[[str, int], None]] = []


@contextmanager
def write(database: ThreadKeptDatabase = books) -> Iterator[None]:
    """One transaction: all of it or nothing; inside another, a savepoint.

    A process-wide lock orders the threads, then BEGIN IMMEDIATE is retried with 0.5-1.5 ms of jitter against the other
    process (busy_timeout alone starves). Hints given with `wake` go out after the commit. Raises Busy when the other
    process holds the lock for WRITE_PATIENCE seconds.
    """
    if database.in_transaction():
        mark, point = len(_hints()), database.savepoint()
        point.__enter__()
        try:
            yield
        except BaseException:
            del _hints()[mark:]
            if _has_begun(database):
                point.rollback(begin=False)
            raise
        point.commit(begin=False)
        return
    with _one_writer:
        transaction = _begin(database)
        try:
            with transaction:
                yield
        except BaseException:
            if database is books:
                _hints().clear()
            raise
    if not books.in_transaction():  # a heartbeat written in the middle of a booking sends nothing yet
        _send_hints()


def _begin(database: ThreadKeptDatabase) -> Any:
    database.connect(reuse_if_open=True)
    began = time.monotonic()
    tidied = False
    database.execute_sql("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                database.execute_sql("BEGIN IMMEDIATE")
                break
            except peewee.OperationalError as error:
                if "locked" not in str(error) and "busy" not in str(error):
                    raise
                waited = time.monotonic() - began
                if waited > 1 and not tidied:
                    gc.collect()  # a half-read query kept alive by a cycle holds this connection's old view for ever
                    tidied = True
                if waited > WRITE_PATIENCE:
                    raise Busy("The books are busy just now. Nothing was changed: please try again.") from error
                time.sleep(random.uniform(0.0005, 0.0015))
    finally:
        database.execute_sql("PRAGMA busy_timeout = 5000")
    return _Begun(database)


class _Begun:
    """Peewee's bookkeeping around a transaction that has begun already."""

    def __init__(self, database: ThreadKeptDatabase) -> None:
        self.database = database

    def __enter__(self) -> None:
        self.database.push_transaction(self)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                try:
                    self.database.commit()
                except BaseException:
                    self._roll_back()
                    raise
            else:
                self._roll_back()
        finally:
            self.database.pop_transaction()

    def _roll_back(self) -> None:
        if _has_begun(self.database):
            self.database.rollback()


def _has_begun(database: ThreadKeptDatabase) -> bool:
    """Whether SQLite itself is inside a transaction: a full disk ends one at once, and nothing is left to roll back."""
    return bool(database.connection().in_transaction)


def wake(kind: str, row: int) -> None:
    """Hint, after the commit, that a row waits for the worker: ("run", id) or ("mail", id). Lost hints do no harm."""
    if books.in_transaction():
        _hints().append((kind, row))
    else:
        _send_hint(kind, row)


def on_wake(waker: Callable[[str, int], None]) -> None:
    """The doors attach the queue here; shop may not know it."""
    if waker not in _wakers:
        _wakers.append(waker)


def _hints() -> list[tuple[str, int]]:
    if not hasattr(_after, "hints"):
        _after.hints = []
    return _after.hints


def _send_hints() -> None:
    hints, _after.hints = _hints(), []
    for kind, row in dict.fromkeys(hints):
        _send_hint(kind, row)


def _send_hint(kind: str, row: int) -> None:
    for waker in _wakers:
        try:
            waker(kind, row)
        except Exception as error:  # the commit stands; the sweeper finds the row
            log.warning("the hint %s %s was not sent: %s", kind, row, error)


# --- fields ---------------------------------------------------------------------------------------------------------

if TYPE_CHECKING:
    _Int = peewee.IntegerField[Any]
    _Text = peewee.TextField[Any]
else:
    _Int, _Text = peewee.IntegerField, peewee.TextField


class MoneyField(_Int):
    """Money as whole minor units."""

    def db_value(self, value: Any) -> int | None:
        if value is None or isinstance(value, int):
            return value
        if not isinstance(value, Money):
            raise TypeError(f"{self.name} wants Money, not {value!r}")
        return value.minor

    def python_value(self, value: Any) -> Money | None:
        return None if value is None else Money(value)


class QuantityField(_Int):
    """Quantity as whole thousandths."""

    def db_value(self, value: Any) -> int | None:
        if value is None or isinstance(value, int):
            return value
        if not isinstance(value, Quantity):
            raise TypeError(f"{self.name} wants Quantity, not {value!r}")
        return value.thousandths

    def python_value(self, value: Any) -> Quantity | None:
        return None if value is None else Quantity(value)


class InstantField(_Text):
    """An instant as `2026-11-23T08:00:00.000Z`: 24 characters, so that text order is time order."""

    def db_value(self, value: Any) -> str | None:
        return value if value is None or isinstance(value, str) else instant_text(value)

    def python_value(self, value: Any) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class DayField(_Text):
    """A date of the shop as `2026-11-23`."""

    def db_value(self, value: Any) -> str | None:
        return value.isoformat() if isinstance(value, date) else value

    def python_value(self, value: Any) -> date | None:
        return None if value is None else date.fromisoformat(value)


def instant_text(value: datetime) -> str:
    """An aware datetime as the books store it. Raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Model(peewee.Model):
    """A table of the books. Tables are made by the numbered migrations, never by create_tables."""

    id = peewee.AutoField()

    class Meta:
        database = books
        legacy_table_names = False
        strict_tables = True


# --- questions ------------------------------------------------------------------------------------------------------


def total(query: Any) -> Money:
    """The one number of a query that sums money; nothing summed is zero. (SUM is not turned back into Money.)"""
    return Money(query.scalar() or 0)


def count(query: Any) -> int:
    """How many rows; over a bare table SQLite's own shortcut (Peewee's `.count()` wraps it and is O(n))."""
    return int(query.select(peewee.fn.COUNT(peewee.SQL("*"))).order_by().scalar() or 0)


def rows(sql: str, *values: Any, database: ThreadKeptDatabase = books) -> list[tuple[Any, ...]]:
    """Plain tuples of a hand-written question, for pages and jobs where models would cost too much."""
    return database.execute_sql(sql, values).fetchall()


@contextmanager
def append_only_lifted() -> Iterator[None]:
    """Inside a write: ledger rows may be removed, because a demo shop or practice data is taken away whole."""
    if not books.in_transaction():
        raise RuntimeError("append_only_lifted needs a write()")
    triggers = rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'append_only_%'")
    for name, _ in triggers:
        books.execute_sql(f'DROP TRIGGER "{name}"')
    yield
    for _, sql in triggers:
        books.execute_sql(sql)
