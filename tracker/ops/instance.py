"""Where these books live, in `data/instance.json`: so that a start notices a copied folder or an exchanged file."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tracker.config import Config
from tracker.files import write_private


@dataclass(frozen=True)
class Instance:
    """`stone` is the inode of a file that is never replaced: it stays when only the books are exchanged."""

    path: str
    machine: str
    stone: int
    books: int
    id: str = ""

    def is_same_place(self, other: Instance) -> bool:
        return (self.path, self.machine, self.stone) == (other.path, other.machine, other.stone)


def here(config: Config) -> Instance:
    """The folder as it is now."""
    return Instance(str(config.data), _machine(), _inode(config.data / "migrate.lock"), _inode(config.books))


def known(config: Config) -> Instance | None:
    """The folder as it was when the shop last opened; None when it never did."""
    try:
        return Instance(**json.loads((config.data / "instance.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remember(config: Config) -> None:
    """Write down where the books live now. A copy that starts gets an id of its own."""
    before, now = known(config), here(config)
    if before is None or not before.is_same_place(now) or before.books != now.books or not before.id:
        same = before is not None and before.is_same_place(now) and before.id
        stamped = Instance(now.path, now.machine, now.stone, now.books, str(same or secrets.token_hex(8)))
        write_private(config.data / "instance.json", json.dumps(asdict(stamped)).encode())


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
