"""One verified copy of the books: made by SQLite, examined by another process, named when it is whole and on the disk.

Snapshots and backups are both made here. Beside each copy stands `NAME.sha256`, as `sha256sum -c` reads it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import peewee

from tracker import clock, crashes, db
from tracker.config import Config
from tracker.errors import Busy, DataError
from tracker.files import Lock, flush_folder, private_folder, write_private
from tracker.ops import examine

PATIENCE = 60.0  # seconds to wait for another process that makes a copy just now
NAME = re.compile(r"shop-(\d{8}-\d{6})(Z?)\.sqlite3")
ROOM = 20_000_000  # bytes that stay free beside a copy


def locked(config: Config) -> Lock:
    """The lock under which copies are made and thinned out, held. Raises Busy after PATIENCE."""
    lock, deadline = Lock(private_folder(config.data) / "copies.lock"), time.monotonic() + PATIENCE
    while True:
        try:
            lock.acquire(str(os.getpid()))
            return lock
        except Busy:
            if time.monotonic() > deadline:
                raise Busy("Another copy of the books is being made just now. Try again in a minute.") from None
            time.sleep(0.05)


def make(config: Config, path: Path) -> examine.Report:
    """Copy the open books to `path`, which must not exist. Raises DataError; then nothing half-done is left.

    The copy is the state of one instant, and selling goes on meanwhile. Call with the lock held.
    """
    tidy(private_folder(path.parent))
    _refuse_full(config, path.parent)
    beside = path.with_name(f".{path.name}.part")
    try:
        _copied_out(beside)
        crashes.at("copy.written")
        report = examine.look(beside)
        if not report.is_good:
            raise DataError(_not_kept(beside, path, report))
        publish(beside, path)
        return report
    finally:
        for name in (beside, beside.with_name(beside.name + "-journal")):
            name.unlink(missing_ok=True)


def _not_kept(beside: Path, path: Path, report: examine.Report) -> str:
    said = report.problems[0].replace(beside.name, "it") if report.problems else f"it is {report.kind}."
    if report.kind != "wrong":
        return f"The copy {path.name} was not kept, because it is not whole: {said} Run: run.py doctor."
    # Better than none, should the disk die now; but it pushes no good one out, and only the newest of its kind stays.
    for older in path.parent.glob("faulty-shop-*"):
        older.unlink(missing_ok=True)
    os.replace(beside, path.with_name(f"faulty-{path.name}"))
    return f"The books don't add up: {said} Their copy was put aside as faulty-{path.name}. Run: run.py doctor."


def publish(beside: Path, path: Path) -> None:
    """Give a finished copy its name and its hash, lasting through a power cut."""
    flush(beside)
    write_private(_hash_file(path), f"{digest(beside)}  {path.name}\n".encode())
    crashes.at("copy.hashed")
    os.replace(beside, path)
    flush_folder(path.parent)
    crashes.at("copy.named")


def _copied_out(beside: Path) -> None:
    beside.unlink(missing_ok=True)
    try:
        db.books.execute_sql("VACUUM INTO ?", (str(beside),))
        beside.chmod(0o600)
    except (peewee.DatabaseError, OSError) as error:
        if "full" in str(error) or isinstance(error, OSError):
            raise DataError(f"There is no room for a copy of the books in {beside.parent}. Make room there.") from error
        raise DataError(f"The books could not be copied: {error}. Run: run.py doctor.") from error


def _refuse_full(config: Config, folder: Path) -> None:
    needed = sum(_size(config.books.with_name(config.books.name + end)) for end in ("", "-wal"))
    free = shutil.disk_usage(folder).free
    if free < needed + ROOM:
        sizes = f"{needed + ROOM >> 20} MB are needed, {free >> 20} MB are free"
        raise DataError(f"There is no room for a copy of the books in {folder}: {sizes}. Make room there.")


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def tidy(folder: Path) -> None:
    """Remove what a killed process left half-made. Call with the lock held."""
    for part in folder.glob(".shop-*"):
        part.unlink(missing_ok=True)
    for lonely in folder.glob("shop-*.sqlite3.sha256"):
        if not lonely.with_suffix("").exists():
            lonely.unlink(missing_ok=True)


# --- what lies there -------------------------------------------------------------------------------------------------


def listed(folder: Path) -> list[Path]:
    """The copies of a folder, newest first; those that a wrong clock dated into the future come last."""
    found = [path for path in folder.glob("shop-*.sqlite3") if NAME.fullmatch(path.name)]
    latest = clock.now() + timedelta(hours=1)
    return sorted(found, key=lambda path: (taken_at(path) <= latest, taken_at(path), path.name), reverse=True)


def taken_at(path: Path) -> datetime:
    """When a copy was made, as its name says: UTC with a Z, else the shop's wall clock."""
    match = NAME.fullmatch(path.name)
    if match is None:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    moment = datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC if match[2] else clock.zone())
    return moment.astimezone(UTC)


def digest(path: Path) -> str:
    """SHA-256 of a file that no SQLite connection of this process has open."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(path: Path) -> bool | None:
    """Whether the bytes are those that were written; None when no hash stands beside."""
    try:
        words = _hash_file(path).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return None
    return bool(words) and words[0].lower() == digest(path)


def remove(path: Path) -> None:
    """Take a copy away with its hash; one that is being read elsewhere (Windows) stays until the next time."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        _hash_file(path).unlink(missing_ok=True)


def plain_copy(source: Path, target: Path) -> None:
    """Copy a finished copy byte for byte (its hash is the caller's to compare), flushed. Raises OSError."""
    with source.open("rb") as read, target.open("xb") as write:
        shutil.copyfileobj(read, write, 1 << 20)
        write.flush()
        os.fsync(write.fileno())
    target.chmod(0o600)


def flush(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _hash_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
