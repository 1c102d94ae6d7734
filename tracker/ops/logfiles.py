"""Log files that one process writes and rotates: cut at line ends, no line lost or torn, never over their limit."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tracker import clock
from tracker.log import line_format

LONGEST = 65_536  # bytes; a line without an end is folded there, so that no child can fill our memory
FOLD = b"\\\n"  # a folded line goes on in the next one
_RENAME_AGAIN = 30.0  # seconds until a refused rename (Windows, while a viewer holds the file) is tried again


class LogFile:
    """`path`, then `path.1` (newest) to `path.N` (oldest). Safe to share between threads; `write` never raises.

    A file that somebody deletes is made again at the next write. When the disk refuses, lines are dropped and
    counted, and the file says how many as soon as it can.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        self.path = path
        self._max, self._backups = max_bytes, backups
        self._lock = threading.Lock()
        self._handle: int | None = None
        self._identity: tuple[int, int] = (0, 0)
        self._size = 0
        self._lost, self._why = 0, ""
        self._rename_at = 0.0

    def write(self, lines: bytes) -> None:
        """Append whole lines (the last one, too, ends in a line feed)."""
        with self._lock:
            if self._said_what_was_lost():
                self._fill(lines)
            else:
                self._lost += lines.count(b"\n")

    def close(self) -> None:
        with self._lock:
            self._close()

    def _said_what_was_lost(self) -> bool:
        if not self._lost:
            return True
        lost, self._lost = self._lost, 0
        moment = clock.local().strftime("%Y-%m-%d %H:%M:%S")
        self._fill(f"{moment} warning log: {lost} lines are missing here: {self._why}\n".encode())
        if self._lost:  # it refused the note too
            self._lost = lost
        return not self._lost

    def _fill(self, lines: bytes) -> None:
        while lines and self._ready():
            room = self._max - self._size
            if len(lines) <= room:
                taken, lines = lines, b""
            elif cut := lines.rfind(b"\n", 0, max(0, room)) + 1:
                taken, lines = lines[:cut], lines[cut:]
            elif self._size and self._rotate():
                continue
            elif self._size:  # the rename was refused: better too long than lost
                taken, lines = lines, b""
            else:  # one line longer than a whole file
                cut = max(1, self._max - len(FOLD))
                taken, lines = lines[:cut] + FOLD, lines[cut:]
            if not self._append(taken):
                self._lost += lines.count(b"\n")
                return
        if lines:
            self._lost += lines.count(b"\n")

    def _ready(self) -> bool:
        if self._handle is not None and self._identity != _identity(self.path):
            self._close()
        if self._handle is None:
            try:
                self._open()
            except OSError as error:
                self._why = error.strerror or str(error)
                self._close()
        return self._handle is not None

    def _open(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._handle = os.open(self.path, flags, 0o600)
        found = os.fstat(self._handle)
        self._identity, self._size = (found.st_dev, found.st_ino), found.st_size
        if self._size:  # a power cut may have left half a line
            os.lseek(self._handle, -1, os.SEEK_END)
            if os.read(self._handle, 1) != b"\n":
                self._size += os.write(self._handle, b"\n")

    def _close(self) -> None:
        if self._handle is not None:
            with suppress(OSError):
                os.close(self._handle)
            self._handle = None

    def _append(self, lines: bytes) -> bool:
        assert self._handle is not None
        done = 0
        try:
            while done < len(lines):
                done += os.write(self._handle, lines[done:] if done else lines)
        except OSError as error:
            whole = lines.rfind(b"\n", 0, done) + 1
            with suppress(OSError):
                os.ftruncate(self._handle, self._size + whole)
            self._lost += lines.count(b"\n", whole)
            self._why = error.strerror or str(error)
            self._close()
            return False
        self._size += done
        return True

    def _rotate(self) -> bool:
        """Move the file to `.1`, the older ones up as far as the first gap. False when a rename was refused."""
        if clock.monotonic() < self._rename_at:
            return False
        self._close()
        names = [self.path, *(self.path.with_name(f"{self.path.name}.{n}") for n in range(1, self._backups + 1))]
        gap = next((n for n, name in enumerate(names) if n and not name.exists()), self._backups)
        try:
            for n in range(gap, 0, -1):
                os.replace(names[n - 1], names[n])
        except FileNotFoundError:
            pass  # somebody deleted one just now: there is room all the same
        except OSError:
            self._rename_at = clock.monotonic() + _RENAME_AGAIN
            self._ready()
            return False
        return True


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def pump(handle: int, log: LogFile, seen: Callable[[bytes], None] | None = None) -> None:
    """Copy a child's pipe into its log until the child and all who share the pipe have closed it.

    `seen` gets each piece of whole lines; it must be quick. Does nothing else, so that a child never waits for it.
    """
    pending = b""
    while chunk := _read(handle):
        head, end, tail = chunk.rpartition(b"\n")
        if end:
            _hand_on(pending + head + end, log, seen)
            pending = tail
        else:
            pending += tail
        while len(pending) >= LONGEST:
            _hand_on(pending[:LONGEST] + FOLD, log, seen)
            pending = pending[LONGEST:]
    if pending:
        _hand_on(pending + b"\n", log, seen)


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, LONGEST)
    except OSError:  # Windows says "broken pipe" for the end
        return b""


def _hand_on(lines: bytes, log: LogFile, seen: Callable[[bytes], None] | None) -> None:
    log.write(lines)
    if seen is not None:
        seen(lines)


class LogHandler(logging.Handler):
    """For our own notes: the same kind of file."""

    def __init__(self, file: LogFile) -> None:
        super().__init__()
        self._file = file
        self.setFormatter(line_format())

    def emit(self, record: logging.LogRecord) -> None:
        self._file.write(self.format(record).encode("utf-8", "replace") + b"\n")


def tail(path: Path, lines: int = 100) -> list[str]:
    """The last lines of a log, oldest first, over the border of its newest older file; [] when there is none."""
    found = _last_lines(path, lines)
    if len(found) < lines:
        found = _last_lines(path.with_name(f"{path.name}.1"), lines - len(found)) + found
    return [line.decode("utf-8", "replace") for line in found]


def _last_lines(path: Path, lines: int, block: int = 65_536, most: int = 4_000_000) -> list[bytes]:
    if lines <= 0:
        return []
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            start = end
            content = b""
            while start and content.count(b"\n") <= lines and end - start < most:
                start = max(0, start - block)
                file.seek(start)
                content = file.read(end - start)
    except OSError:
        return []
    whole = content.splitlines()
    return whole[-lines:]
