"""Verified snapshots: what they hold, when they are taken, what a kill or a full disk leaves. Budget: 9 s."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.ops.copying import at, book, copy_folder, entries, is_sound, run
from tracker import clock, db
from tracker.config import Config
from tracker.errors import DataError
from tracker.ops import copies, examine, presence, snapshots
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import settings


def test_a_snapshot_holds_the_books_of_its_moment_and_its_hash_stands_beside_it(shop: Config) -> None:
    taken = snapshots.take(shop, "a test")
    book()
    assert taken is not None
    report = examine.look(taken.path)
    assert report.kind == "whole"
    assert report.marks["cash_entry"] == 3 and entries() == 4
    words = taken.path.with_name(taken.path.name + ".sha256").read_text(encoding="utf-8").split()
    assert words == [hashlib.sha256(taken.path.read_bytes()).hexdigest(), taken.path.name]


def test_nobody_else_may_read_a_snapshot(shop: Config) -> None:
    taken = snapshots.take(shop, "a test")
    assert taken is not None
    if sys.platform != "win32":
        assert taken.path.stat().st_mode & 0o077 == 0
        assert taken.path.parent.stat().st_mode & 0o077 == 0


def test_without_a_change_no_second_one_is_taken(shop: Config) -> None:
    assert snapshots.take(shop, "a test")
    assert snapshots.take(shop, "a test") is None
    book()
    assert snapshots.take(shop, "a test")
    assert snapshots.take(shop, "a test", even_unchanged=True)


def test_a_change_by_another_process_counts_as_a_change(shop: Config) -> None:
    snapshots.take(shop, "a test")
    code = (
        "import sys; from pathlib import Path; from tracker.config import *; from tracker.ops import startup\n"
        "from tests.ops.copying import book\n"
        "startup.open_shop(Config(root=ROOT, data=Path(sys.argv[1]))); book(); startup.close_shop()"
    )
    subprocess.run([sys.executable, "-c", code, str(shop.data)], cwd=shop.root, check=True, timeout=60)
    taken = snapshots.take(shop, "a test")
    assert taken is not None
    assert examine.look(taken.path).marks["cash_entry"] == 4


def test_one_is_due_after_set_up_and_then_every_quarter_of_an_hour_with_changes(books: Config) -> None:
    assert snapshots.take_if_due(books) is None
    settings.change(shop_name="Amina's shop", is_set_up=True)
    assert snapshots.take_if_due(books)
    settings.change(shop_name="Amina's new shop")
    assert snapshots.take_if_due(books) is None
    with clock.frozen(clock.now() + timedelta(minutes=16)):
        assert snapshots.take_if_due(books)
        assert snapshots.take_if_due(books) is None


def test_four_are_kept_and_none_that_is_younger_than_ten_minutes_goes(shop: Config) -> None:
    start, names = clock.now(), []
    for minutes in (0, 20, 40, 60, 80, 82, 84):
        with clock.frozen(start + timedelta(minutes=minutes)):
            book()
            taken = snapshots.take(shop, "a test")
            assert taken is not None
            names.append(taken.path.name)
            kept = [one.path.name for one in snapshots.listing(shop)]
            if minutes == 80:
                assert kept == names[:0:-1]
    assert kept == names[:2:-1]
    assert {path.name for path in shop.snapshots.glob("*.sha256")} == {f"{name}.sha256" for name in kept}


def test_one_that_a_wrong_clock_dated_into_the_future_pushes_nothing_out(shop: Config) -> None:
    with clock.frozen(clock.now() + timedelta(days=400)):
        wrong = snapshots.take(shop, "the clock was wrong")
    book()
    right = snapshots.take(shop, "the clock is right")
    assert wrong is not None and right is not None
    assert snapshots.listing(shop)[0].path == right.path


def test_selling_goes_on_while_a_snapshot_is_taken(shop: Config) -> None:
    failures: list[BaseException] = []
    ended = threading.Event()

    def sell() -> None:
        try:
            while not ended.is_set():
                book()
        except BaseException as error:
            failures.append(error)
        finally:
            db.books.close()

    thread = threading.Thread(target=sell)
    thread.start()
    try:
        taken = snapshots.take(shop, "a test")
    finally:
        ended.set()
        thread.join(10)
    assert not failures
    assert taken is not None and examine.look(taken.path).kind == "whole"


def test_books_that_do_not_add_up_are_told_and_their_copy_pushes_no_good_one_out(shop: Config) -> None:
    good = snapshots.take(shop, "a test")
    db.books.execute_sql("UPDATE cash_account SET balance = balance + 1")
    for _ in range(2):
        with pytest.raises(DataError, match="don't add up"):
            snapshots.take(shop, "a test")
    assert good is not None
    assert [one.path for one in snapshots.listing(shop)] == [good.path]
    assert not list(shop.snapshots.glob(".shop-*"))
    assert len(list(shop.snapshots.glob("faulty-*"))) == 1, "better than none, and one is enough"


def test_a_failure_is_said_until_the_next_good_one(shop: Config) -> None:
    db.books.execute_sql("UPDATE cash_account SET balance = balance + 1")
    with pytest.raises(DataError):
        snapshots.take_if_due(shop)
    assert "don't add up" in snapshots.problem(shop)
    db.books.execute_sql("UPDATE cash_account SET balance = balance - 1")
    assert snapshots.take_if_due(shop) is None, "a failed one is not tried again at once"
    snapshots._failure.again_at = 0.0
    assert snapshots.take_if_due(shop)
    assert snapshots.problem(shop) == ""


@pytest.mark.parametrize("point", ["copy.written", "copy.hashed", "copy.named"])
def test_a_kill_while_a_snapshot_is_made_leaves_the_old_or_the_new_and_no_litter(shop: Config, point: str) -> None:
    before = snapshots.take(shop, "a test")
    close_shop()
    killed = run("opening", shop.data, "snapshot", CRASH_AT=point)
    assert killed.returncode != 0 and killed.stderr == ""
    open_shop(shop)
    assert before is not None and is_sound()
    book()
    assert snapshots.take(shop, "after the kill")
    assert before.path in [one.path for one in snapshots.listing(shop)]
    assert all(copies.is_intact(one.path) for one in snapshots.listing(shop))
    assert not list(shop.snapshots.glob(".shop-*"))
    hashes = {path.name.removesuffix(".sha256") for path in shop.snapshots.glob("*.sha256")}
    assert hashes == {one.path.name for one in snapshots.listing(shop)}


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """At most 100 KB may be written into the folder: a small file system where that can be mounted, else a limit."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k,mode=700", "tmpfs", str(folder)]
    if sys.platform == "linux" and os.geteuid() == 0 and not subprocess.run(mount, capture_output=True).returncode:
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        import resource

        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_sentence_and_leaves_no_half_file(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "ROOM", -(1 << 40))  # so that it is SQLite that meets the end of the disk
    with _small_disk(shop.snapshots):
        with pytest.raises(DataError, match="could not be copied|no room"):
            snapshots.take(shop, "a test")
        assert list(shop.snapshots.iterdir()) == []
        book()
    assert entries() == 4 and is_sound()


def test_too_little_room_is_noticed_before_anything_is_written(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "ROOM", 1 << 60)
    with pytest.raises(DataError, match=r"no room .* MB are free"):
        snapshots.take(shop, "a test")
    assert not copies.listed(shop.snapshots)


def test_a_clean_stop_leaves_a_snapshot_with_everything_in_it(shop: Config, tmp_path: Path) -> None:
    book(4)
    close_shop(leave_snapshot=True)
    newest = snapshots.listing(shop)[0].path
    assert examine.look(newest).marks["cash_entry"] == 7
    assert not presence.look(shop).left
    copy = at(copy_folder(shop.data, tmp_path / "copy"))
    open_shop(copy)
    assert entries() == 7


def test_with_a_faulty_sqlite_snapshots_are_taken_all_the_same(shop: Config) -> None:
    close_shop()
    done = run("opening", shop.data, "snapshot", "sqlite-with-the-fault")
    assert done.stdout.split() == ["3", "truncate"], done.stderr
    assert examine.look(snapshots.listing(shop)[0].path).kind == "whole"
