"""The yardsticks: pairs of ours and the floor in turn, SQLite's own operation count, statements, and the machine."""

from __future__ import annotations

import gc
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psutil

from tracker import db
from tracker.config import ROOT

WARM_UP = 2
BUSY = 30.0  # per cent of the cores in use before a run: such a run is marked
_STEP = 10  # SQLite operations between two calls of the progress handler

Work = Callable[[], Any]


class Taken(NamedTuple):
    """Seconds of one measurement."""

    wall: float
    cpu: float = 0.0


@dataclass
class Operation:
    """One thing that is measured: ours and its twin in raw SQLite, with the same result on the same file.

    `undo` puts the books back after each; `target` is the ratio that ours may take.
    """

    name: str
    ours: Work
    floor: Work
    target: float | None = None
    undo: Work | None = None
    pairs: int = 15
    inner: int = 1  # repetitions inside one measurement, for work shorter than the clock's grain
    same: Callable[[Any, Any], None] | None = None  # asserts that both results are equal; None: `==`
    raw: Any = None  # the floor's connection, where SQLite's steps are counted
    counted: Work | None = None  # ours in this process, where its steps can be counted; None: `ours` is
    clocks: tuple[Work, Work] | None = None  # CPU seconds of the processes that do it; None: this thread's
    outcome: Work | None = None  # what to compare, asked of the books after each; None: what it returned


@dataclass
class Measured:
    """What a run of pairs found. Times in milliseconds."""

    name: str
    scale: int
    ours_ms: float
    floor_ms: float
    ratio: dict[str, float]
    cpu_ratio: float  # of the CPU time spent on it alone: what other programs on the machine can't move
    target: float | None
    vdbe_ops: int
    floor_vdbe_ops: int
    statements: int
    pairs: int
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        """Whether the median ratio keeps the target."""
        return self.target is None or self.ratio["p50"] <= self.target


def measure(operation: Operation, scale: int, pairs: int | None = None) -> Measured:
    """Assert that both do the same, then time them in turn: A B A B."""
    _assert_same(operation)
    operations, statements = _counted(operation, operation.counted or operation.ours)
    floor_operations, _ = _counted(operation, operation.floor, operation.raw) if operation.raw else (0, 0)
    for _ in range(WARM_UP):
        _timed(operation, operation.ours), _timed(operation, operation.floor)
    times = [
        (_timed(operation, operation.ours), _timed(operation, operation.floor)) for _ in range(pairs or operation.pairs)
    ]
    return summed_up(operation.name, scale, times, operation.target, operations, floor_operations, statements)


def summed_up(
    name: str,
    scale: int,
    times: list[tuple[Taken, Taken]],
    target: float | None = None,
    operations: int = 0,
    floor_operations: int = 0,
    statements: int = 0,
) -> Measured:
    """Pairs (ours, floor) as medians and quartiles of the pairwise ratios."""
    ratios = [ours.wall / floor.wall for ours, floor in times]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return Measured(
        name,
        scale,
        statistics.median(ours.wall for ours, _ in times) * 1e3,
        statistics.median(floor.wall for _, floor in times) * 1e3,
        {"p25": low, "p50": middle, "p75": high},
        sum(ours.cpu for ours, _ in times) / (sum(floor.cpu for _, floor in times) or 1.0),
        target,
        operations,
        floor_operations,
        statements,
        len(times),
    )


def _assert_same(operation: Operation) -> None:
    results = []
    for work in (operation.ours, operation.floor):
        returned = work()
        results.append(operation.outcome() if operation.outcome else returned)
        if operation.undo:
            operation.undo()
    if operation.same:
        operation.same(*results)
    else:
        assert results[0] == results[1], f"{operation.name}: ours and the floor differ"


def _timed(operation: Operation, work: Work) -> Taken:
    gc.collect()  # what one left behind is not the other's to clear away
    clock = operation.clocks[work is operation.floor] if operation.clocks else time.thread_time
    cpu, began = clock(), time.perf_counter()
    for _ in range(operation.inner):
        work()
    taken = Taken((time.perf_counter() - began) / operation.inner, (clock() - cpu) / operation.inner)
    if operation.undo:
        operation.undo()
    return taken


def _counted(operation: Operation, work: Work, connection: Any = None) -> tuple[int, int]:
    work()  # what is asked once a minute or once a process is not counted
    if operation.undo:
        operation.undo()
    with watching(connection) as seen:
        work()
    if operation.undo:
        operation.undo()
    return seen.operations, len(seen.statements)


# --- what SQLite did --------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """What one connection was asked, and how many steps SQLite's machine took for it."""

    operations: int = 0
    statements: list[str] = field(default_factory=list)


@contextmanager
def watching(connection: Any = None) -> Iterator[Seen]:
    """Count on the books' connection of this thread, or on another one. The same each time: no clock is in it."""
    watched, seen = connection or db.books.connection(), Seen()

    def step() -> int:
        seen.operations += _STEP
        return 0

    watched.set_progress_handler(step, _STEP)
    watched.set_trace_callback(seen.statements.append)
    try:
        yield seen
    finally:
        watched.set_progress_handler(None, 0)
        watched.set_trace_callback(None)


def plan(sql: str, *values: Any) -> list[str]:
    """What SQLite would do, a line for each step."""
    return [row[3] for row in db.rows(f"EXPLAIN QUERY PLAN {sql}", *values)]


# --- the machine ------------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Where and with what this was measured, and how busy it was before."""
    busy = psutil.cpu_percent(interval=1.0)
    return {
        "cores": psutil.cpu_count(),
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": db.sqlite3.sqlite_version,
        "commit": _commit(),
        "box_use_before": busy,
        "is_busy": busy > BUSY,
        "load": [round(load, 2) for load in psutil.getloadavg()],
    }


def _cpu() -> str:
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        return names[0] if names else platform.machine()
    return platform.processor() or platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    return done.stdout.strip()
