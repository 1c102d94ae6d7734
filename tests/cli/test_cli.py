"""The command line itself: help, exit codes, sentences, JSON, logs. Budget: 15 s."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.ports import free_port
from tracker import cli
from tracker.cli import logs, processes
from tracker.config import ROOT, Config
from tracker.errors import Busy, DataError, Misconfigured, NotAllowed, NotFound, Refused, ShopError
from tracker.ops.control import NotRunning
from tracker.ops.logfiles import LogFile

EVERYDAY = {"status", "stop", "job", "import", "backup", "doctor"}  # beside the start itself


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test's commands work on a data folder and ports of their own, and leave the process's umask as it was."""
    monkeypatch.setenv("TRACKER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TRACKER_PORT", str(free_port()))
    monkeypatch.setenv("TRACKER_SUPERVISOR_PORT", str(free_port()))
    before = os.umask(0o022)
    yield
    os.umask(before)


def run(*words: str) -> int:
    try:
        return cli.main(list(words), SimpleNamespace)
    except SystemExit as left:
        return int(left.code or 0)


def shell(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words], env={**os.environ, **more}, capture_output=True, text=True,
        encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


# --- help and exit codes --------------------------------------------------------------------------------------------


def shown_by(option: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    assert run(option) == 0
    lines = capsys.readouterr().out.splitlines()
    return {line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("  -")}


def test_help_shows_what_a_shop_needs_and_help_all_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    everyday, everything = shown_by("--help", capsys), shown_by("--help-all", capsys)
    assert everyday == EVERYDAY & everything
    assert {"status", "start", "stop", "restart", "logs", "dev", "web", "worker", "service", "test"} <= everything


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name in shown_by("--help-all", capsys) - {"test"}:
        assert run(name, "--help") == 0
        assert f"run.py {name}" in capsys.readouterr().out


def test_a_wrong_word_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("frobnicate") == 2
    assert capsys.readouterr().err == "There is no command 'frobnicate'. `run.py --help` shows how it is used.\n"
    assert run("status", "--frobnicate") == 2
    assert "--frobnicate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("No."), 1),
        (NotAllowed("No."), 1),
        (DataError("No."), 1),
        (ShopError("No."), 1),
        (NotRunning(), 3),
        (NotFound("No."), 4),
        (Busy("No."), 75),
        (Misconfigured("No."), 78),
    ],
)
def test_each_error_has_its_exit_code(error: ShopError, code: int) -> None:
    assert cli.exit_code(error) == code


def test_an_error_is_one_sentence_without_a_traceback() -> None:
    done = shell("status", TRACKER_PORT="many")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr == "TRACKER_PORT must be a whole number from 1 to 65535, not 'many'.\n"


def test_the_timetable_is_handed_in_by_the_door() -> None:
    """The worker is the timetable's main; the package itself may not import it."""
    timetable = SimpleNamespace(main=lambda: 42)
    assert cli.main(["worker"], lambda: timetable) == 42


def test_files_are_private_from_the_first_one_on() -> None:
    run("status")
    assert os.umask(0o022) == 0o077


def test_a_name_that_the_console_lacks_does_not_end_a_command() -> None:
    program = "from tracker import cli; cli._speak_utf8(); print('Zawadi \\u20ac \\U0001f600')"
    narrow = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=narrow, capture_output=True, timeout=60, check=True
    )
    assert done.stdout.decode("utf-8").split() == ["Zawadi", "\u20ac", "\U0001f600"]


