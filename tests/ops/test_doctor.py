"""What is wrong just now: each check with rows that must and must not be found, and `run.py doctor`. Budget: 8 s."""

from __future__ import annotations

import json
import shutil
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.jobs.timetable import hours_of_tasks
from tests.mail import servers
from tests.ops.copying import book
from tracker import cli, clock, db
from tracker.cli import doctor as command
from tracker.config import Config
from tracker.errors import DataError
from tracker.files import Lock
from tracker.ops import backups, doctor, heartbeats, job_runs, problems, recovery, schedules, secrets, snapshots
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import outbox, settings, users

IDS = {
    "database", "books_check", "worker", "web", "schedule", "mail_settings", "mail_login", "admins_reachable",
    "templates", "disk", "clock", "permissions", "backup_age",
}  # fmt: skip


def _ids(config: Config) -> dict[str, str]:
    return {problem.id: problem.severity for problem in problems.problems(config)}


@pytest.fixture
def healthy(shop: Config) -> Iterator[Config]:
    """A shop with a worker alive, a backup, a schedule and mail set up: nothing is wrong."""
    settings.change(smtp_host="mail.example", smtp_from="amina@shop.example")
    shop.backups.mkdir()
    db.books.execute_sql("VACUUM INTO ?", (str(shop.backups / f"shop-{clock.local():%Y%m%d-%H%M%S}.sqlite3"),))
    hours_of_tasks()
    heartbeats.beat("worker", "boot")
    with Lock(shop.data / "worker.lock"):
        yield shop


def test_a_healthy_shop_has_no_problems(healthy: Config) -> None:
    assert _ids(healthy) == {}


def test_before_set_up_there_is_nothing_to_mend(books: Config) -> None:
    assert problems.problems(books) == []


def test_the_worst_stands_first(healthy: Config) -> None:
    schedules.pause("debt_reminders")
    users.choose_notices(1, "nothing")
    found = [problem.severity for problem in problems.problems(healthy)]
    assert found == sorted(found) and {"critical", "warning"} == set(found)


# --- the installation -----------------------------------------------------------------------------------------------

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "severity"), [(50, "critical"), (500, "warning"), (5000, None)])
def test_a_disk_that_fills_up_is_told(
    healthy: Config, monkeypatch: pytest.MonkeyPatch, free: int, severity: str | None
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, free * 1_000_000))
    assert _ids(healthy).get("disk") == severity


def test_a_clock_before_the_programs_own_date_or_before_the_last_booking_is_told(healthy: Config) -> None:
    with clock.frozen(datetime(2020, 1, 1, tzinfo=UTC)):
        assert _ids(healthy)["clock"] == "critical"
    with clock.frozen(clock.now() - timedelta(hours=2)):
        assert _ids(healthy)["clock"] == "warning"


def test_keys_that_others_may_read_are_told(healthy: Config) -> None:
    secrets.secret_key(healthy)
    if sys.platform == "win32":
        assert doctor.permissions(healthy).status == "ok"
        return
    (healthy.secret / "secret_key").chmod(0o644)
    assert _ids(healthy)["permissions"] == "warning"


@pytest.mark.parametrize(
    ("folder", "status"),
    [("OneDrive - Amina", "warn"), ("Dropbox", "warn"), ("Dropboxes", "ok"), ("My Documents", "ok")],
)
def test_a_folder_that_another_program_synchronises_is_told(config: Config, folder: str, status: str) -> None:
    assert doctor.data_folder(replace(config, data=config.data.parent / folder / "data")).status == status


@pytest.mark.parametrize(("hours", "severity"), [(25, None), (27, "warning"), (73, "critical")])
def test_an_old_backup_is_told(healthy: Config, hours: int, severity: str | None) -> None:
    with clock.frozen(clock.now() + timedelta(hours=hours)):
        assert _ids(healthy).get("backup_age") == severity


def test_a_shop_without_any_backup_has_until_the_next_night(shop: Config) -> None:
    assert "backup_age" not in _ids(shop)
    with clock.frozen(clock.now() + timedelta(hours=27)):
        assert _ids(shop)["backup_age"] == "critical"


