"""Puts one of our own copies in the place of the books, so that a kill at any moment ends in the old or the new ones.

Everything slow or doubtful happens to a private copy in `data/restore/` first: examined in a process of its own,
migrated, its mail held. Then a plan is written down (`restore-pending.json`); what is left are renames, which a start
finishes.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from tracker import clock, crashes, db
from tracker.config import Config
from tracker.errors import Busy, DataError, Refused
from tracker.files import Lock, flush_folder, private_folder, write_private
from tracker.ops import backups, copies, examine, instance, migrations, presence, snapshots
from tracker.shop import settings

LARGEST = 4 << 30  # bytes
HEADER = b"SQLite format 3\0"
SET = tuple(name + end for name in ("shop.sqlite3", "ops.sqlite3") for end in ("", "-wal", "-shm", "-journal"))


def restore(config: Config, file: str, yes: bool) -> str:
    """Exchange the books for a backup or snapshot (a listed name, or a path). Returns what was done as a sentence.

    Raises NotFound; Refused without `yes` or for a file that will not do; Busy while anything has the books open;
    DataError when there is no room. Then the present files are untouched, byte for byte.
    """
    lock = migrations.locked(config)
    try:
        refuse_while_open(config)
        finish_pending(config)
        source = backups.find(config, file)
        if not yes:
            raise Refused(f"This replaces the shop's books with those of {source.name}. Say so with --yes.")
        incoming = _brought_in(config, source)
        try:
            report = _made_ready(incoming, source)
            kept = _snapshot_present(config)
            aside = exchange(config, incoming, source.name, report.lineage)
            _first_snapshot(config)
            instance.note_closed(config)
        finally:
            if not is_pending(config):
                shutil.rmtree(_incoming_folder(config), ignore_errors=True)
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


def _incoming_folder(config: Config) -> Path:
    return config.data / "restore"


def _brought_in(config: Config, source: Path) -> Path:
    """Copy the file in and compare its hash: what is examined is what will be used."""
    _refuse_at_sight(config, source)
    folder = _incoming_folder(config)
    shutil.rmtree(folder, ignore_errors=True)
    incoming = private_folder(folder) / "shop.sqlite3"
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
    report = examine.look(incoming)
    if report.is_good:
        report = examine.prepare(incoming, f"restored from {source.name}")
    if report.kind != "whole":
        said = (report.problems or ["it can't be used."])[0].replace(incoming.name, source.name)
        more = " Update the program, then restore it." if report.kind == "newer" else ""
        raise Refused(f"{said}{more} Nothing was changed.")
    crashes.at("restore.ready")
    return report


def _snapshot_present(config: Config) -> str:
    """A verified copy of what is about to be replaced, where it is whole; the files themselves are kept either way."""
    if not config.books.exists() or not examine.look_live(config.books).is_good:
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
    except DataError:
        return None
    finally:
        db.close()


# --- the exchange ----------------------------------------------------------------------------------------------------


def exchange(config: Config, incoming: Path, name: str, lineage: int) -> Path:
    """Put a ready copy (in this data folder) in the place of the books. Returns where the present files went.

    Raises DataError when the copy is not whole in its new place; then the files that were there are back. The caller
    holds the migrate lock and nobody has the books open.
    """
    aside = free_folder(config)
    copies.flush(incoming)
    plan = {
        "from": name,
        "incoming": incoming.relative_to(config.data).as_posix(),
        "sha256": copies.digest(incoming),
        "aside": aside.name,
        "lineage": lineage,
        "present": [found for found in SET if (config.data / found).exists()],
    }
    _write_plan(config, plan)
    crashes.at("restore.planned")
    problem = finish_pending(config)
    if problem:
        raise DataError(problem)
    return aside


def finish_pending(config: Config) -> str:
    """Carry out the plan that was written down, from wherever a kill left it. Returns why it had to be taken back."""
    path = _plan_path(config)
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    problem = plan.get("problem") or _carry_out(config, plan)
    if problem:
        _write_plan(config, {**plan, "problem": problem})  # from here on it is only taken back
        crashes.at("restore.refused")
        _take_back(config, plan)
        problem += " The books that were here are back."
    instance.remember(config, None if problem else plan["lineage"])
    crashes.at("restore.checked")
    shutil.rmtree(_incoming_folder(config), ignore_errors=True)
    path.unlink()
    flush_folder(config.data)
    return problem


def is_pending(config: Config) -> bool:
    return _plan_path(config).exists()


def _plan_path(config: Config) -> Path:
    return config.data / "restore-pending.json"


def _write_plan(config: Config, plan: dict[str, Any]) -> None:
    write_private(_plan_path(config), json.dumps(plan).encode())


def _carry_out(config: Config, plan: dict[str, Any]) -> str:
    incoming, aside = config.data / plan["incoming"], config.data / plan["aside"]
    if incoming.exists():
        if copies.digest(incoming) != plan["sha256"]:
            return f"{plan['from']} changed while it was being restored."
        _move(config.data, aside)
        crashes.at("restore.moved")
        os.replace(incoming, config.books)
        flush_folder(config.data)
        crashes.at("restore.renamed")
    elif "shop.sqlite3" in plan["present"] and not (aside / "shop.sqlite3").exists():
        return f"{plan['from']} vanished while it was being restored."
    return "" if examine.look_live(config.books).is_good else f"{plan['from']} was not whole in its new place."


def free_folder(config: Config) -> Path:
    stem = f"replaced-{clock.local():%Y%m%d-%H%M%S}"
    place = 1
    while (config.data / (stem if place == 1 else f"{stem}-{place}")).exists():
        place += 1
    return config.data / (stem if place == 1 else f"{stem}-{place}")


def _move(data: Path, aside: Path) -> None:
    """Move the books and all that belongs to them; the books last, so that a kill half-way is seen."""
    private_folder(aside)
    for name in reversed(SET):
        if (data / name).exists():
            os.replace(data / name, aside / name)
            crashes.at(f"restore.moved.{name}")
    flush_folder(aside)
    flush_folder(data)


def _take_back(config: Config, plan: dict[str, Any]) -> None:
    """Every file that was here comes back, what came since goes; the books last, so that a kill half-way is seen."""
    aside = config.data / plan["aside"]
    for name in reversed(SET):
        if (aside / name).exists():
            os.replace(aside / name, config.data / name)
        elif name not in plan["present"]:
            (config.data / name).unlink(missing_ok=True)
        crashes.at(f"restore.back.{name}")
    with suppress(OSError):
        aside.rmdir()
    flush_folder(config.data)
