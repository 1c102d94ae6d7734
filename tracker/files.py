"""Files that only this shop may touch: private folders, files written whole or not at all, and OS locks."""

from __future__ import annotations

import os
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from tracker.errors import Busy, DataError

WINDOWS = sys.platform == "win32"


def private_folder(path: Path) -> Path:
    """Make the folder, for this user alone (0700; on Windows it inherits from the user's profile). Raises DataError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"The folder {path} can't be made: {error.strerror}. Give it a place that you may write to."
        ) from error
    return path


def write_private(path: Path, content: bytes) -> None:
    """Replace a file whole: written beside it (0600), flushed to the disk, renamed over it."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    flush_folder(path.parent)


def write_once(path: Path, content: bytes) -> bytes:
    """Write a file that must not exist yet; where two starters race, both get the content of the first."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_private(beside, content)
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links (a USB stick): the last one wins, which the re-read below shows
        if not path.exists():
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return path.read_bytes()


def flush_folder(folder: Path) -> None:
    """Make a rename in this folder last through a power cut; Windows has no such call and needs none."""
    if WINDOWS:
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Lock:
    """An OS lock on a file, held until `release()` or the end of the process, however it ends.

    The file's text says who holds it; it stays behind when the lock is free.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def acquire(self, says: str = "", patience: float = 0.0) -> None:
        """Take the lock, waiting up to `patience` seconds, or raise Busy with what its holder wrote as the message."""
        private_folder(self.path.parent)
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._take(says)
            except Busy:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def _take(self, says: str) -> None:
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise DataError(
                f"The folder {self.path.parent} can't be written to: {error.strerror}. Free it for writing, then start."
            ) from error
        file = os.fdopen(handle, "r+b", buffering=0)
        try:
            _lock(file)
        except OSError as error:
            file.close()
            raise Busy(self.holder()) from error
        self._file = file
        self.write(says)

    def write(self, says: str) -> None:
        """The holder says something else about itself from now on."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.seek(0)
            self._file.write(says.encode() or b" ")

    def holder(self) -> str:
        """What the last holder wrote; empty when nobody ever held it."""
        with suppress(OSError):
            return self.path.read_bytes().decode("utf-8", "replace").strip("\0 ")
        return ""

    def release(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                _unlock(self._file)
            self._file.close()
            self._file = None

    def is_held(self) -> bool:
        """Whether some process (this one too) holds it now."""
        if self._file is not None:
            return True
        probe = Lock(self.path)
        if not self.path.exists():
            return False
        says = self.holder()
        try:
            probe.acquire(says)
        except Busy:
            return True
        probe.release()
        return False

    def __enter__(self) -> Lock:
        if self._file is None:
            self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


if sys.platform == "win32":  # written out, so that type checkers see one branch only
    import msvcrt

    # A byte far behind the text is locked, so that others may still read who holds it.
    _FAR = 1 << 30

    def _lock(file: IO[bytes]) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
