"""Updates of the tables: a verified snapshot before, old or new after, never half, one at a time. Budget: 8 s."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ops.copying import PROGRAMS, entries, is_sound, run
from tracker import db
from tracker.config import ROOT, Config
from tracker.errors import DataError
from tracker.ops import copies, examine, migrations, snapshots
from tracker.ops.startup import close_shop, open_shop

COLOUR = """
def up(migrator, db):
    db.execute_sql("CREATE TABLE colour (name TEXT NOT NULL) STRICT")
    {between}
    db.execute_sql("CREATE TABLE shade (name TEXT NOT NULL) STRICT")
"""
KILLED = "import os, signal; os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """This version's scripts and one more, as the next version would bring it."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations.SCRIPTS, folder)
    _write(folder)
    return folder


def _write(folder: Path, between: str = "pass") -> None:
    (folder / "9998_colour.py").write_text(COLOUR.format(between=between), encoding="utf-8")


def test_a_new_shop_has_been_through_every_script_and_is_as_a_fresh_install(books: Config) -> None:
    assert migrations.applied() == migrations.names()
    assert migrations.differences() == []
    assert not snapshots.listing(books), "there was nothing to lose"


def test_before_an_update_a_verified_snapshot_of_the_older_books_is_taken(
    shop: Config, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_shop()
    monkeypatch.setattr(migrations, "SCRIPTS", scripts)
    open_shop(shop)
    assert migrations.applied()[-1] == "9998_colour" and entries() == 3
    taken = snapshots.listing(shop)
    assert len(taken) == 1 and copies.is_intact(taken[0].path)
    monkeypatch.undo()
    assert examine.look(taken[0].path).kind == "whole", "the older version can read it"


def test_where_no_snapshot_can_be_made_nothing_is_updated(
    shop: Config, scripts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_shop()
    monkeypatch.setattr(migrations, "SCRIPTS", scripts)
    monkeypatch.setattr(copies, "ROOM", 1 << 60)
    with pytest.raises(DataError, match="no room"):
        open_shop(shop)
    assert migrations.applied()[-1] != "9998_colour"


def test_killed_in_the_middle_of_a_script_the_books_are_as_before_and_the_next_start_finishes(
    shop: Config, scripts: Path
) -> None:
    close_shop()
    _write(scripts, KILLED)
    for _ in range(2):
        assert run("migrating", shop.data, scripts).returncode != 0
        assert examine.look_live(shop.books).kind == "whole", "for the older version nothing happened"
    _write(scripts)
    done = run("migrating", shop.data, scripts)
    assert done.stdout.split() == ["9998_colour", "3"], done.stderr


def test_a_script_that_fails_leaves_the_books_as_before_and_says_so(shop: Config, scripts: Path) -> None:
    close_shop()
    _write(scripts, 'db.execute_sql("INSERT INTO no_such_table VALUES (1)")')
    done = run("migrating", shop.data, scripts)
    assert done.returncode == 1 and "no_such_table" in done.stderr and "Traceback" not in done.stderr
    open_shop(shop)
    assert entries() == 3 and is_sound()


def test_two_that_start_at_once_update_once(shop: Config, scripts: Path) -> None:
    close_shop()
    command = [sys.executable, str(PROGRAMS / "migrating.py"), str(shop.data), str(scripts)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment)
        for _ in range(2)
    ]
    for process in both:
        said, complained = process.communicate(timeout=60)
        assert said.split() == ["9998_colour", "3"], complained
    assert len(snapshots.listing(shop)) == 1


def test_books_of_a_newer_version_are_refused_untouched(shop: Config, scripts: Path) -> None:
    close_shop()
    assert run("migrating", shop.data, scripts).returncode == 0
    before = shop.books.read_bytes()
    with pytest.raises(DataError, match=r"newer Finance Tracker \(9998_colour\)"):
        open_shop(shop)
    close_shop()
    assert shop.books.read_bytes() == before


def test_a_first_start_that_was_killed_between_its_history_and_its_tables_is_taken_up_again(
    config: Config, tmp_path: Path
) -> None:
    empty = tmp_path / "first"
    empty.mkdir()
    (empty / "0001_initial.py").write_text(f"def up(migrator, db):\n    {KILLED}\n", encoding="utf-8")
    assert run("migrating", config.data, empty).returncode != 0
    assert config.books.exists()
    open_shop(config)
    assert migrations.applied() == migrations.names() and entries() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER setting AFTER INSERT ON audit BEGIN DELETE FROM session; END",
        "CREATE TRIGGER sqlitely AFTER INSERT ON audit BEGIN DELETE FROM session; END",
        "CREATE VIEW sums AS SELECT 1",
        "DROP TRIGGER append_only_audit_delete",
        "DROP INDEX audit_subject",
        "ALTER TABLE setting ADD COLUMN note TEXT",
    ],
)
def test_whatever_differs_from_a_fresh_install_is_named(books: Config, statement: str) -> None:
    db.books.execute_sql(statement)
    assert len(migrations.differences()) == 1


def test_what_sqlite_itself_keeps_does_not_count_as_a_difference(books: Config) -> None:
    db.books.execute_sql("ANALYZE")
    assert db.rows("SELECT name FROM sqlite_master WHERE name = 'sqlite_stat1'")
    assert migrations.differences() == []