def test_a_reader_that_has_enough_is_no_error() -> None:
    """`run.py --help-all | head -1`, with a reader that closes its end before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), "--help-all"],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_status_does_not_wait_for_flask_or_the_books() -> None:
    program = (
        "import sys; from tracker import cli; cli.main(['status'], list);"
        "print([name for name in ('flask', 'peewee', 'huey', 'mjml', 'waitress', 'babel') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


# --- nothing runs ---------------------------------------------------------------------------------------------------


def test_status_of_a_shop_that_is_not_running(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status") == 3
    assert capsys.readouterr().out.splitlines() == [
        f"{'web':33}{'STOPPED':10}Not started",
        f"{'worker':33}{'STOPPED':10}Not started",
    ]


def test_status_as_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", "worker", "--json") == 3
    out = capsys.readouterr()
    status = json.loads(out.out)
    assert out.err == ""
    assert set(status) == {"running", "pid", "url", "programs"}
    assert (status["running"], status["pid"]) == (False, None)
    (worker,) = status["programs"]
    assert set(worker) == {"name", "state", "pid", "uptime_s", "restarts", "exit_code", "message"}
    assert (worker["name"], worker["state"]) == ("worker", "STOPPED")


@pytest.mark.parametrize("verb", ["status", "start", "stop", "restart", "logs"])
def test_an_unknown_name_is_said(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb, "scheduler") == 4
    assert "There is no process called 'scheduler'; there are web" in capsys.readouterr().err


def test_stopping_what_does_not_run_is_done_already(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("stop") == 0
    assert capsys.readouterr().out == "Finance Tracker is not running.\n"


@pytest.mark.parametrize("words", [("restart",), ("restart", "web"), ("start", "worker")])
def test_parts_need_a_running_shop(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 3
    assert capsys.readouterr().err == "Finance Tracker is not running.\n"


def test_a_taken_port_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GOING", 0.0)
    with socket.create_server(("127.0.0.1", config.port)), pytest.raises(Busy, match=f"Port {config.port} is taken"):
        processes.port_is_free(config)
    processes.port_is_free(config)


def test_start_leaves_with_75_when_the_port_is_taken() -> None:
    port = int(os.environ["TRACKER_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        done = shell("--no-browser")
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr.startswith(f"Port {port} is taken by another program.")
    assert not Path(os.environ["TRACKER_DATA"]).exists()


def test_an_address_of_another_computer_is_a_wrong_setting(config: Config) -> None:
    from dataclasses import replace

    with pytest.raises(Misconfigured, match="TRACKER_HOST"):
        processes.port_is_free(replace(config, host="192.0.2.1"))


@pytest.mark.parametrize(
    "where", [{"SSH_CONNECTION": "1 2 3 4"}, {"CI": "true"}, {"DISPLAY": "", "WAYLAND_DISPLAY": ""}]
)
def test_no_browser_where_nobody_would_see_it(where: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("SSH_CONNECTION", "SSH_TTY", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    processes.open_browser("http://127.0.0.1:8000")
    assert opened == ["http://127.0.0.1:8000"]
    for name, value in where.items():
        monkeypatch.setenv(name, value)
    processes.open_browser("http://127.0.0.1:8000")
    assert len(opened) == 1


# --- logs -----------------------------------------------------------------------------------------------------------


def write(config: Config, name: str, *lines: str) -> None:
    config.logs.mkdir(parents=True, exist_ok=True)
    with (config.logs / f"{name}.log").open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def said(config: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A shop whose processes said something, in turns."""
    monkeypatch.setenv("TRACKER_DATA", str(config.data))
    write(config, "web", "2026-11-23 08:00:01 info    - web: one", "2026-11-23 08:00:04 info    - web: four")
    write(config, "worker", "2026-11-23 08:00:02 info    - jobs: two")
    write(config, "worker_error", "2026-11-23 08:00:03 error   - jobs: three", "Traceback:", "  in debts")
    write(config, "supervisor", "2026-11-23 08:00:05 info    - supervisor: five")
    return config


def test_logs_of_all_are_interleaved_by_time(said: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("logs") == 0
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [label.strip() for label, _ in lines] == ["web", "worker", "worker", "worker", "worker", "web", "supervisor"]
    assert [text.split()[-1] for _, text in lines] == ["one", "two", "three", "Traceback:", "debts", "four", "five"]


def test_logs_of_one_have_no_label_and_n_counts_lines(said: Config, capsys: pytest.CaptureFixture[str]) -> None:
    run("logs", "worker", "-n", "2")
    assert capsys.readouterr().out == "Traceback:\n  in debts\n"
    run("logs", "worker", "--errors")
    assert capsys.readouterr().out.splitlines()[0].endswith("three")
    run("logs", "-n", "0")
    assert capsys.readouterr().out == ""


def test_no_logs_yet_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("logs") == 0
    assert capsys.readouterr().out == ""


def test_following_a_log_loses_nothing_when_it_is_rotated(config: Config) -> None:
    log = LogFile(config.logs / "web.log", 1_000, 3)
    log.write(b"2026-11-23 08:00:00 info - web: before\n")
    followed = logs._Followed(log.path, "")
    wanted = [f"2026-11-23 08:00:01 info - web: line {n}" for n in range(60)]
    seen: list[str] = []
    for line in wanted:
        log.write(line.encode() + b"\n")
        seen += [text for _, text in followed.news()]
    log.close()
    assert log.path.with_name("web.log.1").exists()
    assert seen == wanted


def test_half_a_line_waits_for_its_other_half(config: Config) -> None:
    write(config, "web", "first")
    followed = logs._Followed(config.logs / "web.log", "")
    with (config.logs / "web.log").open("a", encoding="utf-8") as file:
        file.write("sec")
        file.flush()
        assert followed.news() == []
        file.write("ond\n")
    assert [text for _, text in followed.news()] == ["second"]


def test_ctrl_c_ends_following_without_a_traceback(said: Config) -> None:
    follower = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "logs", "web", "-f"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert follower.stdout and follower.stdout.readline().endswith("one\n")
        assert follower.stdout.readline().endswith("four\n")
        write(said, "web", "2026-11-23 08:00:06 info    - web: six")
        assert follower.stdout.readline().endswith("six\n")
        time.sleep(0.1)
        follower.send_signal(signal.SIGINT)
        _, complaints = follower.communicate(timeout=20)
    finally:
        follower.kill()
        follower.wait()
    assert (follower.returncode, complaints) == (130, "")


def test_a_child_that_is_interrupted_may_finish_its_work() -> None:
    """Ctrl-C goes to the whole group; the command waits and passes on what its child made of it."""
    slow = (
        "import time, sys\ntry: time.sleep(30)\nexcept KeyboardInterrupt: time.sleep(0.5); print('tidy'); sys.exit(9)"
    )
    program = (
        "import sys; from tracker.cli import child; print('on', flush=True);"
        f"sys.exit(child.run([sys.executable, '-c', {slow!r}]))"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert command.stdout and command.stdout.readline() == "on\n"
        time.sleep(1.0)
        os.killpg(command.pid, signal.SIGINT)
        said, _ = command.communicate(timeout=20)
    finally:
        command.kill()
        command.wait()
    assert (command.returncode, said) == (9, "tidy\n")


def test_pytest_gets_its_own_words() -> None:
    done = shell("test", "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "pytest")
