"""Restoring one of our own copies: refused with nothing touched, or done whole, wherever it is killed. Budget: 25 s."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.ops.copying import at, book, bytes_of, copy_folder, entries, is_sound, run
from tracker import clock, db
from tracker.config import Config
from tracker.errors import Busy, DataError, NotFound, Refused
from tracker.files import Lock
from tracker.ops import (
    backups,
    copies,
    examine,
    exchange,
    migrations,
    presence,
    recovery,
    restore,
    schedules,
    snapshots,
)
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import users


@pytest.fixture
def backup(shop: Config) -> Path:
    """A backup with three entries; the present books have five; the shop is stopped."""
    path = backups.back_up(shop)
    book(2)
    close_shop()
    return path


def test_a_restore_brings_back_the_books_of_the_backup(shop: Config, backup: Path) -> None:
    said = restore.restore(shop, backup.name, yes=True)
    assert backup.name in said and "replaced-" in said
    open_shop(shop)
    assert entries() == 3 and is_sound()
    assert recovery.last(shop) is None
    assert not (shop.data / "restore").exists() and not exchange.is_pending(shop)


def test_it_says_when_those_books_were_last_changed_not_when_they_were_put_back(shop: Config, backup: Path) -> None:
    changed = examine.look(backup).last_at
    with clock.frozen(clock.now() + timedelta(hours=5)):
        said = restore.restore(shop, backup.name, yes=True)
    assert f"{clock.local(datetime.fromisoformat(changed)):%Y-%m-%d at %H:%M}" in said
    assert examine.look(shop.books).last_at == changed


def test_what_was_there_is_snapshotted_and_its_files_are_kept(shop: Config, backup: Path) -> None:
    restore.restore(shop, backup.name, yes=True)
    after, before = (examine.look(one.path).marks["cash_entry"] for one in snapshots.listing(shop)[:2])
    assert (after, before) == (3, 5)
    aside = next(shop.data.glob("replaced-*"))
    assert examine.look(aside / "shop.sqlite3").marks["cash_entry"] == 5


def test_the_record_of_changes_says_that_it_was_restored(shop: Config, backup: Path) -> None:
    restore.restore(shop, str(backup), yes=True)
    open_shop(shop)
    assert backup.name in db.rows("SELECT detail FROM audit ORDER BY id DESC LIMIT 1")[0][0]


def test_a_backup_from_a_stick_restores_into_a_folder_that_lost_everything(
    shop: Config, backup: Path, tmp_path: Path
) -> None:
    fresh = at(tmp_path / "new PC")
    fresh.data.mkdir()
    restore.restore(fresh, str(backup), yes=True)
    open_shop(fresh)
    assert entries() == 3 and is_sound()


def test_broken_present_books_do_not_stand_in_the_way(shop: Config, backup: Path) -> None:
    shop.books.write_bytes(b"\0" * 9999)
    restore.restore(shop, backup.name, yes=True)
    open_shop(shop)
    assert entries() == 3


# --- what must not happen by itself afterwards ------------------------------------------------------------------------


def test_nothing_that_the_backup_had_queued_goes_out_or_runs_by_itself(shop: Config) -> None:
    moment = "2026-11-20T08:00:00.000Z"
    for key, state, stage in (("a", "queued", None), ("b", "sending", "data"), ("c", "sent", None)):
        db.books.execute_sql(
            "INSERT INTO mail (key, kind, to_address, context, message_id, state, stage, owner, due_at, created_at,"
            " sent_at) VALUES (?, 'debt_reminder', 'a@b.example', '{}', ?, ?, ?, ?, ?, ?, ?)",
            (key, key, state, stage, stage and "w1", moment, moment, moment if state == "sent" else None),
        )
    for job, state in (("backup", "queued"), ("debt_reminders", "running"), ("books_check", "done")):
        db.books.execute_sql(
            "INSERT INTO job_run (job, trigger, state, due_at, created_at) VALUES (?, 'schedule', ?, ?, ?)",
            (job, state, moment, moment),
        )
    schedules.Schedule.replace(
        job="backup", at="02:00", seen_until=moment, default_at="02:00", default_days="every", default_cron=""
    ).execute()
    db.books.execute_sql(
        "INSERT INTO session (token_hash, user_id, created_at, seen_at) VALUES (?, 1, ?, ?)", ("f" * 64, moment, moment)
    )
    path = backups.back_up(shop)
    close_shop()
    before = db.instant_text(clock.now())
    restore.restore(shop, path.name, yes=True)
    open_shop(shop)
    found = dict(db.rows("SELECT key, state FROM mail"))
    assert found == {"a": "held", "b": "held", "c": "sent"}
    assert "by itself" in db.rows("SELECT error FROM mail WHERE key = 'a'")[0][0]
    runs = dict(db.rows("SELECT job, state FROM job_run"))
    assert runs == {"backup": "cancelled", "debt_reminders": "cancelled", "books_check": "done"}
    assert db.rows("SELECT seen_until FROM schedule")[0][0] >= before
    assert db.rows("SELECT count(*) FROM session WHERE ended_at IS NULL")[0][0] == 0


# --- refused, with the present books untouched byte for byte ---------------------------------------------------------


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = bytes(4096)
    path.write_bytes(content)


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _sql(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        other = db.sqlite3.connect(path)
        for statement in statements:
            other.execute(statement)
        other.commit()
        other.close()

    return change


def _a_text(path: Path) -> None:
    path.write_text("sku,name\n1,Tea\n", encoding="utf-8")


def _another_programs(path: Path) -> None:
    path.unlink()
    _sql("CREATE TABLE recipe (name TEXT)")(path)


WRONG_FILES = {
    "flipped after it was made": (_flipped, "SHA-256"),
    "truncated": (_truncated, "can't be read|damaged"),
    "a zeroed page": (_flipped, "can't be read|damaged"),
    "empty": (_emptied, "not a database"),
    "a text": (_a_text, "not a database"),
    "another program's": (_another_programs, "not a Finance Tracker"),
    "a newer version's": (
        _sql("INSERT INTO schema_migration (name, applied) VALUES ('9999_next_year', '2027-01-01')"),
        "newer Finance Tracker .*Update the program",
    ),
    "a trigger that makes Juma an admin": (
        _sql(
            "CREATE TRIGGER sqlitehelper AFTER INSERT ON cash_entry"
            " BEGIN UPDATE user SET role = 'admin' WHERE username = 'juma'; END"
        ),
        "did not make: sqlitehelper",
    ),
    "a trigger with a table's name": (
        _sql("CREATE TRIGGER user AFTER INSERT ON cash_entry BEGIN UPDATE user SET role = 'admin'; END"),
        "did not make: user",
    ),
    "a view": (_sql("CREATE VIEW totals AS SELECT 1"), "did not make: totals"),
    "a ledger without its guard": (_sql("DROP TRIGGER append_only_cash_entry_update"), "append_only_cash_entry_update"),
    "a balance that does not add up": (_sql("UPDATE cash_account SET balance = balance + 1"), "Till"),
    "a row that points to nothing": (
        _sql("INSERT INTO notice_choice VALUES (1, 99, 'news', 1, 1)"),
        "point to nothing",
    ),
}


@pytest.mark.parametrize("what", WRONG_FILES)
def test_a_wrong_file_is_refused_and_the_present_books_stay_byte_for_byte(
    shop: Config, backup: Path, what: str
) -> None:
    change, sentence = WRONG_FILES[what]
    change(backup)
    if what != "flipped after it was made":  # the hash would show each of them at once
        backup.with_name(backup.name + ".sha256").unlink()
    before = bytes_of(shop.data)
    with pytest.raises(Refused, match=sentence) as refusal:
        restore.restore(shop, backup.name, yes=True)
    assert "Nothing was changed." in refusal.value.message
    assert bytes_of(shop.data) == before
    assert not list(shop.data.glob("replaced-*")) and not (shop.data / "restore").exists()


def test_without_yes_nothing_is_restored(shop: Config, backup: Path) -> None:
    with pytest.raises(Refused, match="--yes"):
        restore.restore(shop, backup.name, yes=False)


def test_a_file_that_is_not_there_and_the_shops_own_file_are_refused(shop: Config, backup: Path) -> None:
    with pytest.raises(NotFound):
        restore.restore(shop, "shop-19990101-000000.sqlite3", yes=True)
    with pytest.raises(Refused, match="own file"):
        restore.restore(shop, str(shop.books), yes=True)


def test_a_file_with_a_wal_beside_it_is_not_taken_for_a_finished_copy(shop: Config, backup: Path) -> None:
    backup.with_name(backup.name + "-wal").write_bytes(b"changes")
    with pytest.raises(Refused, match=r"-wal beside it .* Nothing was changed"):
        restore.restore(shop, backup.name, yes=True)


def test_too_little_room_is_said_before_anything_is_touched(
    shop: Config, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "ROOM", 1 << 60)
    with pytest.raises(DataError, match=r"no room .* Nothing was changed"):
        restore.restore(shop, backup.name, yes=True)


@pytest.mark.parametrize("role", ["supervisor", "worker"])
def test_while_a_process_holds_its_lock_the_restore_is_refused(shop: Config, backup: Path, role: str) -> None:
    with Lock(shop.data / f"{role}.lock"), pytest.raises(Busy, match=r"run\.py stop"):
        restore.restore(shop, backup.name, yes=True)


def test_while_any_process_has_the_books_open_the_restore_is_refused(shop: Config) -> None:
    path = backups.back_up(shop)
    done = run("restoring", shop.data, path.name)
    assert "Stop it first" in done.stderr
    assert entries() == 3 and is_sound()


def test_older_books_are_migrated_before_they_take_the_place(
    shop: Config, backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = tmp_path / "migrations"
    shutil.copytree(migrations.SCRIPTS, scripts)
    (scripts / "9998_colour.py").write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE colour (name TEXT NOT NULL) STRICT')\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(migrations, "SCRIPTS", scripts)
    restore.restore(shop, backup.name, yes=True)
    assert examine.look_live(shop.books).applied[-1] == "9998_colour"
    open_shop(shop)
    assert migrations.applied()[-1] == "9998_colour"
    assert entries() == 3 and db.rows("SELECT count(*) FROM colour")[0][0] == 0


# --- killed anywhere -------------------------------------------------------------------------------------------------

POINTS = {
    "restore.copied": 5,
    "restore.ready": 5,
    "restore.kept": 5,
    "restore.planned": 3,
    "restore.moved.shop.sqlite3": 3,
    "restore.moved": 3,
    "restore.renamed": 3,
    "restore.checked": 3,
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_start_has_the_old_books_or_the_new(shop: Config, backup: Path, point: str) -> None:
    killed = run("restoring", shop.data, backup.name, CRASH_AT=point)
    assert killed.returncode != 0 and killed.stderr == ""
    open_shop(shop)
    assert entries() == POINTS[point] and is_sound()
    assert not exchange.is_pending(shop) and not (shop.data / "restore").exists()
    assert not presence.look(shop).others


@pytest.mark.parametrize("point", ["", "restore.refused", "restore.back.shop.sqlite3-wal", "restore.back.shop.sqlite3"])
def test_a_copy_that_spoilt_on_its_way_is_taken_back_wherever_that_is_killed(
    shop: Config, backup: Path, point: str
) -> None:
    """Planned, then the copy changes on the disk: the old books, with what was only in their `-wal`, are back."""
    present = bytes_of(shop.data)
    (shop.data / "shop.sqlite3-wal").write_bytes(b"of the present books")
    assert run("restoring", shop.data, backup.name, CRASH_AT="restore.planned").returncode != 0
    incoming = shop.data / "restore" / "shop.sqlite3"
    plan = json.loads((shop.data / "restore-pending.json").read_text(encoding="utf-8"))
    _flipped(incoming)
    plan["sha256"] = copies.digest(incoming)  # so that only the look in its new place can find it
    (shop.data / "restore-pending.json").write_text(json.dumps(plan), encoding="utf-8")
    if point:
        assert run("opening", shop.data, CRASH_AT=point).returncode != 0
    open_shop(shop)
    said = recovery.last(shop)
    assert said is not None and "are back" in said.sentence
    assert entries() == 5 and is_sound()
    assert not exchange.is_pending(shop) and present["shop.sqlite3"]


def test_a_cashier_stays_a_cashier(shop: Config, backup: Path) -> None:
    open_shop(shop)
    users.add("juma", "Juma", "cashier")
    path = backups.back_up(shop)
    close_shop()
    restore.restore(shop, path.name, yes=True)
    open_shop(shop)
    assert dict(db.rows("SELECT username, role FROM user")) == {"amina": "admin", "juma": "cashier"}


def test_a_copy_of_the_restored_folder_starts_too(shop: Config, backup: Path, tmp_path: Path) -> None:
    restore.restore(shop, backup.name, yes=True)
    open_shop(shop)
    book()
    close_shop()
    copy = at(copy_folder(shop.data, tmp_path / "copy"))
    open_shop(copy)
    assert entries() == 4
