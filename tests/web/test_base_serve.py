"""The web process: a real port, real connections, an end that lets answers finish. About 12 s."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from flask import Blueprint

from tracker.config import ROOT
from tracker.errors import Busy
from tracker.ops import heartbeats
from tracker.web import access, serve

DOOR = "from tracker import config; from tracker.web.serve import serve; raise SystemExit(serve(config.load()))"


@pytest.fixture
def slow(app, people):
    """/slow answers when it is let go."""
    page, started, may_go_on = Blueprint("slow", __name__), threading.Event(), threading.Event()

    @page.get("/slow")
    @access.public("A page of this test.")
    def answer():
        started.set()
        assert may_go_on.wait(20)
        return "x" * 300_000

    app.register_blueprint(page)
    return started, may_go_on


@contextmanager
def running(app, config):
    server = serve.listen(app, config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server, thread
    finally:
        server.close()
        thread.join(15)


def get(config, path, timeout=15):
    connection = http.client.HTTPConnection("127.0.0.1", config.port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())
    finally:
        connection.close()


def test_an_answer_under_way_is_finished_before_the_end_and_no_other_begins(app, config, slow):
    started, may_go_on = slow
    answers = []
    with running(app, config) as (server, thread):
        asking = threading.Thread(target=lambda: answers.append(get(config, "/slow")))
        asking.start()
        assert started.wait(10)
        server.close()
        time.sleep(0.3)
        assert thread.is_alive()
        with pytest.raises(OSError):
            get(config, "/livez", timeout=2)
        may_go_on.set()
        asking.join(10)
        thread.join(10)
        assert not thread.is_alive()
    assert [(status, len(body)) for status, body, _ in answers] == [(200, 300_000)]


def test_a_taken_port_is_told_by_its_number(config):
    with socket.socket() as other:
        other.bind(("127.0.0.1", config.port))
        other.listen()
        with pytest.raises(Busy, match=str(config.port)):
            serve.serve(config)
        assert not config.data.exists(), "nothing may be opened before the port is ours"


def test_half_open_connections_do_not_keep_anybody_out(app, config):
    with running(app, config):
        idle = [socket.create_connection(("127.0.0.1", config.port), timeout=5) for _ in range(150)]
        for connection in idle:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: local")
        begin = time.monotonic()
        assert get(config, "/livez")[0] == 200
        assert time.monotonic() - begin < 2
        for connection in idle:
            connection.close()


def test_the_server_does_not_say_what_it_is(app, config):
    with running(app, config):
        headers = get(config, "/livez")[2]
    assert "Server" not in headers and "Via" not in headers


def test_a_forwarded_header_changes_nothing(app, config):
    with running(app, config):
        connection = http.client.HTTPConnection("127.0.0.1", config.port, timeout=10)
        connection.request(
            "GET", "/shortcuts", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
        )
        location = connection.getresponse().headers["Location"]
        connection.close()
    assert location.startswith("/")


@contextmanager
def process(config, *command, **more):
    env = {
        **os.environ,
        "TRACKER_DATA": str(config.data),
        "TRACKER_PORT": str(config.port),
        "TRACKER_HOST": "127.0.0.1",
        "TRACKER_BASE_URL": "",
        **more,
    }
    made = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        until = time.monotonic() + 30
        while True:
            try:
                assert get(config, "/livez", timeout=2)[:2] == (200, b"ok\n")
                break
            except OSError:
                assert made.poll() is None, made.stdout.read().decode()
                assert time.monotonic() < until, "it never answered"
                time.sleep(0.1)
        yield made
    finally:
        made.kill()
        made.communicate(timeout=10)


def test_the_process_beats_answers_and_ends_well_by_a_signal(config, books):
    with process(config, "-c", DOOR) as web:
        until = time.monotonic() + 10
        while heartbeats.read("web") is None and time.monotonic() < until:
            time.sleep(0.1)
        assert heartbeats.read("web").pid == web.pid
        web.send_signal(signal.SIGTERM if sys.platform != "win32" else signal.CTRL_BREAK_EVENT)
        assert web.wait(15) == 0
        assert heartbeats.read("web") is None


def test_the_process_ends_when_the_supervisor_lets_go_of_the_leash(config):
    with process(config, "-c", DOOR, TRACKER_LEASH="1") as web:
        web.stdin.write(b"stop\n")
        web.stdin.flush()
        assert web.wait(15) == 0


def test_stock_waitress_serves_the_pages_too(config):
    listen = f"127.0.0.1:{config.port}"
    with process(config, "-m", "waitress", "--listen", listen, "--call", "tracker.web:create_app") as web:
        assert get(config, "/login")[0] in (200, 303)
        web.terminate()
        web.wait(15)
