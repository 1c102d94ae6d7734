"""What is kept running and by which rules: the program, its states, and the times that the rules are made of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

STOPPED, STARTING, RUNNING, BACKOFF = "STOPPED", "STARTING", "RUNNING", "BACKOFF"
STOPPING, EXITED, FATAL = "STOPPING", "EXITED", "FATAL"
SETTLED = {STOPPED, RUNNING, BACKOFF, FATAL}  # a command has done what it can do for now

BUSY, MISCONFIGURED = 75, 78  # exit codes, as in docs/interfaces.md


@dataclass(frozen=True)
class Program:
    """What to run and how. `probe` says whether it lives (None: being there will do); `begin` is told of each start."""

    name: str
    command: list[str]
    priority: int
    stop_wait: float
    probe: Callable[[], bool] | None = None
    env: Mapping[str, str] | None = None
    autostart: bool = True
    begin: Callable[[], None] | None = None


ProgramSpec = Program


@dataclass(frozen=True)
class Timing:
    """Seconds that the rules are made of; tests make them short."""

    second: float = 1.0  # the unit of the waits 1, 2, 4 ... 60
    longest: float = 60.0
    deaths: int = 5  # restarts in vain until FATAL
    steady: float = 10.0  # alive this long, and healthy, and earlier deaths are forgotten
    fatal: float = 600.0  # then one more try: a shop has no operator
    probe: float = 10.0
    probe_start: float = 0.2
    grace: float = 60.0  # for the first sign of life
    misses: int = 3


class Reply(threading.Event):
    """Set when a command has done what it can do for now; `state` is where it led."""

    state = ""


@dataclass(frozen=True)
class Snapshot:
    """What others may know, replaced whole at each change."""

    state: str = STOPPED
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    exit_code: int | None = None
    message: str = "Not started"


def after_death(code: int | None, deaths: int, busy: int, timing: Timing) -> tuple[str, float]:
    """What becomes of a program that ended unasked, and the seconds until its next start.

    A first death is mended at once (EXITED for an instant); then after 1, 2, 4, 8 seconds (BACKOFF); then FATAL with a
    try every ten minutes. Exit code 78 is FATAL at once. Code 75 (somebody else holds what it needs) waits 1, 2, 4 ...
    60 seconds and is never FATAL. Every other code, 0 too, is a death: nobody asked the program to end.
    """
    if code == BUSY:
        return BACKOFF, _wait(busy - 1, timing)
    if code == MISCONFIGURED or deaths > timing.deaths:
        return FATAL, timing.fatal
    if deaths == 1:
        return EXITED, 0.0
    return BACKOFF, _wait(deaths - 2, timing)


def _wait(doublings: int, timing: Timing) -> float:
    return min(2.0 ** min(doublings, 16) * timing.second, timing.longest)
