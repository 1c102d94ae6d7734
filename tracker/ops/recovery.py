"""Chooses, before the books are opened, which state they start from: a plain copy of `data/`, made any time, starts.

A start after a clean stop in the same place asks nothing. After an end without closing SQLite's own check runs; in a
copied folder, or with an exchanged file, every figure is checked. Books that are not whole are set aside, never
deleted, and the newest good snapshot or backup takes their place; what was taken and what it lacks is said in words.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import peewee

from tracker import clock, db
from tracker.config import Config
from tracker.errors import DataError
from tracker.files import private_folder, write_private
from tracker.ops import copies, crashes, examine, instance, migrations, presence, restore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What the last unusual start found: a sentence for the shopkeeper, and what to do."""

    at: str
    took: str  # "live" or the name of a snapshot or backup
    sentence: str
    severity: str = "warning"
    is_dismissed: bool = False


def choose(config: Config) -> Outcome | None:
    """See to it that `config.books` is a state to start from, and note that this process is here. Call before opening.

    Only the first process on the folder looks; the others find it open. Returns what was unusual, if anything was.
    Raises DataError when the books are not whole and nothing can take their place.
    """
    private_folder(config.data)
    lock = migrations.locked(config)
    try:
        seen = presence.look(config)
        outcome = None if seen.others else _look(config, seen)
        presence.enter(config)
        if not seen.others:
            presence.sweep(config)
        return outcome
    finally:
        lock.release()


def opened(config: Config) -> None:
    """The books are open: remember where they live."""
    instance.remember(config)
    presence.opened()


