"""What counts as a sign of life: the web answers, the worker's heart beats; and whether the PC just woke up."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

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


def beat_file(ops: Path, name: str) -> Path:
    """Touched after each heartbeat: the supervisor looks at its time and need not load SQLite (5 MB) for it."""
    return ops.with_name(f"{name}.beat")


class WorkerProbe:
    """The worker's heart was seen to beat since it was started, the last time less than 30 seconds ago.

    What a killed worker left behind may be young too, and clocks are set: only a change seen with our own eyes, on our
    own monotonic clock, proves life.
    """

    def __init__(self, config: Config, name: str = "worker") -> None:
        self._path = beat_file(config.ops, name)
        self._seen: int | None = None
        self._seen_at: float | None = None

    def begin(self) -> None:
        """A new process is about to start: what was heard so far is the past's."""
        self._seen, self._seen_at = self._look(), None

    def __call__(self) -> bool:
        now, found = clock.monotonic(), self._look()
        if found is not None and found != self._seen:
            self._seen, self._seen_at = found, now
        return self._seen_at is not None and now - self._seen_at < WORKER_PATIENCE

    def _look(self) -> int | None:
        try:
            return os.stat(self._path).st_mtime_ns
        except OSError:
            return None
