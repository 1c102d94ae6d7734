"""Nightly backups: names, hashes, the second folder, what is kept for how long. Budget: 7 s."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.ops.copying import book, entries
from tracker import clock, db
from tracker.config import Config
from tracker.errors import DataError, NotFound
from tracker.ops import backups, copies, examine, instance
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import settings


def test_a_backup_is_named_by_the_shops_wall_clock_and_sha256sum_agrees(shop: Config) -> None:
    settings.change(timezone="Africa/Nairobi")
    with clock.frozen(datetime(2026, 11, 23, 21, 30, 5, tzinfo=UTC)):
        path = backups.back_up(shop)
    assert path == shop.backups / "shop-20261124-003005.sqlite3"
    assert copies.taken_at(path) == datetime(2026, 11, 23, 21, 30, 5, tzinfo=UTC)
    assert examine.look(path).marks["cash_entry"] == 3
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "--quiet", f"{path.name}.sha256"], cwd=path.parent, check=True)


def test_a_backups_hour_is_told_without_opening_the_books(shop: Config) -> None:
    """`backup list` has to work with broken books, on a PC whose zone is not the shop's."""
    settings.change(timezone="Africa/Nairobi")
    close_shop()
    open_shop(shop)
    close_shop()
    assert instance.zone(shop) == "Africa/Nairobi"
    assert instance.zone(replace(shop, timezone="Europe/Berlin")) == "Europe/Berlin"


def test_two_backups_in_one_second_are_two_files(shop: Config) -> None:
    with clock.frozen(clock.now()):
        first, second = backups.back_up(shop), backups.back_up(shop)
    assert first != second
    assert [one.path for one in backups.listing(shop)] == [second, first]


def test_a_whole_backup_verifies_and_one_flipped_bit_does_not(shop: Config) -> None:
    path = backups.back_up(shop)
    assert backups.verify(path).is_good
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    verdict = backups.verify(path)
    assert not verdict.is_good and "SHA-256" in verdict.problems[0]


def test_without_a_hash_beside_it_the_figures_themselves_are_added_up(shop: Config) -> None:
    path = backups.back_up(shop)
    path.with_name(path.name + ".sha256").unlink()
    assert backups.verify(path).is_good
    db.books.execute_sql("UPDATE cash_account SET balance = balance + 1")
    wrong = shop.backups / "shop-20200101-000000.sqlite3"
    db.books.execute_sql("VACUUM INTO ?", (str(wrong),))
    verdict = backups.verify(wrong)
    assert not verdict.is_good and "Till" in verdict.problems[0]


def test_a_backup_is_found_by_its_listed_name_or_its_path(shop: Config, tmp_path: Path) -> None:
    path = backups.back_up(shop)
    assert backups.find(shop, path.name) == path
    assert backups.find(shop, str(path)) == path
    with pytest.raises(NotFound, match="backup list"):
        backups.find(shop, "shop-20010101-000000.sqlite3")


def test_a_backup_that_cannot_be_made_removes_no_older_one(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    path = backups.back_up(shop)
    monkeypatch.setattr(copies, "ROOM", 1 << 60)
    with pytest.raises(DataError):
        backups.back_up(shop)
    assert [one.path for one in backups.listing(shop)] == [path]


# --- the second folder ------------------------------------------------------------------------------------------------


def test_a_backup_also_goes_to_the_stick(shop: Config, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    settings.change(backup_folder=str(stick))
    path = backups.back_up(shop)
    there = stick / path.name
    assert hashlib.sha256(there.read_bytes()).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert copies.is_intact(there) and backups.second_folder_problem(shop) == ""
    assert not list(stick.glob(".*"))


def test_a_missing_stick_is_a_problem_and_no_failure(shop: Config, tmp_path: Path) -> None:
    settings.change(backup_folder=str(tmp_path / "stick"))
    path = backups.back_up(shop)
    assert path.exists()
    assert "stick plugged in" in backups.second_folder_problem(shop)
    assert not (tmp_path / "stick").exists(), "an empty mount point must not fill the PC's own disk"
    (tmp_path / "stick").mkdir()
    backups.back_up(shop)
    assert backups.second_folder_problem(shop) == ""


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_the_last_two_days_fourteen_days_and_twelve_months_are_kept(config: Config) -> None:
    config.backups.mkdir(parents=True)
    today = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    for days in range(500):
        for hour in (2, 14):
            moment = (today - timedelta(days=days)).replace(hour=hour)
            path = config.backups / f"shop-{moment:%Y%m%d-%H%M%S}.sqlite3"
            path.write_bytes(b"a copy")
            path.with_name(path.name + ".sha256").write_bytes(b"its hash")
    clock.use("UTC")
    with clock.frozen(today):
        backups._thin_out(config.backups)
        names = [one.path.name for one in backups.listing(config)]
    assert names[:5] == [f"shop-202611{day}-{hour}0000.sqlite3" for day, hour in
                         ((23, 14), (23, "02"), (22, 14), (22, "02"), (21, 14))]  # fmt: skip
    days = sorted({name[5:13] for name in names}, reverse=True)
    assert days[:14] == [f"202611{day:02}" for day in range(23, 9, -1)]
    months = [f"{(2026, 2025)[month > 11]}{month:02}" for month in (10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 12)]
    assert [day[:6] for day in days[14:]] == months, "the last backup of each month"
    assert len(list(config.backups.glob("*.sha256"))) == len(names)


def test_a_backup_holds_all_that_was_booked_before_it(shop: Config) -> None:
    book(5)
    assert examine.look(backups.back_up(shop)).marks["cash_entry"] == entries() == 8
