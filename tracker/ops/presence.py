"""Who has these books open: each process holds an OS lock on a file of its own in `data/running/` while it does.

A file there that nobody holds was left by a process that ended without closing (a kill, a power cut), or came with a
folder that was copied while the shop was open. Entering and asking happen under the migrate lock, so they never race.
"""

from __future__ import annotations

import atexit
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tracker import db
from tracker.config import Config
from tracker.files import Lock, flush_folder, private_folder

OPENING, OPEN = "opening", "open"


@dataclass(frozen=True)
class Seen:
    """The other processes: `others` hold the books now, `left` ended without closing (the word is what each wrote)."""

    others: int
    left: tuple[str, ...]


_mine: Lock | None = None


def _folder(config: Config) -> Path:
    return config.data / "running"


def look(config: Config) -> Seen:
    """Count the processes beside this one, and take away what ended ones left behind."""
    others, left = 0, []
    for path in sorted(_folder(config).glob("*.lock")):
        if _mine is not None and path == _mine.path:
            continue
        lock = Lock(path)
        if lock.is_held():
            others += 1
        else:
            left.append(lock.holder())
    return Seen(others, tuple(left))


def sweep(config: Config) -> None:
    """Remove the files that ended processes left; called when the check that they ask for is done."""
    for path in _folder(config).glob("*.lock"):
        if (_mine is None or path != _mine.path) and not Lock(path).is_held():
            path.unlink(missing_ok=True)


def enter(config: Config) -> None:
    """This process is about to open the books."""
    global _mine
    if is_here(config):
        return
    leave()
    private_folder(_folder(config))
    lock = Lock(_folder(config) / f"{os.getpid()}-{secrets.token_hex(3)}.lock")
    lock.acquire(OPENING)
    flush_folder(lock.path.parent)  # a power cut must not hide that somebody was here
    _mine = lock


def is_here(config: Config) -> bool:
    """Whether this process entered already."""
    return _mine is not None and _mine.path.parent == _folder(config) and _mine.path.exists()


def opened() -> None:
    """The books are open now: from here on a running shop has a `-wal` file, so that one that is missing is noticed."""
    if _mine is not None:
        _mine.write(OPEN)


def leave() -> None:
    """This process has closed the books."""
    global _mine
    if _mine is not None:
        _mine.release()
        with suppress(
            OSError
        ):  # another process may be looking at it (Windows); then it counts as left, which costs a check
            _mine.path.unlink(missing_ok=True)
        _mine = None


def _at_exit() -> None:
    """A process that ends without closing the books leaves its file behind: the next start then looks at them."""
    if not db.books.is_in_use():
        leave()


atexit.register(_at_exit)
