"""Nightly backups in `data/backups/`, verified, with a second home on a stick or a share where the owner named one.

Kept: everything of the last two days that have backups, then the last one of each of 14 days and of each of 12 months.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tracker import clock
from tracker.config import Config
from tracker.errors import DataError, NotFound
from tracker.files import flush_folder, write_private
from tracker.ops import copies, examine
from tracker.shop import settings

DAYS, MONTHS, WHOLE_DAYS = 14, 12, 2


@dataclass(frozen=True)
class Backup:
    """A file that `run.py restore` takes."""

    path: Path
    taken_at: datetime
    size: int


@dataclass(frozen=True)
class Verdict:
    """What a look at a backup found; no problems = it can be restored."""

    path: Path
    problems: list[str]
    last_at: str = ""

    @property
    def is_good(self) -> bool:
        return not self.problems


def back_up(config: Config, why: str = "nightly") -> Path:
    """Make `shop-YYYYMMDD-HHMMSS.sqlite3` (the shop's wall clock) of the open books, verified; thin out the old ones.

    Raises DataError when no whole copy could be made: then nothing half-done is kept and no older backup is removed. A
    second folder that can't be reached does not fail the backup; `second_folder_problem` says it.
    """
    lock = copies.locked(config)
    try:
        path = _free_name(config.backups)
        copies.make(config, path)
        _thin_out(config.backups)
        _to_second_folder(config, path, why)
        return path
    finally:
        lock.release()


def listing(config: Config) -> list[Backup]:
    """The backups that lie in `data/backups/`, newest first."""
    return [Backup(path, copies.taken_at(path), path.stat().st_size) for path in copies.listed(config.backups)]


def find(config: Config, name: str) -> Path:
    """A backup or snapshot by its listed name, else a path to a file. Raises NotFound."""
    if Path(name).name == name:
        for folder in (config.backups, config.snapshots):
            if (folder / name).is_file():
                return folder / name
    path = Path(name).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no backup {name}. See: run.py backup list.")
    return path.resolve()


def verify(path: Path) -> Verdict:
    """Compare the hash, then examine the file in a process of its own: pages, foreign keys, tables, every figure."""
    if copies.is_intact(path) is False:
        return Verdict(path, [f"{path.name} is not as it was written: its SHA-256 differs."])
    report = examine.look(path)
    return Verdict(path, report.problems, report.last_at)


def second_folder_problem(config: Config) -> str:
    """Why the last backup is not in the second folder, as a sentence; empty when it is, or when none is wanted."""
    if not settings.current().backup_folder:
        return ""
    try:
        return str(json.loads((config.backups / "second.json").read_text(encoding="utf-8"))["problem"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return "It is not known whether the last backup reached the second folder."


def _free_name(folder: Path) -> Path:
    moment = clock.local()
    while True:
        path = folder / f"shop-{moment:%Y%m%d-%H%M%S}.sqlite3"
        if not path.exists():
            return path
        moment += timedelta(seconds=1)


def _to_second_folder(config: Config, path: Path, why: str) -> None:
    wanted = settings.load().backup_folder
    if not wanted:
        return
    problem = ""
    try:
        _copy_over(path, Path(wanted).expanduser())
    except (OSError, DataError) as error:
        said = error.message if isinstance(error, DataError) else f"{error.strerror or error}."
        problem = f"The backup {path.name} could not be copied to {wanted}. {said}"
    status = {"name": path.name, "why": why, "problem": problem}
    write_private(config.backups / "second.json", json.dumps(status).encode())


def _copy_over(path: Path, folder: Path) -> None:
    if not folder.is_dir():  # never made here: an empty mount point would fill the PC's own disk
        raise DataError("The folder is not there (is the stick plugged in?).")
    beside = folder / f".{path.name}.part"
    copies.tidy(folder)
    try:
        copies.plain_copy(path, beside)
        if copies.digest(beside) != copies.digest(path):
            raise DataError("What was read back differs from what was written.")
        write_private(folder / f"{path.name}.sha256", f"{copies.digest(path)}  {path.name}\n".encode())
        os.replace(beside, folder / path.name)
        flush_folder(folder)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    _thin_out(folder)


def _thin_out(folder: Path) -> None:
    now, days, months = clock.now(), [], []  # type: ignore[var-annotated]
    for path in copies.listed(folder):
        moment = clock.local(copies.taken_at(path))
        if moment > now + timedelta(hours=1):
            continue  # a wrong clock dated it; the owner decides
        day, month = moment.date(), (moment.year, moment.month)
        first_of_day, first_of_month = day not in days, month not in months
        if first_of_day:
            days.append(day)
        if first_of_month:
            months.append(month)
        is_whole_day = days.index(day) < WHOLE_DAYS
        is_daily, is_monthly = first_of_day and len(days) <= DAYS, first_of_month and len(months) <= MONTHS
        if not (is_whole_day or is_daily or is_monthly):
            copies.remove(path)