def test_a_backup_that_did_not_reach_the_stick_is_told(healthy: Config, tmp_path: Path) -> None:
    settings.change(backup_folder=str(tmp_path / "stick"))
    backups.back_up(healthy)
    assert _ids(healthy) == {"second_folder": "warning"}
    (tmp_path / "stick").mkdir()
    backups.back_up(healthy)
    assert _ids(healthy) == {}


def test_a_snapshot_that_could_not_be_made_is_told(healthy: Config) -> None:
    db.books.execute_sql("UPDATE cash_account SET balance = balance + 1")
    snapshots._failure.again_at = 0.0
    with pytest.raises(DataError):
        snapshots.take_if_due(healthy)
    snapshots._failure.again_at = 0.0
    assert _ids(healthy) == {"snapshots": "critical"}


def test_an_unusual_start_is_told_until_somebody_has_read_it(shop: Config) -> None:
    snapshots.take(shop, "a test")
    close_shop()
    shop.books.unlink()
    open_shop(shop)
    card = next(problem for problem in problems.problems(shop) if problem.id == "recovery")
    assert card.severity == "critical" and "The shop goes on from" in card.sentence
    recovery.dismiss(shop)
    assert "recovery" not in _ids(shop)


# --- processes, jobs, mail ------------------------------------------------------------------------------------------


def test_a_worker_that_is_off_is_a_warning_and_one_that_is_silent_is_critical(healthy: Config) -> None:
    now = clock.now()
    db.ops.execute_sql("UPDATE process SET beat_at = ?", (db.instant_text(now - timedelta(seconds=200)),))
    heartbeats._looks.clear()
    assert _ids(healthy) == {"worker": "critical"}
    heartbeats.forget("worker")
    assert _ids(healthy) == {"worker": "warning"}


def test_a_job_that_did_not_run_at_its_hour_is_told(healthy: Config) -> None:
    schedules.Schedule.update(seen_until=clock.now() - timedelta(days=2)).where(
        schedules.Schedule.job == "reorder_alerts"
    ).execute()
    late = next(problem for problem in problems.problems(healthy) if problem.id == "schedule")
    assert late.sentence == "Not done at its hour: Send reorder alerts."


def test_a_paused_job_is_told_as_a_choice(healthy: Config) -> None:
    schedules.pause("debt_reminders")
    assert _ids(healthy) == {"schedule": "warning"}


def test_the_last_run_of_a_job_counts_and_not_the_one_before(healthy: Config) -> None:
    for state, error, severity in (("failed", "The stick is full.", "critical"), ("done", "", None)):
        job_runs.JobRun.insert(
            job="backup", trigger="hand", state=state, outcome=state, error=error,
            due_at=clock.now(), created_at=clock.now(), ended_at=clock.now(),
        ).execute()  # fmt: skip
        found = {problem.id: problem for problem in problems.problems(healthy)}
        assert (found["job_backup"].severity if severity else None) == severity
        assert ("job_backup" in found) == bool(severity)
        if severity:
            assert "The stick is full" in found["job_backup"].sentence


def test_a_books_check_that_found_something_is_told_in_its_own_words(healthy: Config) -> None:
    job_runs.JobRun.insert(
        job="books_check", trigger="schedule", state="done", outcome="failed", result="Till: 1.00 too much.",
        due_at=clock.now(), created_at=clock.now(), ended_at=clock.now(),
    ).execute()  # fmt: skip
    card = next(problem for problem in problems.problems(healthy) if problem.id == "books_check")
    assert card.severity == "critical" and card.sentence == "Till: 1.00 too much."


def test_mail_that_does_not_go_is_told(healthy: Config) -> None:
    outbox.pause("mail.example does not answer.", "timed out", 300)
    assert _ids(healthy) == {"outbox": "critical"}
    outbox.resume()
    for number, state in enumerate(("failed", "held", "sent")):
        mail = outbox.put("test_email", str(number), {}, to_address="a@b.example")
        assert mail is not None
        outbox.Mail.update(state=state, sent_at=clock.now() if state == "sent" else None).where(
            outbox.Mail.id == mail.id
        ).execute()
    assert _ids(healthy) == {"mail_failed": "warning", "mail_held": "warning"}


def test_without_a_mail_server_one_quiet_line_says_so(healthy: Config) -> None:
    settings.change(smtp_host="")
    assert _ids(healthy) == {"mail_settings": "warning"}


