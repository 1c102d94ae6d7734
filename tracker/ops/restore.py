"""Puts one of our own copies in the place of the books, so that a kill at any moment ends in the old or the new ones.

Everything slow or doubtful happens to a private copy in `data/restore/` first: examined in a process of its own,
migrated, its mail held. What is left are renames (`tracker.ops.exchange`).
"""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import peewee

from tracker import clock, crashes, db
from tracker.config import Config
from tracker.errors import Busy, DataError, Refused
from tracker.files import Lock, private_folder
from tracker.ops import backups, copies, examine, exchange, instance, migrations, presence, snapshots
from tracker.shop import settings

LARGEST = 4 << 30  # bytes
HEADER = b"SQLite format 3\0"


def restore(config: Config, file: str, yes: bool) -> str:
    """Exchange the books for a backup or snapshot (a listed name, or a path). Returns what was done as a sentence.

    Raises NotFound; Refused without `yes` or for a file that will not do; Busy while anything has the books open;
    DataError when there is no room. Then the present files are untouched, byte for byte.
    """
    lock = migrations.locked(config)
    try:
        refuse_while_open(config)
        exchange.finish_pending(config)
        source = backups.find(config, file)
        if not yes:
            raise Refused(f"This replaces the shop's books with those of {source.name}. Say so with --yes.")
        incoming = _brought_in(config, source)
        try:
            report = _made_ready(incoming, source)
            kept = _snapshot_present(config)
            aside = exchange.exchange(config, source.name, report.lineage)
            _first_snapshot(config)
            instance.note_closed(config)
        finally:
            exchange.tidy(config)
        return (
            f"The books of {source.name} are in place, {_until(report)}. {kept}The files that were here lie in {aside}."
        )
    finally:
        lock.release()


def _until(report: examine.Report) -> str:
    if not report.last_at:
        return "with nothing booked yet"
    return (
        f"as they were after the last change on {clock.local(datetime.fromisoformat(report.last_at)):%Y-%m-%d at %H:%M}"
    )


def refuse_while_open(config: Config) -> None:
    """Raise Busy while a supervisor, a worker or any other process of ours has this data folder."""
    held = [name for name in ("supervisor", "worker") if Lock(config.data / f"{name}.lock").is_held()]
    if held or presence.look(config).others:
        raise Busy("Finance Tracker is running on this data folder. Stop it first: run.py stop.")


# --- the file that is offered ----------------------------------------------------------------------------------------


def _brought_in(config: Config, source: Path) -> Path:
    """Copy the file in and compare its hash: what is examined is what will be used."""
    _refuse_at_sight(config, source)
    incoming = exchange.incoming(config)
    folder = incoming.parent
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder)
    try:
        copies.plain_copy(source, incoming)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise DataError(
            f"{source.name} could not be copied into {folder}: {error.strerror}. Nothing was changed."
        ) from error
    crashes.at("restore.copied")
    return incoming


def _refuse_at_sight(config: Config, source: Path) -> None:
    if source == config.books.resolve():
        raise Refused("That is the shop's own file. Choose a backup: run.py backup list.")
    wal = source.with_name(source.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        raise Refused(
            f"{source.name} is not a finished copy: {wal.name} beside it has changes that belong to it. Copy that whole"
            " folder and start it instead. Nothing was changed."
        )
    size = source.stat().st_size
    if size > LARGEST:
        raise Refused(f"{source.name} is larger than any shop's books ({size >> 30} GB). Nothing was changed.")
    with source.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise Refused(f"{source.name} is not a database. Nothing was changed.")
    if copies.is_intact(source) is False:
        raise Refused(f"{source.name} is not as it was written: its SHA-256 differs. Nothing was changed.")
    free = shutil.disk_usage(config.data).free
    if free < 3 * size + copies.ROOM:
        raise DataError(
            f"There is no room to restore {source.name}: {3 * size + copies.ROOM >> 20} MB are needed. Nothing was"
            " changed."
        )


def _made_ready(incoming: Path, source: Path) -> examine.Report:
    report = examine.prepare(incoming, f"restored from {source.name}")
    if report.kind != "whole":
        said = (report.problems or ["it can't be used."])[0].replace(incoming.name, source.name)
        more = " Update the program, then restore it." if report.kind == "newer" else ""
        raise Refused(f"{said}{more} Nothing was changed.")
    crashes.at("restore.ready")
    return report


def _snapshot_present(config: Config) -> str:
    """A verified copy of what is about to be replaced, where it is whole; the files themselves are kept either way."""
    if not config.books.exists():
        return ""
    taken = _snapshot(config, "before a restore")
    crashes.at("restore.kept")
    return f"Before that, {taken.path.name} was taken. " if taken else ""


def _first_snapshot(config: Config) -> None:
    """So that a start that has to fall back does not fall behind the restore."""
    _snapshot(config, "after a restore")


def _snapshot(config: Config, why: str) -> snapshots.Snapshot | None:
    try:
        db.open_books(config.books)
        settings.load()
        return snapshots.take(config, why, even_unchanged=True)
    except (DataError, peewee.DatabaseError):
        return None
    finally:
        db.close()
