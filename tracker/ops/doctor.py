"""The installation's health: what the PC, the folder and the copies look like, each as a sentence with its fix."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import peewee

from tracker import clock, db
from tracker.config import Config
from tracker.ops import backups, examine, recovery, snapshots
from tracker.shop import settings

BUILT = datetime(2026, 11, 1, tzinfo=UTC)  # no PC with this program can truly have an earlier date
MEGABYTE = 1_000_000
SYNCED = ("onedrive", "dropbox", "google drive", "googledrive", "my drive", "icloud drive", "com~apple~clouddocs")
SHARES = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "drvfs", "fuse.sshfs", "fuse.rclone", "fuse.gvfsd-fuse"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `status` is ok, warn or fail; `link` is the page where it is mended."""

    id: str
    status: str
    sentence: str
    fix: str = ""
    link: str = "/health"


def quick(config: Config) -> list[Check]:
    """What a page may ask at each request: no file is read, only looked at from outside."""
    return [check(config) for check in CHECKS]


def database(config: Config) -> Check:
    """Whether the books answer, and on which SQLite."""
    try:
        db.rows("SELECT 1 FROM setting LIMIT 1")
    except peewee.DatabaseError as error:
        fix = "Stop the shop and start it again; if that does not help: python3 run.py backup list."
        return Check("database", "fail", f"The books can't be read: {error}.", fix)
    version = db.sqlite3.sqlite_version
    if not db.wal_is_safe():
        sentence = f"SQLite {version} has a known fault, so the shop runs in its slower safe mode."
        return Check("database", "warn", sentence, "Nothing is at risk. A newer Python or operating system is quicker.")
    return Check("database", "ok", f"The books answer (SQLite {version}).")


def database_thoroughly(config: Config) -> Check:
    """Every page of the file, read by a process of its own."""
    found = database(config)
    if found.status == "fail":
        return found
    report = examine.look_live(config.books)
    if report.is_good:
        return found
    fix = "Make a backup of the folder, then: python3 run.py restore with the newest backup that verifies."
    return Check("database", "fail", " ".join(report.problems[:3]) or "The books are not whole.", fix)


def disk(config: Config) -> Check:
    free = shutil.disk_usage(config.data).free
    sentence = f"{free / 1000**3:.1f} GB are free on the disk of the data folder."
    fix = "Empty the waste bin, or move pictures and films to another disk."
    if free < 100 * MEGABYTE:
        return Check(
            "disk", "fail", f"The disk is nearly full: {free // MEGABYTE} MB are free. No copy can be made.", fix
        )
    return Check("disk", "warn", sentence, fix) if free < 1000 * MEGABYTE else Check("disk", "ok", sentence)


def right_time(config: Config) -> Check:
    """The PC's clock against the program's age and against what was booked last."""
    now, fix = clock.now(), "Set the PC's date and time, and let it set them by itself from the internet."
    if now < BUILT:
        return Check("clock", "fail", f"The PC's clock is wrong: it says {now:%Y-%m-%d}.", fix)
    last = db.rows("SELECT at FROM audit ORDER BY id DESC LIMIT 1")
    if last and datetime.fromisoformat(last[0][0]) > now + timedelta(hours=1):
        sentence = (
            f"The PC's clock was set back: the last change in the books is dated {last[0][0][:16].replace('T', ' ')}."
        )
        return Check("clock", "warn", sentence, fix)
    return Check("clock", "ok", f"It is {clock.local():%Y-%m-%d %H:%M} in {clock.zone().key}.")


def permissions(config: Config) -> Check:
    """Who else on this PC may read the keys, and whether the folder can be written."""
    if not os.access(config.data, os.W_OK):
        fix = f"Give your user the right to write in {config.data}."
        return Check("permissions", "fail", f"The folder {config.data} can't be written.", fix)
    if sys.platform != "win32":
        paths = [config.secret, *config.secret.glob("*"), config.books]
        if any(path.exists() and path.stat().st_mode & 0o077 for path in paths):
            sentence = "Other users of this PC can read the shop's keys or books."
            return Check("permissions", "warn", sentence, f"chmod -R go= {config.data}")
    return Check("permissions", "ok", "Only this user can read the shop's data.")


