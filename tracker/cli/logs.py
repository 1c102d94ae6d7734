"""What the processes said: the last lines of their logs, in the order of their time, and what they say from now on."""

from __future__ import annotations

import argparse
import re
import time
from heapq import merge
from pathlib import Path
from typing import Any

from tracker import config as settings
from tracker.cli.output import say
from tracker.cli.processes import known
from tracker.config import Config
from tracker.errors import Refused

NAMES = ("web", "worker", "supervisor")
LINES = 50  # shown unless told otherwise
BEFORE = 200  # lines read beyond those, to find the time that the middle of a long trace belongs to
LOOK = 0.25  # seconds between two looks while following
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")

Line = tuple[str, str]  # when it was said (text that sorts), and what the terminal shows


def register(add: Any) -> None:
    logs = add("logs", "what the processes said; -f goes on showing what they say", _logs)
    logs.add_argument("name", nargs="?", metavar="web|worker|supervisor")
    logs.add_argument("--errors", action="store_true", help="only warnings and errors")
    logs.add_argument("-n", type=int, default=LINES, metavar="LINES", help=f"how many lines ({LINES})")
    logs.add_argument("-f", action="store_true", dest="follow", help="go on until Ctrl-C")


def _logs(arguments: argparse.Namespace) -> int:
    config, name = settings.load(), known(arguments.name, NAMES)
    if arguments.n < 0:
        raise Refused("Give -n a number of lines, 0 or more.")
    files = log_files(config, name, arguments.errors)
    followed = [_Followed(path, label) for path, label in files]
    for _, text in last_lines(files, arguments.n):
        say(text)
    while arguments.follow:
        time.sleep(LOOK)
        for _, text in merge(*(file.news() for file in followed), key=_when):
            say(text)
    return 0


def log_files(config: Config, name: str | None, errors: bool) -> list[tuple[Path, str]]:
    """The logs of a process, or of all, each with the label before its lines (none when only one process is shown)."""
    found = []
    for each in (name,) if name else NAMES:
        kinds = ("",) if each == "supervisor" else ("_error",) if errors else ("", "_error")
        found += [(config.logs / f"{each}{kind}.log", "" if name else f"{each:<10} | ") for kind in kinds]
    return found


def last_lines(files: list[tuple[Path, str]], count: int) -> list[Line]:
    """The last lines of several logs together, oldest first. A line without a time belongs to the one before it."""
    from tracker.ops.logfiles import tail

    timed = [_timed(tail(path, count + BEFORE), label) for path, label in files]
    return list(merge(*timed, key=_when))[-count:] if count else []


def _when(line: Line) -> str:
    return line[0]


def _timed(lines: list[str], label: str, moment: str = "") -> list[Line]:
    timed = []
    for line in lines:
        found = _TIME.match(line)
        moment = max(moment, found.group().replace("T", " ")) if found else moment  # in a file, order is the truth
        timed.append((moment, label + line))
    return timed


class _Followed:
    """A log from where it ends now, over its rotations. The file is never kept open: Windows could not rename it."""

    def __init__(self, path: Path, label: str) -> None:
        self.path, self.label = path, label
        self.identity, self.offset = self._look()
        self.moment = ""

    def news(self) -> list[Line]:
        """Whole lines that came since the last look."""
        identity, size = self._look()
        content = b""
        if identity != self.identity:
            content = self._rest_of_the_old()
            self.identity, self.offset = identity, 0
        elif size < self.offset:
            self.offset = 0
        fresh = _read(self.path, self.offset) if size > self.offset else b""
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self.offset += len(whole)
        lines = _timed((content + whole).decode("utf-8", "replace").splitlines(), self.label, self.moment)
        self.moment = lines[-1][0] if lines else self.moment
        return lines

    def _look(self) -> tuple[tuple[int, int], int]:
        return _identity_and_size(self.path)

    def _rest_of_the_old(self) -> bytes:
        older = self.path.with_name(f"{self.path.name}.1")
        return _read(older, self.offset) if _identity_and_size(older)[0] == self.identity else b""


def _identity_and_size(path: Path) -> tuple[tuple[int, int], int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0), 0
    return (found.st_dev, found.st_ino), found.st_size


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read()
    except OSError:
        return b""
