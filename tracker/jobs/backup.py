"""The nightly backup: a checked copy of the books with its SHA-256."""

from __future__ import annotations

from typing import Any

from tracker import config
from tracker.ops import backups
from tracker.ops.job_runs import Finish, JobRun, Work


def run(run: JobRun) -> Finish:
    """Makes and checks the copy before anything is written; a copy that fails its check raises."""
    settings = config.load()
    path = backups.back_up(settings)
    size = path.stat().st_size
    problem = backups.second_folder_problem(settings)

    def write() -> Work:
        words = f"{path.name}, {size / 1_000_000:.1f} MB, checked."
        return Work(f"{words} {problem}".strip(), "done", {"bytes": size})

    return write


def preview() -> dict[str, Any]:
    folder = config.load().backups
    return {"recipients": [], "sentence": f"A checked copy of the books would be written to {folder}."}