def data_folder(config: Config) -> Check:
    """A folder that another program copies, or that lies on another computer, breaks databases."""
    fix = (
        "Stop the shop, move the folder to this PC's own disk and set TRACKER_DATA to it. Back up to the cloud instead."
    )
    parts = [part.casefold() for part in config.data.parts]
    synced = next((part for part in parts for name in SYNCED if part == name or part.startswith(f"{name} -")), "")
    if synced:
        return Check("data_folder", "warn", f"The data folder lies in a folder that is synchronised ({synced}).", fix)
    if _is_on_a_share(config.data):
        return Check("data_folder", "warn", "The data folder lies on another computer or in a shared folder.", fix)
    return Check("data_folder", "ok", f"The data folder is {config.data}.")


def _is_on_a_share(path: Path) -> bool:
    if sys.platform == "win32":
        import ctypes

        anchor = path.anchor
        return anchor.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(anchor) == 4
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    mounts = [line.split() for line in lines]
    here = [(len(fields[1]), fields[2]) for fields in mounts if path.is_relative_to(fields[1].replace("\\040", " "))]
    return bool(here) and max(here)[1] in SHARES


def backup_age(config: Config) -> Check:
    """How old the newest backup is; a shop that was set up today has until tomorrow."""
    found, now = backups.listing(config), clock.now()
    fix = "Make one now: python3 run.py backup. Then see why the nightly one did not run."
    if found:
        age = now - found[0].taken_at
        sentence = f"The last backup is {found[0].path.name}, {_aged(age)} old."
        status = "ok" if age < timedelta(hours=26) else "warn" if age < timedelta(days=3) else "fail"
        return Check("backup_age", status, sentence, "" if status == "ok" else fix)
    first = db.rows("SELECT at FROM audit ORDER BY id LIMIT 1")
    if not first or now - datetime.fromisoformat(first[0][0]) < timedelta(hours=26):
        return Check("backup_age", "ok", "The first backup is made tonight.")
    return Check("backup_age", "fail", "There is no backup yet.", fix)


def _aged(age: timedelta) -> str:
    hours = max(0, int(age.total_seconds() // 3600))
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"


def second_folder(config: Config) -> Check:
    problem = backups.second_folder_problem(config)
    if problem:
        fix = "Plug the stick in, or choose another second folder under Settings. The next backup goes there."
        return Check("second_folder", "warn", problem, fix, "/settings")
    wanted = settings.current().backup_folder
    return Check("second_folder", "ok", f"Backups also go to {wanted}." if wanted else "No second folder is wanted.")


def snapshot(config: Config) -> Check:
    problem = snapshots.problem(config)
    if problem:
        return Check("snapshots", "fail", problem, "Mend the cause; a new one is tried every few minutes.")
    found = snapshots.listing(config)
    return Check("snapshots", "ok", f"The last snapshot is {found[0].path.name}." if found else "No snapshot yet.")


def unusual_start(config: Config) -> Check:
    """What the last start found, until somebody has read it."""
    found = recovery.last(config)
    if found is None:
        return Check("recovery", "ok", "The last start was an ordinary one.")
    status = {"critical": "fail", "warning": "warn"}.get(found.severity, "ok")
    fix = "" if status == "ok" else "Read it, check what it names, then: python3 run.py doctor --seen."
    return Check("recovery", status, found.sentence, fix)


CHECKS: tuple[Callable[[Config], Check], ...] = (
    database,
    disk,
    right_time,
    permissions,
    data_folder,
    backup_age,
    second_folder,
    snapshot,
    unusual_start,
)
