"""The supervisor's door on 127.0.0.1: one JSON line in, one out, for whoever can read a private file in `data`."""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracker import files
from tracker.config import Config
from tracker.errors import NotFound, Refused, ShopError

log = logging.getLogger(__name__)

COMMANDS = ("status", "start", "stop", "restart", "shutdown", "tail")
PATIENCE = 180.0  # seconds for a command: web and worker may take 15 and 60 to finish
_LONGEST = 100_000  # bytes of a request


class NotRunning(ShopError):
    """No supervisor looks after this data folder now."""

    status = 503

    def __init__(self) -> None:
        super().__init__("Finance Tracker is not running.")


def control_file(config: Config) -> Path:
    """Where the running supervisor's port and token stand (0600)."""
    return config.data / "supervisor.json"


def call(config: Config, command: str, **arguments: Any) -> dict[str, Any]:
    """Ask the running supervisor: status, start, stop, restart (name=None: everything), shutdown, or tail.

    start, stop and restart come back when the programs have settled, shutdown when all have ended. Each answers with
    the status; tail (name, lines=100, errors=False) with {"lines": [...]}.
    Raises NotRunning, NotFound for an unknown program, Refused for an unknown command.
    """
    try:
        door = json.loads(control_file(config).read_text(encoding="utf-8"))
        if door["data"] != str(config.data):  # a copied folder brings the door of the shop that it was copied from
            raise NotRunning
        request = {"token": door["token"], "command": command, "arguments": arguments}
        with socket.create_connection(("127.0.0.1", door["port"]), timeout=5) as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as lines:
                answer = json.loads(lines.readline())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotRunning from error
    if "result" in answer:
        return answer["result"]
    kind = {"NotFound": NotFound, "Refused": Refused}.get(answer.get("error", ""))
    if kind is None:  # another program has the port now, or the token is an earlier supervisor's
        raise NotRunning
    raise kind(str(answer.get("message", "")))


class ControlServer:
    """Listens on a random port and hands each command to `handle`, which may raise NotFound or Refused."""

    def __init__(self, config: Config, handle: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
        self._config, self._handle = config, handle
        self.token = secrets.token_urlsafe(32)
        self._socket: socket.socket | None = None
        self._busy: list[threading.Thread] = []

    def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        door = {
            "port": self._socket.getsockname()[1],
            "token": self.token,
            "pid": os.getpid(),
            "data": str(self._config.data),
        }
        files.write_private(control_file(self._config), json.dumps(door).encode())
        threading.Thread(target=self._listen, args=(self._socket,), name="control", daemon=True).start()

    def close(self) -> None:
        """Take the file away, let the last answers out, listen no more."""
        with suppress(OSError):
            control_file(self._config).unlink()
        for thread in self._busy.copy():
            thread.join(1)
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if listener.fileno() == -1 or not control_file(self._config).exists():
                    return
                threading.Event().wait(0.1)  # out of handles: they come back
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), name="control-call", daemon=True)
            self._busy.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                connection.settimeout(5)
                answer = self._answer(_request(connection))
                connection.settimeout(5)
                connection.sendall(json.dumps(answer).encode() + b"\n")
        finally:
            self._busy.remove(threading.current_thread())

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        token, command = request.get("token"), request.get("command")
        if not isinstance(token, str) or not secrets.compare_digest(token.encode(), self.token.encode()):
            return {"error": "NotAllowed", "message": "The token is wrong."}
        try:
            if command not in COMMANDS:
                raise Refused(f"There is no command {command!r}.")
            return {"result": self._handle(command, request.get("arguments") or {})}
        except ShopError as error:
            return {"error": type(error).__name__, "message": error.message}
        except Exception:
            log.exception("the command %s failed", command)
            return {"error": "Refused", "message": "The supervisor could not do that; see supervisor.log."}


def _request(connection: socket.socket) -> dict[str, Any]:
    """One JSON object on one line; {} for anything else."""
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST:
        chunk = connection.recv(4096)
        if not chunk:
            break
        line += chunk
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