def last(config: Config) -> Outcome | None:
    """What the last unusual start said, until somebody dismisses it."""
    try:
        found = Outcome(**json.loads(_record(config).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return None if found.is_dismissed else found


def dismiss(config: Config) -> None:
    """Somebody has read it."""
    found = last(config)
    if found:
        write_private(_record(config), json.dumps({**asdict(found), "is_dismissed": True}).encode())


def _record(config: Config) -> Path:
    return config.data / "recovery.json"


# --- looking ---------------------------------------------------------------------------------------------------------


def _look(config: Config, seen: presence.Seen) -> Outcome | None:
    if restore.is_pending(config):
        problem = restore.finish_pending(config)
        words = (
            f"A restore was taken back: {problem}" if problem else "A restore that was interrupted has been finished."
        )
        return _said(config, "live", words, "warning" if problem else "info")
    if not config.books.exists():
        return _without_books(config)
    known, here = instance.known(config), instance.here(config)
    if known is None or not known.is_same_place(here):
        return _copied(config, seen, known)
    if known.books != here.books:
        return _exchanged(config)
    return _after_bad_end(config) if seen.left else None


def _without_books(config: Config) -> Outcome | None:
    """No books: a fresh folder, or one whose books got lost while its copies did not."""
    if not _has_copies(config):
        _set_aside(config)
        return None
    return _fall_back(config, "shop.sqlite3 was missing")


def _after_bad_end(config: Config) -> Outcome | None:
    """The PC or a process died. SQLite mends that by itself; a disk that lied about what it kept is found here."""
    db.open_books(config.books)
    try:
        found = [str(row[0]) for row in db.rows("PRAGMA integrity_check(1)")]
    except peewee.DatabaseError as error:
        found = [str(error)]
    finally:
        db.books.close_all()
    if found == ["ok"] or any("locked" in line for line in found):
        return None
    return _fall_back(config, f"the books were damaged when the program last ended ({found[0]})")


def _exchanged(config: Config) -> Outcome | None:
    """Only the books' file is another one: a `-wal` beside it belongs to the one before and must not be applied."""
    aside = _set_aside(config)
    report = _ours(examine.look_live(config.books))
    if not report.is_good:
        return _fall_back(config, _why_not(report))
    more = f" What lay beside it belonged to the file before and is in {aside.name}." if aside else ""
    return _said(config, "live", f"shop.sqlite3 was exchanged for another file by hand; it is whole and in use.{more}")


def _copied(config: Config, seen: presence.Seen, known: instance.Instance | None) -> Outcome | None:
    was_wal_there = (config.data / "shop.sqlite3-wal").exists()
    report = _ours(examine.look_live(config.books))
    if report.kind == "empty" and not _has_copies(config):
        return None  # killed in its very first start
    if not report.is_good:
        return _fall_back(config, _why_not(report))
    newest = _newest_good(config)
    if newest and report.is_behind(newest[1]):
        return _fall_back(config, "the shop.sqlite3 in this copy lacks changes that its newest snapshot has")
    if known is None and not report.is_set_up:
        return None
    if not seen.left:
        return _said(config, "live", f"This folder is a copy. Its books are whole{_until(report)}.", "info")
    if not examine.prepare(config.books, "started as a copy of a running shop", is_running_copy=True).is_good:
        return _fall_back(config, "the books could not be made ready")
    words = f"This folder was copied while the shop was open. Its books are whole{_until(report)}; what came later is"
    words += " not in them."
    if presence.OPEN in seen.left and report.journal == "wal" and not was_wal_there:
        words += (
            " Its shop.sqlite3-wal was not copied along, so the last changes before the copy may be missing too: check"
            " the last payments and stock movements."
        )
    return _said(config, "live", f"{words} Mail that was waiting is held.")


def _ours(report: examine.Report) -> examine.Report:
    """Raise DataError for a file that is whole but can't be these books: nothing may take its place unasked."""
    if report.kind in ("foreign", "newer"):
        raise DataError(
            f"{report.problems[0]} Update the program, or move the file away to start from the last snapshot."
        )
    return report


def _why_not(report: examine.Report) -> str:
    return (
        f"the books were not whole ({report.problems[0].rstrip('.')})"
        if report.problems
        else "the books were not whole"
    )


def _until(report: examine.Report) -> str:
    return f" up to {_local(datetime.fromisoformat(report.last_at))}" if report.last_at else ""


def _local(moment: datetime) -> str:
    return f"{clock.local(moment):%Y-%m-%d %H:%M:%S}"


# --- falling back ----------------------------------------------------------------------------------------------------


def _has_copies(config: Config) -> bool:
    return bool(copies.listed(config.snapshots) or copies.listed(config.backups))


def _newest_good(config: Config) -> tuple[Path, examine.Report] | None:
    """The snapshot or backup with the latest booking in it, among those that are whole."""
    found = [good for folder in (config.snapshots, config.backups) if (good := _first_good(folder))]
    return max(found, key=lambda good: good[1].last_at) if found else None


def _first_good(folder: Path) -> tuple[Path, examine.Report] | None:
    for path in copies.listed(folder):
        if copies.is_intact(path) is not False:
            report = examine.look(path)
            if report.is_good:
                return path, report
    return None


def _fall_back(config: Config, why: str) -> Outcome:
    """Put the newest good copy in place. The files that were here are set aside, whole set."""
    good = _newest_good(config)
    if good is None:
        raise DataError(
            f"The books can't be used: {why}. No good snapshot or backup lies in {config.data}. Bring one from your"
            " second folder and run: run.py restore FILE --yes."
        )
    source, _ = good
    written = _last_written(config)
    incoming = private_folder(config.data / "restore") / "shop.sqlite3"
    incoming.unlink(missing_ok=True)
    copies.plain_copy(source, incoming)
    prepared = examine.prepare(incoming, f"started from {source.name}: {why}")
    if prepared.kind != "whole":
        raise DataError(
            f"The books can't be used: {why}; and {source.name} could not be made ready. Run: run.py restore."
        )
    crashes.at("recovery.ready")
    aside = restore.exchange(config, incoming, source.name)
    taken = copies.taken_at(source)
    words = f"{why[0].upper()}{why[1:]}. The shop goes on from {source.name}, taken {_local(taken)}."
    words += f" {_lost(taken, written)}"
    words += (
        f" The files that were here lie in {aside.name}. Mail that was waiting is held, and everybody logs in again."
    )
    return _said(config, source.name, words, "critical")


def _last_written(config: Config) -> datetime | None:
    times = []
    for name in restore.SET[:2]:
        with suppress(OSError):
            times.append((config.data / name).stat().st_mtime)
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _lost(taken: datetime, written: datetime | None) -> str:
    if written is None:
        return "What was booked after that is not in it: check the last sales and payments."
    minutes = max(0, -(-int((written - taken).total_seconds()) // 60))
    if not minutes:
        return "Nothing later is known to be missing."
    return f"Up to {minutes} minutes of changes are missing: check the sales and payments since then."


def _set_aside(config: Config) -> Path | None:
    """Move stray companions of the books (a `-wal` without its file) where nothing applies them."""
    present = [name for name in restore.SET[1:4] if (config.data / name).exists()]
    if not present:
        return None
    aside = private_folder(restore.free_folder(config))
    for name in present:
        os.replace(config.data / name, aside / name)
    return aside


def _said(config: Config, took: str, sentence: str, severity: str = "warning") -> Outcome:
    outcome = Outcome(db.instant_text(clock.now()), took, sentence, severity)
    write_private(_record(config), json.dumps(asdict(outcome)).encode())
    log.warning("%s", sentence)
    return outcome
