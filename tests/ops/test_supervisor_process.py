"""The supervisor as a process of its own: signals, sudden death, memory; health, page, reload. Budget: 20 s."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from tests.ops.supervision import (
    PROGRAMS,
    is_alive,
    program,
    started,
    state,
    supervised,
    wait_for,
    wait_until,
)
from tests.ports import free_port
from tracker import clock
from tracker.config import Config
from tracker.ops import control, health, reload
from tracker.ops.program import Program, Timing

WATCHFUL = Timing(probe=0.05, probe_start=0.02, grace=30, second=0.05)


@pytest.fixture
def alone(config: Config) -> Iterator[subprocess.Popen[str]]:
    """A supervisor process with web and worker, both up."""
    children = ["web=quiet", "worker=parent"]
    command = [sys.executable, str(PROGRAMS / "supervise.py"), str(config.data), str(config.port)]
    flags = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {}
    with subprocess.Popen(
        [*command, str(config.supervisor_port), *children],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **flags,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        wait_until(lambda: len(started(config, "worker")) == 2)
        wait_for(config, "web", "RUNNING")
        yield process
        process.kill()


def _pids(config: Config) -> list[int]:
    return [pid for name in ("web", "worker") for pid, _ in started(config, name)]


def _leaders(config: Config) -> list[int]:
    return [pid for name in ("web", "worker") for pid, _ in started(config, name)[:1] if is_alive(pid)]


def test_nothing_outlives_a_supervisor_that_is_killed(config: Config, alone: subprocess.Popen[str]) -> None:
    alone.kill()
    wait_until(lambda: not any(map(is_alive, _pids(config))))  # a child's child, too, that looks at nothing
    with pytest.raises(control.NotRunning):
        control.call(config, "status")
    with supervised(config, program(config, "web")):  # the lock is free, the old door is forgotten
        assert control.call(config, "status")["pid"] == os.getpid()


def test_a_child_that_hangs_ends_itself_when_the_supervisor_is_gone(config: Config) -> None:
    code = (
        "from tracker.ops import leash; import threading; leash.watch(threading.Event().wait); threading.Event().wait()"
    )
    env = {**os.environ, "TRACKER_LEASH": "1", "TRACKER_STOP_WAIT": "0.2"}
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=env, cwd=config.root)
    child.communicate(timeout=20)
    assert child.returncode == 1


def test_a_signal_lets_all_finish_and_the_supervisor_leaves_with_0(
    config: Config, alone: subprocess.Popen[str]
) -> None:
    alone.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGTERM)
    assert alone.wait(20) == 0
    assert not _leaders(config)
    wait_until(lambda: not any(map(is_alive, _pids(config))))
    log = (config.logs / "supervisor.log").read_text(encoding="utf-8")
    assert "worker STOPPED" in log and log.endswith("supervisor ended\n")


def test_shutdown_answers_when_all_has_ended(config: Config, alone: subprocess.Popen[str]) -> None:
    assert [one["state"] for one in control.call(config, "shutdown")["programs"]] == ["STOPPED", "STOPPED"]
    assert not _leaders(config)
    wait_until(lambda: not any(map(is_alive, _pids(config))))
    assert alone.wait(10) == 0


def test_a_second_process_leaves_with_a_sentence(config: Config, alone: subprocess.Popen[str]) -> None:
    ports = [str(config.port), str(config.supervisor_port)]
    command = [sys.executable, str(PROGRAMS / "supervise.py"), str(config.data), *ports, "web=quiet"]
    second = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False)
    assert second.returncode == 75
    assert second.stderr.strip() == f"Finance Tracker is already running, pid {alone.pid}, {config.url}"


def test_the_supervisor_stays_small(config: Config, alone: subprocess.Popen[str]) -> None:
    assert psutil.Process(alone.pid).memory_info().rss < 30_000_000  # the benchmark prints the figure itself
    heavy = {"flask", "huey", "babel", "peewee", "http.server", "psutil"}
    code = f"import sys, tracker.ops.supervisor; print(sorted({heavy!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=config.root, check=True)
    assert found.stdout.strip() == "[]"


# --- health ---------------------------------------------------------------------------------------------------------


def _web(config: Config) -> Program:
    return program(config, "web", "web", config.port, probe=health.web_probe(config), stop_wait=5)


def test_the_web_runs_when_it_answers_and_is_restarted_when_it_falls_silent(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WEB_PATIENCE", 0.5)
    with supervised(config, _web(config), program(config, "worker"), timing=WATCHFUL):
        before, worker = wait_for(config, "web", "RUNNING"), wait_for(config, "worker", "RUNNING")
        deaf = config.data / "web.pids.deaf"
        deaf.touch()
        wait_until(lambda: state(config, "web")["state"] in ("STOPPING", "STARTING"))
        deaf.unlink()
        after = wait_for(config, "web", "RUNNING", not_pid=before["pid"])
        assert after["restarts"] == 1
        assert state(config, "worker")["pid"] == worker["pid"]


def test_a_program_that_never_answers_is_starting_until_its_grace_is_over(config: Config) -> None:
    silent = program(config, "web", probe=lambda: False)
    with supervised(config, silent, timing=Timing(probe_start=0.02, grace=0.5, second=60)):
        wait_until(lambda: started(config, "web"))
        assert state(config, "web")["state"] == "STARTING"
        wait_until(lambda: len(started(config, "web")) == 2)
        (_, first), (_, second) = started(config, "web")
        assert second - first > 0.4


def test_a_missed_probe_means_nothing_just_after_the_pc_woke() -> None:
    awake = health.Awake()
    assert not awake.just_woke()
    with clock.frozen(clock.now() + timedelta(hours=8)):
        assert awake.just_woke()
        assert awake.just_woke()  # for a minute, however often somebody looks
    awake = health.Awake(grace=0.05, jump=0.1)
    threading.Event().wait(0.2)  # nobody looked for long: the whole PC stood still
    assert awake.just_woke()
    threading.Event().wait(0.06)
    assert not awake.just_woke()


def test_an_awakening_spares_a_program_that_does_not_answer_yet(config: Config) -> None:
    answers = threading.Event()
    answers.set()
    with supervised(config, program(config, "web", probe=answers.is_set), timing=WATCHFUL):
        before = wait_for(config, "web", "RUNNING")
        with clock.frozen(clock.now() + timedelta(hours=8)):
            threading.Event().wait(0.2)
            answers.clear()
            threading.Event().wait(0.5)
            assert state(config, "web")["pid"] == before["pid"]
            answers.set()


# --- the page -------------------------------------------------------------------------------------------------------


def _get(config: Config, path: str = "/", **headers: str) -> tuple[int, str, dict[str, str]]:
    return _ask(urllib.request.Request(f"http://127.0.0.1:{config.supervisor_port}{path}", headers=headers))


def _post(config: Config, fields: dict[str, str], **headers: str) -> int:
    data = urllib.parse.urlencode(fields).encode()
    return _ask(urllib.request.Request(f"http://127.0.0.1:{config.supervisor_port}/", data, headers))[0]


def _ask(request: urllib.request.Request) -> tuple[int, str, dict[str, str]]:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def _answers(config: Config) -> bool:
    try:
        return _get(config)[0] == 200
    except OSError:
        return False


def test_the_page_is_there_while_the_web_is_fatal_and_goes_when_it_runs(config: Config) -> None:
    mode = config.data / "mode"
    config.data.mkdir()
    mode.write_text("crash", encoding="utf-8")
    child = program(config, "web")
    turncoat = (
        "import sys, subprocess, pathlib\n"
        f"if pathlib.Path({str(mode)!r}).read_text() == 'crash':\n"
        "    print('<script>alert(1)</script>', file=sys.stderr); sys.exit(78)\n"
        f"sys.argv = {child.command[3:]!r}; import runpy; runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    web = Program("web", [sys.executable, "-c", turncoat], 100, 10)
    with supervised(config, web, program(config, "worker")):
        wait_for(config, "web", "FATAL")
        wait_until(lambda: _answers(config))
        code, page, headers = _get(config)
        assert code == 200 and "FATAL" in page and "&lt;script&gt;alert(1)" in page and "<script" not in page
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "style=" not in page and "<style" not in page
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert token is not None
        mode.write_text("well", encoding="utf-8")
        assert _post(config, {"token": "wrong", "command": "restart", "name": "web"}) == 403
        right = {"token": token[1], "command": "restart", "name": "web"}
        assert _post(config, right, Origin="http://evil.example") == 403
        assert state(config, "web")["state"] == "FATAL"
        urllib.request.build_opener(_NoRedirect).open(
            f"http://127.0.0.1:{config.supervisor_port}/", urllib.parse.urlencode(right).encode(), timeout=10
        )
        wait_for(config, "web", "RUNNING")
        wait_until(lambda: not _answers(config))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def http_error_303(self, req, fp, code, msg, headers):  # type: ignore[no-untyped-def]
        return fp


def test_in_dev_the_page_is_always_there_for_this_pc_alone(config: Config) -> None:
    with supervised(config, program(config, "web"), dev=True):
        wait_until(lambda: _answers(config))
        wait_for(config, "web", "RUNNING")
        assert "All programs run." in _get(config)[1]
        assert _get(config, "/style.css")[2]["Content-Type"].startswith("text/css")
        assert _get(config, "/etc/passwd")[0] == 404
        assert _get(config, Host=f"evil.example:{config.supervisor_port}")[0] == 400
        assert _get(config, Host=f"localhost:{config.supervisor_port}")[0] == 200


def test_a_taken_port_costs_the_page_but_nothing_else(config: Config) -> None:
    import socket

    with (
        socket.create_server(("127.0.0.1", config.supervisor_port)),
        supervised(config, program(config, "web"), dev=True),
    ):
        assert wait_for(config, "web", "RUNNING")


# --- reload ---------------------------------------------------------------------------------------------------------


def test_a_changed_file_is_noticed_once_it_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "tracker" / "__pycache__").mkdir(parents=True)
    (tmp_path / "run.py").write_text("1", encoding="utf-8")
    changes, ended = threading.Semaphore(0), threading.Event()
    reload.watch(tmp_path, changes.release, ended, every=0.05)
    threading.Event().wait(0.2)
    (tmp_path / "tracker" / "__pycache__" / "a.pyc").write_text("1", encoding="utf-8")
    assert not changes.acquire(timeout=0.3)
    (tmp_path / "tracker" / "new.py").write_text("1", encoding="utf-8")
    assert changes.acquire(timeout=10)
    (tmp_path / "run.py").unlink()
    assert changes.acquire(timeout=10)
    ended.set()


def test_in_dev_a_change_restarts_what_runs(config: Config, tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    mine = Config(root=tmp_path, data=config.data, port=free_port(), supervisor_port=free_port())
    with supervised(mine, program(mine, "web"), program(mine, "worker"), dev=True):
        web, worker = wait_for(mine, "web", "RUNNING"), wait_for(mine, "worker", "RUNNING")
        threading.Event().wait(0.5)
        (tmp_path / "templates" / "base.html").write_text("new", encoding="utf-8")
        wait_for(mine, "web", "RUNNING", not_pid=web["pid"])
        wait_for(mine, "worker", "RUNNING", not_pid=worker["pid"])
