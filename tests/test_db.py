"""The one way to write: all or nothing, in turn, hints only for what was committed. Budget: 10 s."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest

from tracker import db
from tracker.config import ROOT, Config
from tracker.errors import Busy


def put(key: str) -> None:
    db.books.execute_sql("INSERT INTO setting VALUES (?, '1')", (key,))


def keys() -> set[str]:
    return {row[0] for row in db.rows("SELECT key FROM setting")}


def test_a_failing_write_leaves_nothing(books: Config) -> None:
    before = keys()
    with pytest.raises(ZeroDivisionError), db.write():
        put("a")
        _ = 1 // 0
    assert keys() == before
    assert not db.books.in_transaction()


def test_an_inner_write_that_fails_takes_only_its_own_back(books: Config) -> None:
    with db.write():
        put("outer")
        with pytest.raises(ValueError, match="no"), db.write():
            put("inner")
            raise ValueError("no")
    assert "outer" in keys() and "inner" not in keys()


def test_hints_go_out_after_the_commit_once_and_only_for_what_stands(books: Config) -> None:
    sent: list[tuple[str, int]] = []
    db._wakers[:] = [lambda kind, row: sent.append((kind, row))]
    with db.write():
        db.wake("run", 1)
        db.wake("run", 1)
        with pytest.raises(ValueError, match="no"), db.write():
            db.wake("mail", 2)
            raise ValueError("no")
        assert sent == []
    assert sent == [("run", 1)]
    with pytest.raises(ValueError, match="no"), db.write():
        db.wake("mail", 3)
        raise ValueError("no")
    assert sent == [("run", 1)]


def test_a_hint_that_fails_does_not_undo_what_was_committed(books: Config) -> None:
    def broken(kind: str, row: int) -> None:
        raise OSError("the queue is gone")

    db._wakers[:] = [broken]
    with db.write():
        put("kept")
        db.wake("run", 1)
    assert "kept" in keys()


def test_threads_take_turns_and_lose_nothing(books: Config) -> None:
    def many(name: int) -> None:
        for n in range(25):
            with db.write():
                put(f"{name}-{n}")
        db.books.close()

    threads = [threading.Thread(target=many, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([key for key in keys() if "-" in key]) == 150


def test_another_process_that_holds_the_books_is_said_and_nothing_is_half_done(
    books: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "WRITE_PATIENCE", 0.3)
    program = (
        "import sys; from pathlib import Path; from tracker import db; db.open_books(Path(sys.argv[1]));"
        "db.books.connect(); db.books.execute_sql('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(books.books)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(Busy, match="busy just now"), db.write():
            put("never")
    finally:
        holder.kill()
        holder.communicate()
    with db.write():
        put("after")
    assert "after" in keys() and "never" not in keys()


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 6), True),
        ((3, 44, 5), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_which_sqlite_may_use_wal(version: tuple[int, ...], is_safe: bool) -> None:
    assert db.wal_is_safe(version) is is_safe


def test_an_instant_is_stored_so_that_text_order_is_time_order() -> None:
    assert db.instant_text(datetime(2026, 11, 23, 5, 0, 0, 120_000, tzinfo=UTC)) == "2026-11-23T05:00:00.120Z"
    with pytest.raises(ValueError, match="zone"):
        db.instant_text(datetime(2026, 11, 23))  # noqa: DTZ001


def test_ledger_rows_go_only_while_the_guard_is_lifted_and_it_comes_back(books: Config) -> None:
    from tracker.shop import audit

    with db.write():
        audit.note("test", "x")
    with db.write(), db.append_only_lifted():
        db.books.execute_sql("DELETE FROM audit")
    with db.write():
        audit.note("test", "y")
    with pytest.raises(Exception, match="never changed or removed"), db.write():
        db.books.execute_sql("DELETE FROM audit")
