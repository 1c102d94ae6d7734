"""What a stranger writes into the queue is never carried out and keeps no worker from its work (F8). About 8 s."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from huey.serializer import SignedSerializer

from tests.jobs.conftest import overdue, shop, sink
from tests.jobs.real import RealShop, wait_until
from tracker import db, taskqueue
from tracker.config import Config
from tracker.ops import job_runs

__all__ = ["overdue", "shop", "sink"]


class Bomb:
    """Unpickling it leaves a file behind: the sign that somebody else's code ran."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self) -> Any:
        return os.system, (f"\"{sys.executable}\" -c \"open(r'{self.sign}', 'w')\"",)


def hostile_rows(sign: Path) -> list[bytes]:
    bomb = pickle.dumps(Bomb(sign))
    foreign = SignedSerializer(secret="guessed", salt="finance-tracker").serialize(Bomb(sign))
    good = taskqueue.huey.serializer.serialize("x")
    return [
        b"", b"\0", b"garbage", b"\xff" * 1_000_000, bomb, foreign, bomb + b":", b":" + bomb,
        good[:-1] + bytes([good[-1] ^ 1]), good[:20], good.replace(good[:1], b"\0", 1), b"{}", pickle.dumps(None),
    ]  # fmt: skip


def plant(rows: list[bytes]) -> None:
    """Into the tasks that wait and into those for later; the table of results too."""
    taskqueue.huey.storage.queue_size()  # makes the tables
    for row in rows:
        db.ops.execute_sql("INSERT INTO task (queue, data, priority) VALUES ('tracker', ?, 99)", (row,))
        db.ops.execute_sql("INSERT INTO schedule (queue, data, timestamp) VALUES ('tracker', ?, 1.0)", (row,))
        name = f"k{row[:3]!r}"
        db.ops.execute_sql("INSERT OR REPLACE INTO kv (queue, key, value) VALUES ('tracker', ?, ?)", (name, row))


@pytest.mark.slow
def test_hostile_rows_run_nothing_and_the_worker_goes_on(shop: RealShop, overdue: None, tmp_path: Path) -> None:
    sign = tmp_path / "somebody-elses-code-ran"
    plant(hostile_rows(sign))
    worker = shop.worker()
    for job in ("debt_reminders", "books_check"):
        run = job_runs.request(job)
        wait_until(lambda run=run: job_runs.get(run.id).state == "done", f"{job} among hostile rows")  # type: ignore[misc]
    wait_until(lambda: taskqueue.length() == 0, "the queue was never worked off")
    assert worker.poll() is None, "the worker did not survive"
    assert not sign.exists(), "a foreign row was carried out"
    assert shop.stop(worker) == 0


def test_a_row_of_ours_is_signed_and_no_other_is_read(books: Config, tmp_path: Path) -> None:
    sign = tmp_path / "somebody-elses-code-ran"
    for row in hostile_rows(sign):
        with pytest.raises(Exception) as no:  # whatever Huey says, but never a result
            taskqueue.huey.serializer.deserialize(row)
        assert isinstance(no.value, (ValueError, TypeError)), repr(no.value)
    assert not sign.exists()
    taskqueue.enqueue("run", 7)
    ((row,),) = db.rows("SELECT data FROM task", database=db.ops)
    assert taskqueue.huey.serializer.deserialize(bytes(row)).args == (7,)
