"""How every process opens the shop: folder, the state to start from, databases, tables, settings; and how it leaves."""

from __future__ import annotations

import logging
import os

from tracker import clock, db, taskqueue
from tracker.config import Config
from tracker.errors import DataError, Misconfigured, ShopError
from tracker.files import private_folder
from tracker.ops import instance, migrations, presence, recovery, schedules, secrets, snapshots
from tracker.shop import links, settings

log = logging.getLogger(__name__)

_opened: Config | None = None


def open_shop(config: Config) -> None:
    """Open the books and the heartbeats of this data folder, migrated and ready.

    Raises DataError when the folder can't be used, Busy when another process keeps migrating. Calling it again for the
    same folder is harmless.
    """
    try:
        _open(config)
    except OSError as error:
        raise DataError(
            f"The folder {config.data} can't be used: {error.strerror or error}. Mend that, then start again."
        ) from error


def _open(config: Config) -> None:
    global _opened
    os.umask(0o077)
    _data_folder(config)
    if not presence.is_here(config):
        clock.use(instance.zone(config))
        recovery.choose(config)
    db.open_books(config.books)
    db.open_ops(config.ops)
    migrations.ensure(config, before=lambda: snapshots.take(config, "before an update", even_unchanged=True))
    recovery.opened(config)
    _opened = config
    instance.note_zone(config, settings.load(config).timezone)
    links.use_key(secrets.secret_key(config), config.url)
    taskqueue.open_queue(config.ops, secrets.queue_key(config))
    db.on_wake(taskqueue.enqueue)
    schedules.sync()


def _data_folder(config: Config) -> None:
    try:
        private_folder(config.data)
    except DataError as error:
        if "TRACKER_DATA" in config.fixed:
            raise Misconfigured(f"TRACKER_DATA: {error.message}") from error
        raise


def close_shop(leave_snapshot: bool = False) -> None:
    """Let go of every file of the data folder; at a process's proper end, when its threads have stopped.

    Web and worker `leave_snapshot` where something changed. One that can't be made does not hold up the stop: it is
    logged, and the books are there all the same.
    """
    global _opened
    try:
        if leave_snapshot and _opened is not None and settings.current().is_set_up:
            snapshots.take(_opened, "at a clean stop")
    except ShopError as error:
        log.error("no snapshot at the stop: %s", error.message)
    finally:
        taskqueue.close_queue()
        db.close()
        if _opened is not None:
            try:
                instance.note_closed(_opened)
            except OSError as error:  # a full disk: the next start looks at the books itself
                log.error("the proper end could not be noted: %s", error)
            _opened = None
        presence.leave()