def test_an_alert_that_would_reach_nobody_is_a_problem_of_its_own(healthy: Config) -> None:
    users.edit(1, email="")
    assert _ids(healthy) == {"admins_reachable": "warning"}
    users.choose_notices(1, "nothing")
    assert _ids(healthy) == {"admins_reachable": "critical"}


# --- run.py doctor --------------------------------------------------------------------------------------------------


@pytest.fixture
def run_doctor(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("TRACKER_DATA", str(config.data))
    monkeypatch.setenv("TRACKER_PORT", str(config.port))

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.main(["doctor", *arguments], lambda: None)
        return code, capsys.readouterr().out

    return run


def test_doctor_names_every_check_in_json_and_is_content(
    shop: Config, run_doctor: Callable[..., tuple[int, str]]
) -> None:
    close_shop()
    code, said = run_doctor("--json")
    found = {one["id"]: one for one in json.loads(said)}
    assert found.keys() >= IDS
    assert all(set(one) == {"id", "status", "sentence", "fix"} for one in found.values())
    assert {one["status"] for one in found.values()} <= {"ok", "warn", "fail"}
    assert code == 0 and found["books_check"]["status"] == "ok"


def test_doctor_adds_the_books_up_itself(shop: Config, run_doctor: Callable[..., tuple[int, str]]) -> None:
    db.books.execute_sql("UPDATE cash_account SET balance = balance + 1")
    close_shop()
    code, said = run_doctor()
    assert code == 1 and "BAD   Till" in said


def test_doctor_reads_every_page_of_the_books(shop: Config, run_doctor: Callable[..., tuple[int, str]]) -> None:
    close_shop()
    content = bytearray(shop.books.read_bytes())
    content[4096 * 8 : 4096 * 9] = bytes(4096)
    shop.books.write_bytes(content)
    code, said = run_doctor("--json")
    assert code == 1
    assert next(one for one in json.loads(said) if one["id"] == "database")["status"] == "fail"


def test_doctor_logs_in_to_the_mail_server(shop: Config, config: Config) -> None:
    controller = servers.start(servers.Sink(), auth_require_tls=False)
    try:
        settings.change(smtp_host="127.0.0.1", smtp_port=controller.port, smtp_tls="plain", smtp_from="a@b.example")
        assert command.mail_login(config).status == "ok"
    finally:
        controller.stop()
    found = command.mail_login(replace(config, smtp_timeout_seconds=2))
    assert found.status == "fail" and "127.0.0.1" in found.sentence


def test_doctor_says_seen_and_the_note_of_the_last_start_is_gone(
    shop: Config, run_doctor: Callable[..., tuple[int, str]]
) -> None:
    snapshots.take(shop, "a test")
    close_shop()
    shop.books.unlink()
    _, said = run_doctor()
    assert "The shop goes on from" in said
    _, said = run_doctor("--seen")
    assert "The shop goes on from" not in said


# --- the commands of copies -----------------------------------------------------------------------------------------


def test_the_commands_make_list_verify_and_restore(
    shop: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    close_shop()
    monkeypatch.setenv("TRACKER_DATA", str(shop.data))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments), lambda: None)
        said = capsys.readouterr()
        return code, said.out, said.err

    code, said, _ = run("backup")
    path = Path(said.strip())
    assert code == 0 and path.parent == shop.backups and path.exists()
    listed = json.loads(run("backup", "list", "--json")[1])
    assert [one["file"] for one in listed] == [str(path)] and listed[0]["bytes"] == path.stat().st_size
    assert run("backup", "verify")[:2] == (0, f"{path.name} is whole.\n")
    verdict = json.loads(run("backup", "verify", path.name, "--json")[1])
    assert verdict["ok"] is True and verdict["problems"] == []
    open_shop(shop)
    book()
    close_shop()
    assert run("restore", path.name)[0] == 1
    assert run("restore", "nothing.sqlite3", "--yes")[0] == 4
    with Lock(shop.data / "worker.lock"):
        assert run("restore", path.name, "--yes")[0] == 75
    code, said, _ = run("restore", path.name, "--yes")
    assert code == 0 and said.startswith(f"The books of {path.name} are in place")
    path.write_bytes(path.read_bytes()[:-1])
    code, _, complaint = run("backup", "verify", path.name)
    assert code == 1 and "SHA-256" in complaint
