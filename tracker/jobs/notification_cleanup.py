"""The weekly clean-up: read notices older than 30 days go, in batches so short that no sale waits; unread ones stay."""

from __future__ import annotations

import time
from typing import Any

from tracker import clock
from tracker.ops import job_runs
from tracker.ops.job_runs import Finish, JobRun, Work
from tracker.shop import notifications

TARGET_SECONDS = 0.008  # how long one batch may hold the books
SMALLEST, LARGEST = 50, 5_000


def run(run: JobRun) -> Finish:
    """Deletes in batches steered by time, outside the finishing transaction: half done is harmless."""
    now, removed, batch = clock.now(), 0, 500
    while True:
        ids = notifications.old_read_ids(batch, now)
        if not ids:
            break
        began = time.perf_counter()
        removed += notifications.delete_old_read(ids, now)
        held = max(time.perf_counter() - began, 1e-6)
        batch = int(min(LARGEST, max(SMALLEST, len(ids) * min(2.0, max(0.5, TARGET_SECONDS / held)))))
        time.sleep(max(0.005, held / 2))  # the others' turn
    pruned = job_runs.prune()

    def write() -> Work:
        if not removed and not pruned:
            return Work("Nothing was old enough to go.", "nothing", {"removed": 0})
        words = f"{removed} read notice{'s' if removed != 1 else ''} removed"
        return Work(f"{words}.", "done", {"removed": removed, "runs": pruned})

    return write


def preview() -> dict[str, Any]:
    count = notifications.count_old_read()
    noun = "notice" if count == 1 else "notices"
    return {"recipients": [], "removed": count, "sentence": f"{count} read {noun} older than 30 days would go."}
