"""The weekly clean-up of a million notices while somebody sells: how long a batch holds the books, and others wait."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracker import db
from tracker.config import ROOT, Config
from tracker.jobs import notification_cleanup
from tracker.ops.job_runs import JobRun
from tracker.shop import notifications

EVERY = 0.020  # seconds between two sales of the other process
TARGETS = {"hold_p99_ms": 20.0, "hold_max_ms": 50.0, "writer_p99_ms": 40.0}


def run(config: Config) -> dict[str, Any]:
    """Clean up for good, with a writer in another process. The shop is not what it was afterwards."""
    before = notifications.count_old_read()
    with db.write():
        pass  # connects
    quiet = _writer(config, 2.0)
    alone = _waits(quiet.communicate(timeout=60)[0])
    writer = _writer(config, 0.0)
    time.sleep(1.0)
    began = time.perf_counter()
    with _holds() as holds:
        notification_cleanup.run(JobRun())
    whole = time.perf_counter() - began
    waits = _waits(writer.communicate("stop\n", timeout=60)[0])
    wal = config.books.with_name(config.books.name + "-wal")
    assert before and notifications.count_old_read() == 0
    return {
        "name": "cleanup",
        "removed": before,
        "seconds": round(whole, 2),
        "batches": len(holds),
        **_spread("hold", holds),
        **_spread("writer", waits),
        **_spread("writer_alone", alone),
        "wal_mb": round(wal.stat().st_size / 1e6, 1),
        "targets": TARGETS,
    }


@contextmanager
def _holds() -> Any:
    """From BEGIN's return to COMMIT's, of every write of this process: seconds."""
    held: list[float] = []
    begin, leave = db._begin, db._Begun.__exit__

    def timed_begin(database: Any) -> Any:
        begun = begin(database)
        begun.at = time.perf_counter()
        return begun

    def timed_leave(self: Any, *what: Any) -> None:
        leave(self, *what)
        held.append(time.perf_counter() - self.at)

    db._begin, db._Begun.__exit__ = timed_begin, timed_leave  # type: ignore[assignment,method-assign]
    try:
        yield held
    finally:
        db._begin, db._Begun.__exit__ = begin, leave  # type: ignore[method-assign]


def _spread(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        f"{name}_p50_ms": round(statistics.median(ordered) * 1e3, 2),
        f"{name}_p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1e3, 2),
        f"{name}_max_ms": round(ordered[-1] * 1e3, 2),
    }


# --- the other process ------------------------------------------------------------------------------------------------


def _writer(config: Config, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.cleanup", str(config.data), str(seconds)]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def _waits(said: str) -> list[float]:
    return [float(word) for word in said.split()]


def sell(data: Path, seconds: float) -> None:
    """A small sale every 20 ms, as the web process writes it: five movements and what is on hand, one transaction."""
    import threading

    config = Config(root=ROOT, data=data)
    db.open_books(config.books)
    told = threading.Event()
    if not seconds:
        threading.Thread(target=lambda: (sys.stdin.readline(), told.set()), daemon=True).start()
    until, taken = time.perf_counter() + (seconds or 120.0), []
    while time.perf_counter() < until and not told.is_set():
        began = time.perf_counter()
        with db.write():
            for product in range(1, 6):
                _move(product, 1000)
                _move(product, -1000)
        taken.append(time.perf_counter() - began)
        time.sleep(EVERY)
    db.close()
    print(" ".join(f"{one:.6f}" for one in taken))


def _move(product: int, quantity: int) -> None:
    moment = "2026-01-01T00:00:00.000Z"
    kind = "in" if quantity > 0 else "out"
    db.books.execute_sql(
        "INSERT INTO stock_movement (product_id, at, moved_on, kind, quantity, value) VALUES (?, ?, ?, ?, ?, 0)",
        (product, moment, moment[:10], kind, quantity),
    )
    db.books.execute_sql("UPDATE product SET on_hand = on_hand + ? WHERE id = ?", (quantity, product))


if __name__ == "__main__":
    sell(Path(sys.argv[1]), float(sys.argv[2]))
