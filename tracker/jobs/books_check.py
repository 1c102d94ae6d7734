"""The nightly check of the books: a tick, or the exact row that differs."""

from __future__ import annotations

from typing import Any

from tracker.ops import migrations
from tracker.ops.job_runs import Finish, JobRun, Work
from tracker.shop import books

SHOWN = 5


def run(run: JobRun) -> Finish:
    """Adds everything up again; a difference is a failed run, told to the admins, with the first rows in words."""
    sentence, faults = _check()

    def write() -> Work:
        return Work(sentence, "failed" if faults else "done", {"faults": faults})

    return write


def preview() -> dict[str, Any]:
    sentence, _ = _check()
    return {"recipients": [], "sentence": sentence}


def _check() -> tuple[str, int]:
    found = [fault.sentence for fault in books.verify()]
    found += [f"The table {name} is not as it should be." for name in migrations.differences()]
    if not found:
        return "Stock, debts and cash add up.", 0
    more = f" And {len(found) - SHOWN} more." if len(found) > SHOWN else ""
    return " ".join(found[:SHOWN]) + more, len(found)
