"""Where these books live, in `data/instance.json`: so that a start notices a copied folder or an exchanged file."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tracker.config import Config
from tracker.files import write_private


@dataclass(frozen=True)
class Instance:
    """`stone` is the inode of a file that is never replaced: it stays when only the books are exchanged.

    `lineage` is the books' own mark, which changes with each restore. `closed` is how the file was when it was closed.
    """

    path: str
    machine: str
    stone: int
    books: int
    lineage: int = 0
    closed: str = ""
    id: str = ""
    zone: str = ""  # the shop's, for who reads a backup's name while the books are closed or broken

    def is_same_place(self, other: Instance) -> bool:
        return (self.path, self.machine, self.stone) == (other.path, other.machine, other.stone)


def here(config: Config) -> Instance:
    """The folder as it is now."""
    stone, books = _inode(config.data / "migrate.lock"), _inode(config.books)
    return Instance(str(config.data), _machine(), stone, books, closed=_shape(config.books))


def known(config: Config) -> Instance | None:
    """The folder as it was when the shop last opened; None when it never did."""
    try:
        return Instance(**json.loads((config.data / "instance.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remember(config: Config, lineage: int | None = None) -> None:
    """Write down where the books live now (and their lineage, where it is known). A copy gets an id of its own."""
    before, now = known(config), here(config)
    is_same = before is not None and before.is_same_place(now)
    stamped = replace(
        now,
        closed=before.closed if before else "",
        lineage=lineage if lineage is not None else before.lineage if before else 0,
        id=before.id if before and is_same else secrets.token_hex(8),
        zone=before.zone if before else "",
    )
    if stamped != before:
        write_private(config.data / "instance.json", json.dumps(asdict(stamped)).encode())


def note_closed(config: Config) -> None:
    """Write down how the file looks after a proper end: inodes come round again, but size and time don't with them."""
    before, closed = known(config), _shape(config.books)
    if before and before.closed != closed:
        write_private(config.data / "instance.json", json.dumps(asdict(replace(before, closed=closed))).encode())


def note_zone(config: Config, zone: str) -> None:
    """Write down the shop's time zone as the books have it."""
    before = known(config)
    if before and before.zone != zone:
        write_private(config.data / "instance.json", json.dumps(asdict(replace(before, zone=zone))).encode())


def zone(config: Config) -> str:
    """The shop's time zone without its books: as the environment says, or as last noted; empty when nobody knows."""
    before = known(config)
    return config.timezone or (before.zone if before else "")


def _shape(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _machine() -> str:
    """What this computer calls itself for good; empty where it has no such name."""
    if sys.platform == "win32":
        import winreg

        with suppress(OSError), winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    for name in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with suppress(OSError):
            return Path(name).read_text(encoding="ascii").strip()
    return ""
