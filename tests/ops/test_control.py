"""The control channel: who may speak, and what it answers to nonsense. Time budget: 3 s."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ops.supervision import program, state, supervised, wait_for, wait_until
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.ops import control


def _say(config: Config, content: bytes) -> dict[str, str]:
    port = json.loads(control.control_file(config).read_text(encoding="utf-8"))["port"]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            return json.loads(lines.readline())


def test_without_a_supervisor_it_says_so(config: Config) -> None:
    with pytest.raises(control.NotRunning, match=r"Finance Tracker is not running\."):
        control.call(config, "status")


def test_a_door_that_a_dead_supervisor_left_behind_means_not_running(config: Config) -> None:
    config.data.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    for content in (json.dumps({"port": port, "token": "x"}), "{", "[]", "{}", ""):
        control.control_file(config).write_text(content, encoding="utf-8")
        with pytest.raises(control.NotRunning):
            control.call(config, "status")


def test_a_copied_folder_does_not_command_the_shop_it_was_copied_from(config: Config, tmp_path: Path) -> None:
    """`run.py stop` in the copy of a running shop's folder must not stop that shop."""
    with supervised(config, program(config, "web")):
        wait_for(config, "web", "RUNNING")
        copy = replace(config, data=tmp_path / "copy")
        copy.data.mkdir()
        shutil.copy(control.control_file(config), control.control_file(copy))
        for command in ("status", "shutdown"):
            with pytest.raises(control.NotRunning):
                control.call(copy, command)
        assert state(config, "web")["state"] == "RUNNING"


def test_the_door_is_private_and_goes_with_the_supervisor(config: Config) -> None:
    with supervised(config, program(config, "web")):
        door = control.control_file(config)
        assert sys.platform == "win32" or os.stat(door).st_mode & 0o777 == 0o600
        token = json.loads(door.read_text(encoding="utf-8"))["token"]
        assert len(token) >= 32
    assert not door.exists()


def test_nobody_is_heard_without_the_token(config: Config) -> None:
    with supervised(config, program(config, "web")):
        wait_for(config, "web", "RUNNING")
        for request in ({}, {"token": "x"}, {"token": None}, {"token": ["x"]}, {"token": "é"}, []):
            line = json.dumps({**request, "command": "stop"} if isinstance(request, dict) else request)
            assert _say(config, line.encode() + b"\n")["error"] == "NotAllowed"
        for nonsense in (b"", b"\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe\n", b"[" * 90_000):
            assert _say(config, nonsense)["error"] == "NotAllowed"
        assert state(config, "web")["state"] == "RUNNING"


def test_unknown_commands_and_names_are_refused_in_words(config: Config) -> None:
    with supervised(config, program(config, "web")):
        with pytest.raises(Refused, match="There is no command 'destroy'"):
            control.call(config, "destroy")
        for command in ("status", "start", "stop", "restart", "tail"):
            with pytest.raises(NotFound, match="There is no program 'nginx'"):
                control.call(config, command, name="nginx")
        for lines in (0, -1, 10_001, "5", None):
            with pytest.raises(Refused, match="Ask for 1 to 10000 lines"):
                control.call(config, "tail", name="web", lines=lines)


def test_tail_shows_the_last_lines_of_a_log(config: Config) -> None:
    with supervised(config, program(config, "web", "flood", 30)):
        wait_until(lambda: len(control.call(config, "tail", name="web", errors=True)["lines"]) == 30)
        assert control.call(config, "tail", name="web", lines=1)["lines"][0].startswith("00000029 ")
        assert "supervisor started" in control.call(config, "tail")["lines"][0]


def test_commands_without_a_name_are_for_everything(config: Config) -> None:
    with supervised(config, program(config, "web"), program(config, "worker")):
        wait_for(config, "worker", "RUNNING")
        for command, then in (("stop", "STOPPED"), ("start", "RUNNING"), ("restart", "RUNNING")):
            assert {one["state"] for one in control.call(config, command)["programs"]} == {then}
