"""What the supervisor's tests share: little child programs, a supervisor in a thread, and patience."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tracker.config import Config
from tracker.ops import control
from tracker.ops.program import Program, Timing
from tracker.ops.supervisor import Supervisor

PROGRAMS = Path(__file__).parent / "programs"
QUICK = Timing(second=0.05, longest=0.4, steady=30, fatal=60, probe=0.05, probe_start=0.02, grace=10)
PATIENCE = 20.0


def program(config: Config, name: str, mode: str = "quiet", *rest: object, **others: Any) -> Program:
    """One of the little children, as a program called `name`; its first act is a line in DATA/NAME.pids."""
    command = [sys.executable, "-S", "-E", str(PROGRAMS / "child.py"), mode, str(_pids(config, name))]
    settings = {"priority": 100, "stop_wait": 10.0, **others}
    return Program(name, [*command, *map(str, rest)], **settings)


def _pids(config: Config, name: str) -> Path:
    config.data.mkdir(parents=True, exist_ok=True)
    return config.data / f"{name}.pids"


def started(config: Config, name: str) -> list[tuple[int, float]]:
    """(pid, monotonic instant) of each process that was started under this name."""
    path = _pids(config, name)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(int(pid), float(moment)) for pid, moment in (line.split() for line in lines)]


def wait_until(question: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true answer; fails the test when there is none in time."""
    deadline = time.monotonic() + patience
    while not (answer := question()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return answer


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def supervised(config: Config, *programs: Program, timing: Timing = QUICK, **others: Any) -> Iterator[Supervisor]:
    """A supervisor in a thread of this process; it is shut down afterwards, and nothing it started is left."""
    supervisor = Supervisor(config, list(programs), timing=timing, **others)
    thread = threading.Thread(target=supervisor.run, daemon=True)
    thread.start()
    wait_until(lambda: _is_ours(config))
    try:
        yield supervisor
    finally:
        supervisor.shutdown()
        thread.join(30)
        assert not thread.is_alive()
        pids = [pid for one in programs for pid, _ in started(config, one.name)]
        wait_until(lambda: not any(map(is_alive, pids)))


def _is_ours(config: Config) -> bool:
    try:
        return control.call(config, "status")["pid"] == os.getpid()
    except control.NotRunning:
        return False


def state(config: Config, name: str) -> dict[str, Any]:
    """What the control channel says of one program."""
    return control.call(config, "status", name=name)["programs"][0]


def wait_for(config: Config, name: str, wanted: str, not_pid: int | None = None) -> dict[str, Any]:
    """Its status once it is in this state (with another process than `not_pid`, started to its first act)."""

    def found() -> dict[str, Any] | None:
        now = state(config, name)
        is_there = now["pid"] is None or now["pid"] in [pid for pid, _ in started(config, name)]
        return now if now["state"] == wanted and (not_pid is None or now["pid"] != not_pid) and is_there else None

    return wait_until(found)
