"""A disk that is full (F5) and a folder that can't be written to (F6): sentences, reading goes on. Budget: 15 s.

On Linux as root the disk is a real one of 6 MB; elsewhere SQLite's own page limit fills the books, and the rights of
the folder take the place of a read-only mount.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import peewee
import pytest

from tracker import db
from tracker.config import ROOT, Config
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import books as check

IS_ROOT = sys.platform == "linux" and os.geteuid() == 0
MEGABYTE = 1_000_000


def mount(*words: str) -> bool:
    """Whether the system did it; a container's root may not."""
    try:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@dataclass
class Disk:
    """A small disk with the shop on it."""

    folder: Path
    is_real: bool

    @property
    def filler(self) -> Path:
        return self.folder / "somebody-elses-film"

    def fill(self) -> None:
        if not self.is_real:
            pages = db.books.pragma("page_count")
            db.books.execute_sql(f"PRAGMA max_page_count = {pages}")
            db.books.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return
        with self.filler.open("wb", buffering=0) as film:
            for size in (100_000, 4096, 512, 1):
                with suppress(OSError):
                    while True:
                        film.write(b"x" * size)

    def free(self) -> None:
        if self.is_real:
            self.filler.unlink()
        else:
            db.books.execute_sql("PRAGMA max_page_count = 1000000000")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    is_real = IS_ROOT and mount("-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs", str(folder))
    yield Disk(folder, is_real)
    try:
        close_shop()
    finally:
        is_real and subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture
def config(config: Config, disk: Disk) -> Config:
    return replace(config, data=disk.folder / "data")


def test_on_a_full_disk_nothing_is_half_done_reading_goes_on_and_writing_once_there_is_room(
    disk: Disk, shop: SimpleNamespace, amina: Any, juma: Any
) -> None:
    token = amina.token
    forms: dict[str, dict[str, Any]] = {
        "/suppliers": {"name": "One more", "address": "x" * 2000, "notes": "y" * 2000},
        "/products": {"name": "One more", "unit": "piece", "unit_decimals": "0", "on_hand": "3", "notes": "z" * 2000},
        "/products/1/receive": {"quantity": "1", "note": "n" * 200},
        "/cash/in": {"account": shop.till, "amount": "5", "note": "m" * 200, "moved_on": "2026-01-05"},
        "/debts": {"supplier": "1", "issued_on": "2026-01-05", "amount": "10", "note": "d" * 2000},
        "/me/theme": {"theme": "dark"},
    }
    before = check.figures()
    disk.fill()
    refused = 0
    for _ in range(4):  # what is left of the last page may still take something small
        for path, fields in forms.items():
            answer = amina.post(path, data={"csrf_token": token, **fields}, headers={"Origin": "http://localhost:8000"})
            assert answer.status_code in (303, 422, 507), f"{path}: {answer.status_code}"
            if answer.status_code == 507:
                refused += 1
                assert "The disk is full" in answer.text and "Nothing was saved" in answer.text
                assert "Traceback" not in answer.text and "sqlite" not in answer.text.lower()
    assert refused > 5, "the disk was never full: this proves nothing"
    for path in ("/", "/products", "/products/1", "/debts", "/cash", "/suppliers", "/notifications", "/stock/low"):
        assert amina.get(path).status_code == 200, path
    assert juma.get("/products").status_code == 200
    assert check.verify() == []
    disk.free()
    fields = {"name": "After", "unit": "piece", "unit_decimals": "0", "on_hand": "3"}
    assert amina.send("/products", **fields).status_code == 303
    assert check.figures()["product_rows"] > before["product_rows"]
    assert check.verify() == []


def locked(config: Config, *command: str) -> subprocess.CompletedProcess[str]:
    """One of our commands on a folder that nobody may write to, as somebody who is not above that."""
    environment = {**os.environ, "TRACKER_DATA": str(config.data), "TRACKER_PORT": str(config.port)}
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *command], env=environment, cwd=ROOT, capture_output=True, text=True,
        encoding="utf-8", stdin=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def unwritable(disk: Disk, config: Config) -> Iterator[Callable[[], None]]:
    """Call it, and the shop's folder can only be read."""
    undo: list[Callable[[], Any]] = []

    def shut() -> None:
        if disk.is_real:
            assert mount("-o", "remount,ro", str(disk.folder)), "the disk could not be made read-only"
            undo.append(lambda: mount("-o", "remount,rw", str(disk.folder)))
            return
        for path in (config.data, *config.data.rglob("*")):
            before = path.stat().st_mode
            path.chmod(before & 0o555)
            undo.append(lambda path=path, before=before: path.chmod(before))  # type: ignore[misc]

    yield shut
    for step in undo:
        step()


@pytest.mark.slow
def test_a_shop_in_a_folder_that_can_only_be_read_says_so_in_a_sentence(
    config: Config, disk: Disk, unwritable: Callable[[], None]
) -> None:
    open_shop(config)
    close_shop()
    unwritable()
    with pytest.raises(OSError) as no:
        (config.data / "try").write_text("x", encoding="utf-8")
    assert no.value.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
    for command in (["web"], ["worker"], ["--no-browser"], ["doctor"], ["backup"]):
        done = locked(config, *command)
        said = done.stdout + done.stderr
        assert done.returncode not in (0, -11) and "Traceback" not in said, (
            f"{command}: {done.returncode} {said[-1500:]}"
        )
        assert "can't be written to: " in said and len(said.strip().splitlines()) <= 4, f"{command}: {said}"


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_write_inside_a_write_says_that_the_disk_is_full_and_leaves_nothing_open(books: Config, depth: int) -> None:
    def fill(left: int) -> None:
        with db.write():
            if left > 1:
                fill(left - 1)
            for number in range(300):
                db.books.execute_sql("INSERT INTO setting VALUES (?, ?)", (f"big{number}", "x" * 100_000))

    db.books.execute_sql(f"PRAGMA max_page_count = {db.books.pragma('page_count') + 3}")
    with pytest.raises(peewee.OperationalError, match="full"):
        fill(depth)
    assert not db.books.in_transaction() and db.rows("SELECT COUNT(*) FROM setting WHERE key LIKE 'big%'") == [(0,)]
    db.books.execute_sql("PRAGMA max_page_count = 1000000000")
    with db.write():
        db.books.execute_sql("INSERT INTO setting VALUES ('after', 'x')")
    assert check.verify() == []
