"""The web process: our own socket, Waitress set for a shop's network, and an end that lets running requests finish."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from tracker import clock
from tracker.config import Config
from tracker.ops.listening import bind
from tracker.ops.startup import close_shop
from tracker.web import network

log = logging.getLogger(__name__)

THREADS = 4  # one core is the limit, more threads only lengthen the slowest answers (docs/web.md)
LAST_ANSWERS = 10.0  # seconds that running requests have at the end
_ROUND = 1.0


class Server:
    """Waitress on a socket of ours. `run` blocks until somebody calls `close`, from any thread or a signal."""

    def __init__(self, app: Flask, sock: socket.socket, threads: int = THREADS) -> None:
        self.map: dict[int, Any] = {}
        self._ended = threading.Event()
        self._waitress: Any = create_server(
            app,
            self.map,
            sockets=[sock],
            threads=threads,
            ident=None,
            expose_tracebacks=False,
            clear_untrusted_proxy_headers=False,  # they tell us that somebody is not at this PC: see access.address
            max_request_body_size=25_000_000,  # an import; Flask refuses more than 2 MB elsewhere
            max_request_header_size=32_000,
            connection_limit=1000,
            channel_timeout=20,
            cleanup_interval=5,
            asyncore_use_poll=True,
        )

    def run(self) -> None:
        while not self._ended.is_set():
            self._round(_ROUND)
        self._finish()

    def close(self) -> None:
        """Ask `run` to finish what it answers just now, and to return."""
        self._ended.set()
        with suppress(OSError):
            self._waitress.pull_trigger()

    def _round(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, map=self.map, use_poll=True, count=1)

    def _finish(self) -> None:
        """No new connection is taken; those that wait for an answer get it, up to LAST_ANSWERS seconds."""
        self._waitress.accepting = False
        self._waitress.del_channel()
        self._waitress.socket.close()
        until = clock.monotonic() + LAST_ANSWERS
        while self._is_answering() and clock.monotonic() < until:
            self._round(0.05)
        self._waitress.task_dispatcher.shutdown(timeout=2)
        wasyncore.close_all(self.map, ignore_all=True)

    def _is_answering(self) -> bool:
        channels = list(getattr(self._waitress, "active_channels", {}).values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


def listen(app: Flask, config: Config) -> Server:
    """A server that has its port already and answers once `run` is called."""
    return Server(app, bind(config))


def serve(config: Config) -> int:
    """Run the web process until the supervisor, a signal or the end of its pipe stops it. Returns the exit code.

    Raises Busy when the port is taken, before anything is opened.
    """
    from tracker.ops import heartbeats, leash
    from tracker.web import create_app

    sock = bind(config)
    app = create_app(config)
    server = Server(app, _for_phones(sock, config))
    _on_signals(server)
    leash.watch(server.close)
    stop_beating = heartbeats.start_beating("web")
    log.info("the pages are at %s/", config.url)
    try:
        server.run()
    finally:
        stop_beating()
        close_shop(leave_snapshot=True)
    log.info("the web process has ended")
    return 0


def _for_phones(sock: socket.socket, config: Config) -> socket.socket:
    """The same port on every address of the PC, where the owner switched "Phones on this Wi-Fi" on."""
    host = network.host_to_bind(config)
    if host == config.host:
        return sock
    sock.close()
    return bind(replace(config, host=host))


def _on_signals(server: Server) -> None:
    if threading.current_thread() is not threading.main_thread():
        return

    def end(_: int, __: FrameType | None) -> None:
        server.close()

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):  # SIGBREAK: Ctrl+Break, and how Windows asks a process to stop
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)
