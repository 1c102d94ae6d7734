"""Chooses, before the books are opened, which state they start from: a plain copy of `data/`, made any time, starts.

A start after a clean stop in the same place asks nothing. After an end without closing SQLite's own check runs; in a
copied folder, or with an exchanged file, every figure is checked. Books that are not whole are set aside, never
deleted, and the newest good snapshot or backup takes their place; what was taken and what it lacks is said in words.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import peewee

from tracker import clock, db
from tracker.config import Config
from tracker.errors import DataError
from tracker.files import private_folder, write_private
from tracker.ops import examine, exchange, fallback, instance, migrations, presence, snapshots

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
            exchange.tidy(config)
        return outcome
    except PermissionError as error:
        raise DataError(
            f"{error.filename} can't be moved. Close the program that has it open, and start again."
        ) from error
    finally:
        lock.release()


def opened(config: Config) -> None:
    """The books are open: remember where they live."""
    instance.remember(config, int(db.rows("PRAGMA user_version")[0][0]))
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
    if exchange.is_pending(config):
        problem = exchange.finish_pending(config)
        words = (
            f"A restore was taken back: {problem}" if problem else "A restore that was interrupted has been finished."
        )
        return _said(config, "live", words, "warning" if problem else "info")
    if not config.books.exists():
        return _without_books(config)
    known, here = instance.known(config), instance.here(config)
    if known is None or not known.is_same_place(here):
        return _copied(config, seen, known)
    beside = _companions(config)
    if known.books != here.books or (not seen.left and beside == ["shop.sqlite3-wal"]):
        return _exchanged(config)
    if seen.left or beside:
        return _after_bad_end(config)
    return None if known.closed == here.closed else _changed(config)


def _without_books(config: Config) -> Outcome | None:
    """No books: a fresh folder, or one whose books got lost while its copies did not."""
    if not fallback.has_copies(config):
        _set_aside(config)
        return None
    return _fell_back(config, "shop.sqlite3 was missing")


def _after_bad_end(config: Config) -> Outcome | None:
    """The PC or a process died. SQLite mends that by itself; a disk that lied about what it kept is found here."""
    db.open_books(config.books)
    try:
        found = [str(row[0]) for row in db.rows("PRAGMA integrity_check(1)")]
        is_there = bool(migrations.applied())
    except peewee.DatabaseError as error:
        found, is_there = [str(error)], False
    finally:
        db.books.close_all()
    if any("locked" in line for line in found):
        return None
    if found == ["ok"]:
        if is_there or not fallback.has_copies(config):
            return None
        found = ["they are empty"]
    log.error("the books are damaged: %s", found[0])
    return _fell_back(config, "the books were damaged when the program last ended")


def _changed(config: Config) -> Outcome | None:
    """The file is not as it was closed: a command that ended without a word, or a file that was put there by hand."""
    report = examine.look_live(config.books)
    newest = fallback.newest_good(config, report.lineage)
    if report.kind == "empty" and newest is None:
        return None
    if report.is_good and not (newest and report.is_behind(newest[1])):
        return None
    return _exchanged(config)


def _exchanged(config: Config) -> Outcome | None:
    """Another file was put in the place of the books: a `-wal` beside it belongs to the one before.

    Inodes come round again; but a clean stop leaves no `-wal`, so one that is there after it is stale as well. (With a
    `-shm` beside it some other program may have the books open: then nothing may be moved.)
    """
    aside = _set_aside(config)
    report = _ours(examine.look_live(config.books))
    if report.kind == "wrong":
        return _said(config, "live", f"shop.sqlite3 was exchanged for another file by hand. {_WRONG}", "critical")
    if not report.is_good:
        return _fell_back(config, _why_not(report))
    more = f" What lay beside it belonged to the file before and is in {aside.name}." if aside else ""
    return _said(config, "live", f"shop.sqlite3 was exchanged for another file by hand; it is whole and in use.{more}")


def _copied(config: Config, seen: presence.Seen, known: instance.Instance | None) -> Outcome | None:
    was_wal_there = (config.data / "shop.sqlite3-wal").exists()
    report = _ours(examine.look_live(config.books))
    if report.kind == "empty" and not fallback.has_copies(config):
        return None  # killed in its very first start
    if report.kind == "wrong" and (not seen.left or snapshots.problem(config)):
        # No torn copy: the books were wrong before. Falling back would lose all that was booked since.
        return _said(config, "live", f"This folder is a copy. {_WRONG}", "critical")
    if not report.is_good:
        return _fell_back(config, _why_not(report))
    newest = fallback.newest_good(config, report.lineage)
    if newest and report.is_behind(newest[1]):
        return _fell_back(config, "the shop.sqlite3 in this copy lacks changes that its newest snapshot has")
    if known is None and not report.is_set_up:
        return None
    if not seen.left:
        return _said(config, "live", f"This folder is a copy. Its books are whole{_until(report)}.", "info")
    if not examine.prepare(config.books, "started as a copy of a running shop", is_running_copy=True).is_good:
        return _fell_back(config, "the books could not be made ready")
    words = f"This folder was copied while the shop was open. Its books are whole{_until(report)}; what came later is"
    words += " not in them."
    if presence.OPEN in seen.left and report.journal == "wal" and not was_wal_there:
        words += (
            " Its shop.sqlite3-wal was not copied along, so the last changes before the copy may be missing too: check"
            " the last payments and stock movements."
        )
    return _said(config, "live", f"{words} Mail that was waiting is held.")


_WRONG = "Its books are in use as they are, but they don't add up: run the books check, python3 run.py doctor."


def _ours(report: examine.Report) -> examine.Report:
    """Raise DataError for a file that is whole but can't be these books: nothing may take its place unasked."""
    if report.kind in ("foreign", "newer"):
        raise DataError(
            f"{report.problems[0]} Update the program, or move the file away to start from the last snapshot."
        )
    return report


def _why_not(report: examine.Report) -> str:
    log.error("the books can't be used: %s", "; ".join(report.problems) or report.kind)  # the technician's part
    return "the books did not add up" if report.kind == "wrong" else "the books were damaged or only half copied"


def _until(report: examine.Report) -> str:
    return f" up to {fallback.local(datetime.fromisoformat(report.last_at))}" if report.last_at else ""


def _set_aside(config: Config) -> Path | None:
    """Move stray companions of the books (a `-wal` without its file) where nothing applies them."""
    present = _companions(config)
    if not present:
        return None
    aside = private_folder(exchange.free_folder(config))
    for name in present:
        os.replace(config.data / name, aside / name)
    return aside


def _fell_back(config: Config, why: str) -> Outcome:
    source, words = fallback.fall_back(config, why)
    return _said(config, source, words, "critical")


def _companions(config: Config) -> list[str]:
    return [name for name in exchange.SET[1:4] if (config.data / name).exists()]


def _said(config: Config, took: str, sentence: str, severity: str = "warning") -> Outcome:
    outcome = Outcome(db.instant_text(clock.now()), took, sentence, severity)
    write_private(_record(config), json.dumps(asdict(outcome)).encode())
    log.warning("%s", sentence)
    return outcome
