"""What counts as a sign of life: the web answers, the worker's heart beats; and whether the PC just woke up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from tracker import clock
from tracker.config import Config

WEB_PATIENCE = 5.0  # seconds for an answer
WORKER_PATIENCE = 30.0  # three beats


class Awake:
    """Notices that the PC slept or its clock was set: for a minute after that a missed probe means nothing.

    Linux stops the monotonic clock in sleep, so the wall clock runs ahead of it; Windows does not, so the looks are
    far apart. Both are seen, as long as somebody looks every few seconds.
    """

    def __init__(self, grace: float = 60.0, jump: float = 30.0) -> None:
        self._grace, self._jump = grace, jump
        self._lock = threading.Lock()
        self._monotonic = clock.monotonic()
        self._wall = clock.now()
        self._until = 0.0

    def just_woke(self) -> bool:
        """Look at the clocks; True within the first minute after a wake-up."""
        with self._lock:
            monotonic, wall = clock.monotonic(), clock.now()
            passed = monotonic - self._monotonic
            if passed > self._jump or abs((wall - self._wall).total_seconds() - passed) > self._jump:
                self._until = monotonic + self._grace
            self._monotonic, self._wall = monotonic, wall
            return monotonic < self._until


def web_probe(config: Config) -> Callable[[], bool]:
    """Ask `/livez`. Any answer below 500 is a life sign: a web that refuses our Host must not be restarted for ever."""
    host = config.host_for_url
    request = (
        f"GET /livez HTTP/1.1\r\nHost: {host}:{config.port}\r\nUser-Agent: supervisor\r\nConnection: close\r\n\r\n"
    )

    def probe() -> bool:
        try:
            with socket.create_connection((host.strip("[]"), config.port), timeout=WEB_PATIENCE) as connection:
                connection.sendall(request.encode("ascii"))
                return _status(connection) < 500
        except (OSError, ValueError):
            return False

    return probe


def _status(connection: socket.socket) -> int:
    """The status code of the answer; 599 when it is none or trickles. Plain sockets: http.client costs 3 MB."""
    answer = b""
    deadline = clock.monotonic() + WEB_PATIENCE
    while b"\n" not in answer and len(answer) < 1000 and clock.monotonic() < deadline:
        chunk = connection.recv(1000)
        if not chunk:
            break
        answer += chunk
    words = answer.split(None, 2)
    is_http = len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].isdigit()
    return int(words[1]) if is_http else 599


class WorkerProbe:
    """The worker's row in `ops.sqlite3` was seen to change since it was started, and is younger than 30 seconds.

    A row that a killed worker left behind is young too: only a change seen with our own eyes proves life.
    """

    def __init__(self, config: Config, name: str = "worker") -> None:
        self._config, self._name = config, name
        self._past: tuple[str, int] | None = None
        self._has_looked = False
        self._has_beaten = False

    def begin(self) -> None:
        """A new process is about to start: what was heard so far is the past's."""
        self._has_looked = self._has_beaten = False

    def __call__(self) -> bool:
        from tracker import db  # Peewee costs memory: only where a worker is watched
        from tracker.ops import heartbeats

        if str(db.ops.database) != str(self._config.ops):
            db.open_ops(self._config.ops)
        row = heartbeats.read(self._name)
        mark = (row.boot_id, row.beats) if row else None
        if not self._has_looked:
            self._has_looked, self._past = True, mark
            return False
        self._has_beaten = self._has_beaten or (mark is not None and mark != self._past)
        age = heartbeats.age(self._name)
        return self._has_beaten and age is not None and age < WORKER_PATIENCE
