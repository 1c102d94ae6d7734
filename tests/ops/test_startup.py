"""How a process opens the shop and leaves it: private folder, journal mode, keys, refusals in words. Budget: 5 s."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.copying import PROGRAMS, entries, run
from tracker import db
from tracker.config import ROOT, Config, Smtp
from tracker.errors import Busy, DataError, Refused
from tracker.files import Lock
from tracker.ops import instance, presence, secrets, startup
from tracker.ops.startup import close_shop, open_shop


def test_everything_in_a_fresh_data_folder_is_private(books: Config) -> None:
    if sys.platform != "win32":
        for path in (books.data, *books.data.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path


def test_opening_twice_is_harmless(shop: Config) -> None:
    open_shop(shop)
    assert entries() == 3
    assert presence.look(shop) == presence.Seen(0, ())


def test_the_books_run_in_wal_with_every_commit_on_the_disk(books: Config) -> None:
    assert db.books.pragma("journal_mode") == "wal"
    assert db.books.pragma("synchronous") == 2
    assert db.books.pragma("foreign_keys") == 1
    assert db.books.pragma("trusted_schema") == 0


def test_a_sqlite_with_the_known_fault_runs_without_wal(config: Config) -> None:
    assert run("opening", config.data, "sqlite-with-the-fault").stdout.split() == ["0", "truncate"]
    assert not list(config.data.glob("*-wal"))


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
        ((4, 0, 0), True),
    ],
)
def test_the_versions_with_the_fault_are_known(version: tuple[int, ...], is_safe: bool) -> None:
    assert db.wal_is_safe(version) is is_safe


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, config: Config) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(DataError, match="can't be made"):
        open_shop(Config(root=ROOT, data=tmp_path / "file" / "data"))


def test_a_start_waits_for_another_that_migrates_and_says_so_in_the_end(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(startup.migrations, "PATIENCE", 0.1)
    with Lock(config.data / "migrate.lock"), pytest.raises(Busy, match="Try again in a minute"):
        open_shop(config)


# --- who is here ----------------------------------------------------------------------------------------------------


@pytest.fixture
def another(shop: Config) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the shop open."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / "opening.py"), str(shop.data), "stay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_processes_on_one_folder_know_of_each_other(shop: Config, another: subprocess.Popen[str]) -> None:
    assert presence.look(shop) == presence.Seen(1, ())
    another.communicate("\n", timeout=30)
    assert presence.look(shop) == presence.Seen(0, ())


def test_one_that_was_killed_is_told_from_one_that_left(shop: Config, another: subprocess.Popen[str]) -> None:
    another.kill()
    another.wait()
    assert presence.look(shop) == presence.Seen(0, (presence.OPEN,))
    presence.sweep(shop)
    assert presence.look(shop) == presence.Seen(0, ())


def test_a_copy_is_an_instance_of_its_own_and_the_original_stays_itself(shop: Config) -> None:
    before = instance.known(shop)
    close_shop()
    open_shop(shop)
    after = instance.known(shop)
    assert before is not None and after is not None and before.id == after.id != ""


# --- keys -----------------------------------------------------------------------------------------------------------


def test_the_keys_are_made_once_and_differ(config: Config) -> None:
    assert len(secrets.secret_key(config)) == len(secrets.queue_key(config)) == 32
    assert secrets.secret_key(config) == secrets.secret_key(config) != secrets.queue_key(config)


def test_a_damaged_key_is_a_sentence(config: Config) -> None:
    secrets.secret_key(config)
    (config.secret / "secret_key").write_bytes(b"short")
    with pytest.raises(DataError, match="is damaged"):
        secrets.secret_key(config)


def test_the_mail_password_is_kept_as_typed_and_the_environments_wins(config: Config) -> None:
    assert secrets.smtp_password(config) == ""
    secrets.set_smtp_password(config, "abcd  efgh pässwort")
    assert secrets.smtp_password(config) == "abcd  efgh pässwort"
    fixed = Config(root=config.root, data=config.data, smtp=Smtp(host="mail.example", password="from outside"))
    assert secrets.smtp_password(fixed) == "from outside"
    if sys.platform != "win32":
        assert (config.secret / "smtp_password").stat().st_mode & 0o077 == 0
    secrets.set_smtp_password(config, "")
    assert secrets.smtp_password(config) == "" and not (config.secret / "smtp_password").exists()
    with pytest.raises(Refused):
        secrets.set_smtp_password(config, "two\nlines")
