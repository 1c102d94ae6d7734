"""The one Huey instance: an alarm clock and an engine. What must not be lost stands in the books, never here.

A message is a hint that carries one row id: harmless twice, harmless lost, re-issued by the sweeper. The queue lives in
`data/ops.sqlite3`, which may be deleted while the shop is stopped.
"""

from __future__ import annotations

import logging
import os
import signal
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from huey import SqliteHuey
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import SignedSerializer
from huey.storage import SqliteStorage

from tracker import db

log = logging.getLogger(__name__)


class Storage(SqliteStorage):
    """Huey's storage on the SQLite library that Peewee chose, opened late, and anew when its file was replaced."""

    integrity_error = db.sqlite3.IntegrityError
    operational_error = db.sqlite3.OperationalError
    _conn: Any = None
    _identity: tuple[int, int] | None = None

    def _create_connection(self) -> Any:
        if self.filename is None:
            raise db.sqlite3.OperationalError("the queue has no file yet: open the shop first")
        connection = db.sqlite3.connect(
            self.filename, timeout=self._timeout, check_same_thread=False, isolation_level=None
        )
        connection.execute("PRAGMA journal_mode = TRUNCATE")
        connection.execute("PRAGMA synchronous = NORMAL")
        for statement in self.ddl:
            connection.execute(statement)
        self._identity = _identity(self.filename)
        return connection

    @property
    def conn(self) -> Any:
        if self._conn is not None and _identity(self.filename) != self._identity:
            log.warning("the queue's file was replaced; starting it anew (nothing is lost)")
            self._forget()
        return super().conn

    def sql(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().sql(*args, **kwargs)
        except self.operational_error:
            self._forget()
            raise

    def _forget(self) -> None:
        if self._conn is not None:
            try:
                self._conn.close()
            except db.sqlite3.Error as error:
                log.warning("closing the old queue: %s", error)
            self._conn = None


def _identity(path: str | None) -> tuple[int, int] | None:
    try:
        found = os.stat(path or "")
    except OSError:
        return None
    return found.st_dev, found.st_ino


class LateSerializer(SignedSerializer):
    """Signs with a key that arrives when the shop is opened: importing this module touches no file."""

    def __init__(self) -> None:
        super().__init__(secret="not yet", salt="finance-tracker")
        self._key = b""

    def use_key(self, key: bytes) -> None:
        self._key = key

    def _signature(self, message: bytes) -> bytes:
        if not self._key:
            raise ValueError("the queue has no key yet: open the shop first")
        return super()._signature(message)


class GracefulConsumer(Consumer):
    """A consumer that finishes its running task on either signal, and tells when it begins and ends."""

    def __init__(self, queue: Queue, **options: Any) -> None:
        super().__init__(queue, **options)
        for name in (signal.SIGINT, signal.SIGTERM):
            self._signal_actions[name] = (False, True)

    def run(self) -> None:
        try:
            super().run()
        finally:
            for leave in self.huey.on_leave:
                leave()


class Queue(SqliteHuey):
    """Huey on our storage. `create_consumer` is where a worker begins, ours or the stock one."""

    def __init__(self) -> None:
        self.on_begin: list[Callable[[], None]] = []
        self.on_leave: list[Callable[[], None]] = []
        super().__init__(
            "tracker",
            storage_class=Storage,
            filename=None,
            create_tables=False,
            results=False,
            utc=False,
            serializer=LateSerializer(),
            timeout=5,
        )

    def create_consumer(self, **options: Any) -> GracefulConsumer:
        """Prepare this process as the data folder's one worker, then make the consumer.

        At least two threads, polled at least every second: a bare `huey_consumer tasks.huey` is as prompt as ours.
        """
        for begin in self.on_begin:
            begin()
        options["workers"] = max(2, int(options.get("workers") or 0))
        options["max_delay"] = min(1.0, float(options.get("max_delay") or 1.0))
        options["worker_type"] = "thread"
        # Nothing is ever scheduled in Huey's own table (a retry is a row of ours), so a look every ten seconds will do.
        options["scheduler_interval"] = max(10, int(options.get("scheduler_interval") or 0))
        options.setdefault("shutdown_timeout", 60)
        return GracefulConsumer(self, **options)


huey = Queue()


def open_queue(path: Path, key: bytes, patience: float = 5.0) -> None:
    """Point the queue at its file. `patience`: seconds that an enqueue may wait (0.2 in the web process)."""
    huey.storage.close()
    huey.storage.filename = str(path)
    huey.storage._timeout = patience
    huey.serializer.use_key(key)


def close_queue() -> None:
    huey.storage.close()


def enqueue(kind: str, row: int) -> None:
    """Send the hint ("run", id) or ("mail", id) to the worker. Any process may; the tasks live in `tasks.py`."""
    message = Message(str(uuid.uuid4()), f"tasks.{kind}", args=(row,), kwargs={})
    huey.storage.enqueue(huey.serializer.serialize(message))


def length() -> int:
    """How many hints wait."""
    return int(huey.storage.queue_size())
