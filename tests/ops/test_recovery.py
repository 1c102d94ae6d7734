"""A plain copy of `data/`, made any time, starts and says which state it took. Budget: 30 s."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ops.copying import PROGRAMS, at, book, copy_folder, entries, is_sound, run
from tracker import db
from tracker.config import ROOT, Config
from tracker.errors import DataError
from tracker.ops import backups, examine, exchange, instance, presence, recovery, restore, snapshots
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import outbox, settings

COPIES = 10


def _said(config: Config) -> str:
    found = recovery.last(config)
    return found.sentence if found else ""


def test_a_first_start_and_an_ordinary_one_have_nothing_to_say(config: Config) -> None:
    for _ in range(2):
        open_shop(config)
        close_shop()
        assert recovery.last(config) is None
    assert not list(config.data.glob("replaced-*"))
    assert not list((config.data / "running").iterdir())


def test_an_ordinary_start_looks_at_nothing_but_names_and_dates(shop: Config) -> None:
    close_shop()
    started = time.perf_counter()
    recovery.choose(shop)
    assert time.perf_counter() - started < 0.1


# --- copies of a closed shop ----------------------------------------------------------------------------------------


def test_a_copy_of_a_closed_shop_starts_with_everything_and_says_that_it_is_a_copy(
    shop: Config, tmp_path: Path
) -> None:
    close_shop()
    original = instance.known(shop)
    copy = at(copy_folder(shop.data, tmp_path / "copy"))
    open_shop(copy)
    assert entries() == 3 and is_sound()
    assert "This folder is a copy. Its books are whole up to 20" in _said(copy)
    mine = instance.known(copy)
    assert original and mine and original.id != mine.id
    close_shop()
    recovery.dismiss(copy)
    open_shop(copy)
    assert _said(copy) == ""


def test_mail_that_waits_in_a_closed_shop_goes_on_waiting_in_its_copy(shop: Config, tmp_path: Path) -> None:
    settings.change(smtp_host="mail.example", smtp_from="amina@shop.example")
    outbox.put("test_email", "one", {}, to_address="amina@shop.example")
    close_shop()
    open_shop(at(copy_folder(shop.data, tmp_path / "copy")))
    assert outbox.counts()["queued"] == 1


def test_a_copied_shop_whose_books_did_not_add_up_before_goes_on_and_says_so(shop: Config, tmp_path: Path) -> None:
    snapshots.take(shop, "a test")
    book(5)
    db.books.execute_sql("UPDATE cash_account SET balance = balance + 1")
    close_shop()
    copy = at(copy_folder(shop.data, tmp_path / "copy"))
    open_shop(copy)
    assert entries() == 8
    assert "don't add up" in _said(copy)


def test_the_same_folder_put_back_from_a_stick_starts(shop: Config, tmp_path: Path) -> None:
    close_shop()
    stick = copy_folder(shop.data, tmp_path / "stick")
    shutil.rmtree(shop.data)
    copy_folder(stick, shop.data)
    open_shop(shop)
    assert entries() == 3 and "This folder is a copy" in _said(shop)


# --- copies of a busy shop ------------------------------------------------------------------------------------------


def _slowly(source: str, target: str) -> str:
    """As a USB stick writes: the file changes meanwhile."""
    with open(source, "rb") as read, open(target, "wb") as write:
        while block := read.read(1 << 15):
            write.write(block)
            time.sleep(0.003)
    shutil.copystat(source, target)
    return target


def _copy_of_busy(source: Path, target: Path, draw: random.Random) -> None:
    """Every file in a drawn order; what vanished meanwhile is left out, as a file manager does."""
    target.mkdir()
    paths = [path for path in source.rglob("*") if path.is_file()]
    draw.shuffle(paths)
    for path in paths:
        there = target / path.relative_to(source)
        there.parent.mkdir(parents=True, exist_ok=True)
        try:
            is_slow = path.name.startswith("shop.sqlite3") and draw.random() < 0.7
            (_slowly if is_slow else shutil.copy2)(str(path), str(there))
        except FileNotFoundError:
            there.unlink(missing_ok=True)


def test_every_copy_of_a_busy_folder_starts_and_loses_nothing_silently(shop: Config, tmp_path: Path, seed: int) -> None:
    close_shop()
    draw = random.Random(seed)
    said = tmp_path / "said"
    with said.open("wb") as out:
        seller = subprocess.Popen(
            [sys.executable, str(PROGRAMS / "selling.py"), str(shop.data), "60"],
            stdout=out,
            stdin=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    while b"\n" not in said.read_bytes():
        time.sleep(0.02)
    acknowledged = []
    while seller.poll() is None and len(acknowledged) < COPIES:
        acknowledged.append(int(said.read_bytes().splitlines()[-1 if said.read_bytes().endswith(b"\n") else -2]))
        _copy_of_busy(shop.data, tmp_path / f"copy{len(acknowledged)}", draw)
    seller.communicate(timeout=30)
    assert seller.returncode == 0 and len(acknowledged) == COPIES
    took = {"live": 0, "snapshot": 0}
    for number, before in enumerate(acknowledged, start=1):
        copy = at(tmp_path / f"copy{number}")
        open_shop(copy)
        outcome = recovery.last(copy)
        assert outcome is not None, "a copy of a busy shop must say what it took"
        assert is_sound() and entries() >= 3
        if entries() < before:
            assert outcome.took != "live" and "of changes are missing" in outcome.sentence, outcome
        took["live" if outcome.took == "live" else "snapshot"] += 1
        book()
        close_shop()
    assert took["snapshot"], f"no copy was torn: the test proves nothing ({took})"


def test_mail_that_waits_in_a_running_shop_is_held_in_its_copy_and_not_in_the_shop(
    shop: Config, tmp_path: Path
) -> None:
    settings.change(smtp_host="mail.example", smtp_from="amina@shop.example")
    outbox.put("test_email", "one", {}, to_address="amina@shop.example")
    copy = at(copy_folder(shop.data, tmp_path / "copy"))
    close_shop()
    open_shop(copy)
    assert outbox.counts()["held"] == 1
    assert "copied while the shop was open" in _said(copy)
    close_shop()
    open_shop(shop)
    assert outbox.counts()["queued"] == 1 and _said(shop) == ""


def test_a_copy_without_the_wal_says_what_it_may_lack(shop: Config, tmp_path: Path) -> None:
    db.books.pragma("wal_checkpoint(TRUNCATE)")
    book(2)
    copy = at(copy_folder(shop.data, tmp_path / "copy"))
    for end in ("-wal", "-shm"):
        (copy.data / f"shop.sqlite3{end}").unlink()
    close_shop()
    open_shop(copy)
    assert entries() == 3, "the two were only in the -wal"
    assert "-wal was not copied along" in _said(copy)


def test_a_copy_that_is_older_than_its_own_snapshot_takes_the_snapshot(shop: Config, tmp_path: Path) -> None:
    db.books.pragma("wal_checkpoint(TRUNCATE)")
    book(2)
    snapshots.take(shop, "a test")
    copy = at(copy_folder(shop.data, tmp_path / "copy"))
    for end in ("-wal", "-shm"):
        (copy.data / f"shop.sqlite3{end}").unlink()
    close_shop()
    open_shop(copy)
    assert entries() == 5
    assert "lacks changes that its newest snapshot has" in _said(copy)


# --- broken, missing, exchanged -------------------------------------------------------------------------------------


def _break(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 20] = os.urandom(4096 * 19)
    path.write_bytes(content)


def test_books_that_broke_with_the_power_give_way_to_the_newest_good_snapshot(shop: Config) -> None:
    snapshots.take(shop, "the older one")
    book(2)
    newest = snapshots.take(shop, "the newest, which is bad")
    older = snapshots.listing(shop)[1].path
    book(2)
    close_shop()
    assert newest is not None
    _break(shop.books)
    _break(newest.path)
    broken = shop.books.read_bytes()
    (shop.data / "running" / "1-dead.lock").write_text("open", encoding="utf-8")
    open_shop(shop)
    assert entries() == 3 and is_sound()
    said = recovery.last(shop)
    assert said is not None and said.took == older.name and said.severity == "critical"
    assert "of changes are missing" in said.sentence or "Nothing later" in said.sentence
    aside = next(shop.data.glob("replaced-*"))
    assert (aside / "shop.sqlite3").read_bytes() == broken, "set aside, never deleted"
    assert older.exists()


def test_after_a_kill_whole_books_go_on_without_a_word(shop: Config) -> None:
    close_shop()
    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / "opening.py"), str(shop.data), "stay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    assert presence.look(shop).left == (presence.OPEN,)
    open_shop(shop)
    assert entries() == 3 and _said(shop) == ""
    assert presence.look(shop) == presence.Seen(0, ())


@pytest.mark.parametrize("how", ["missing", "empty"])
def test_missing_books_come_back_from_the_newest_snapshot(shop: Config, how: str) -> None:
    snapshots.take(shop, "a test")
    close_shop()
    shop.books.unlink()
    if how == "empty":
        shop.books.write_bytes(b"")
    open_shop(shop)
    assert entries() == 3
    assert "The shop goes on from shop-" in _said(shop)


def test_a_backup_serves_where_there_is_no_snapshot(shop: Config) -> None:
    path = backups.back_up(shop)
    close_shop()
    shop.books.unlink()
    open_shop(shop)
    assert entries() == 3 and path.name in _said(shop)


def test_broken_books_without_any_copy_are_a_sentence_and_stay_as_they_are(shop: Config) -> None:
    close_shop()
    _break(shop.books)
    (shop.data / "running" / "1-dead.lock").write_text("open", encoding="utf-8")
    broken = shop.books.read_bytes()
    with pytest.raises(DataError, match=r"No good snapshot or backup .* run\.py restore"):
        open_shop(shop)
    assert shop.books.read_bytes() == broken


def test_after_a_restore_the_snapshot_from_before_it_is_not_taken_for_newer(shop: Config, tmp_path: Path) -> None:
    path = backups.back_up(shop)
    book(5)
    close_shop()
    restore.restore(shop, path.name, yes=True)
    shop.books.unlink()
    open_shop(shop)
    assert entries() == 3, "the restore stands"


def test_a_stale_wal_beside_an_exchanged_file_is_never_applied(shop: Config) -> None:
    path = backups.back_up(shop)
    book(4)
    wal = (shop.data / "shop.sqlite3-wal").read_bytes()
    close_shop()
    shop.books.unlink()
    shutil.copy2(path, shop.books)
    (shop.data / "shop.sqlite3-wal").write_bytes(wal)
    open_shop(shop)
    assert entries() == 3 and is_sound()
    assert "exchanged for another file by hand" in _said(shop)
    aside = next(shop.data.glob("replaced-*"))
    assert (aside / "shop.sqlite3-wal").read_bytes() == wal


def test_another_programs_file_in_the_place_of_the_books_is_refused_untouched(shop: Config) -> None:
    snapshots.take(shop, "a test")
    close_shop()
    shop.books.unlink()
    other = db.sqlite3.connect(shop.books)
    other.execute("CREATE TABLE recipe (name TEXT)")
    other.close()
    before = shop.books.read_bytes()
    with pytest.raises(DataError, match="not a Finance Tracker"):
        open_shop(shop)
    assert shop.books.read_bytes() == before


def test_a_kill_while_falling_back_ends_in_the_same_state(shop: Config) -> None:
    snapshots.take(shop, "a test")
    close_shop()
    shop.books.unlink()
    for point in ("recovery.ready", "restore.planned", "restore.renamed"):
        assert run("opening", shop.data, CRASH_AT=point).returncode != 0
    open_shop(shop)
    assert entries() == 3 and is_sound() and not exchange.is_pending(shop)
    assert not (shop.data / "restore").exists()


# --- two at once, and the faulty SQLite -----------------------------------------------------------------------------


def test_two_that_start_at_once_on_a_broken_folder_fall_back_once(shop: Config) -> None:
    snapshots.take(shop, "a test")
    close_shop()
    shop.books.unlink()
    both = [
        subprocess.Popen(
            [sys.executable, str(PROGRAMS / "opening.py"), str(shop.data), "stay"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline().split() == ["3", "wal"]
    for process in both:
        assert process.communicate("\n", timeout=30)[1].count("WARNING") == 0
        assert process.returncode == 0
    assert not list((shop.data / "running").iterdir())


def test_with_a_faulty_sqlite_a_copy_starts_in_the_safe_mode(shop: Config, tmp_path: Path) -> None:
    close_shop()
    assert run("opening", shop.data, "sqlite-with-the-fault").stdout.split() == ["3", "truncate"]
    copy = copy_folder(shop.data, tmp_path / "copy")
    done = run("opening", copy, "sqlite-with-the-fault")
    assert done.stdout.split() == ["3", "truncate"], done.stderr
    assert run("opening", copy).stdout.split() == ["3", "wal"]
    assert examine.look_live(copy / "shop.sqlite3").kind == "whole"
