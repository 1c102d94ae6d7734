"""Keeps web and worker running, and says how they are: what `run.py` does when it is not told otherwise."""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tracker.config import Config
from tracker.errors import Busy, NotFound, Refused
from tracker.files import WINDOWS, Lock
from tracker.ops import health
from tracker.ops.control import ControlServer
from tracker.ops.logfiles import LogFile, LogHandler, tail
from tracker.ops.owner import Owner
from tracker.ops.program import BACKOFF, FATAL, RUNNING, Program, ProgramSpec, Timing
from tracker.ops.status import last_line, status_lines, status_of

__all__ = ["Supervisor", "lock", "standard_programs", "status_lines"]

log = logging.getLogger(__name__)

PATIENCE = 170.0  # seconds for a command; those who ask wait a little longer
START_PATIENCE = 15.0  # seconds that a program of higher priority has for itself before the next is started


def standard_programs(config: Config, no_jobs: bool = False, python: str = sys.executable) -> list[ProgramSpec]:
    """Web and worker; with `no_jobs` the worker is known, but not started."""
    door = str(config.root / "run.py")
    heart = health.WorkerProbe(config)
    return [
        Program("web", [python, door, "web"], 100, 15, health.web_probe(config)),
        Program("worker", [python, door, "worker"], 200, 60, heart, autostart=not no_jobs, begin=heart.begin),
    ]


def lock(config: Config) -> Lock:
    """Held by the one supervisor of a data folder, for life; its text is `pid N, http://…`."""
    return Lock(config.data / "supervisor.lock")


class Supervisor:
    """Starts the programs by priority and keeps them until `shutdown` or a signal; see docs/interfaces.md.

    `ready` is called once, in a thread of its own, when the first program runs (and answers). With `dev` its small page
    is always on; otherwise only while the first program can't be started.
    """

    def __init__(
        self,
        config: Config,
        programs: list[ProgramSpec],
        ready: Callable[[], None] | None = None,
        dev: bool = False,
        timing: Timing | None = None,
    ) -> None:
        self.config, self.dev = config, dev
        self._ready = ready
        self._lock = lock(config)
        self._inbox: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._has_ended = threading.Event()
        self._files: dict[str, LogFile] = {}
        awake = health.Awake()
        self._owners = [
            Owner(program, self._logs(program.name), timing, awake, config.root, self._changed)
            for program in sorted(programs, key=lambda program: program.priority)
        ]
        self._control = ControlServer(config, self.handle)
        self._page: Any = None

    def run(self) -> int:
        """Serve until told to stop; 0. Raises Busy with a sentence when another supervisor has this data folder."""
        self._take_lock()
        handler = LogHandler(self._log_file("supervisor"))
        logging.getLogger().addHandler(handler)
        logging.getLogger("tracker").setLevel(logging.INFO)
        restore = self._catch_signals()
        try:
            self._serve()
        finally:
            restore()
            self._lock.release()
            self._has_ended.set()
            self._control.close()
            logging.getLogger().removeHandler(handler)
            for file in self._files.values():
                file.close()
        return 0

    def shutdown(self) -> None:
        """From any thread or signal handler: stop the programs gracefully and come back from `run`; twice: at once."""
        self._inbox.put("stop")

    # --- life ---

    def _take_lock(self) -> None:
        try:
            self._lock.acquire(f"pid {os.getpid()}, {self.config.url}")
        except Busy as error:
            says = error.message
            for _ in range(50):  # its holder writes its name just after it took the lock
                if says:
                    break
                threading.Event().wait(0.02)
                says = self._lock.holder()
            raise Busy(f"Finance Tracker is already running, {says}") from error

    def _serve(self) -> None:
        log.info("supervisor started, pid %d", os.getpid())
        for owner in self._owners:
            owner.begin()
        self._control.start()
        threading.Thread(target=self._start_all, name="start", daemon=True).start()
        ended = threading.Event()
        if self.dev:
            from tracker.ops import reload  # only developers pay for it

            reload.watch(self.config.root, lambda: self._tell_all("reload"), ended)
        self._follow()
        ended.set()
        self._stop_all()
        if self._page is not None:
            self._page.close()
        log.info("supervisor ended")

    def _start_all(self) -> None:
        for owner in self._owners:
            if owner.program.autostart:
                owner.tell("start").wait(START_PATIENCE)

    def _follow(self) -> None:
        """Wait for the word to stop; in the meantime the page comes and goes with the state of the first program."""
        self._look_after_page()
        while self._next_word() != "stop":
            self._look_after_page()

    def _next_word(self) -> str:
        while True:
            try:  # on Windows a wait without an end would never notice Ctrl-C
                return self._inbox.get(timeout=1.0 if WINDOWS else None)
            except queue.Empty:
                continue

    def _stop_all(self) -> None:
        for owner in reversed(self._owners):
            owner.tell("leave")
        while not all(owner.has_left() for owner in self._owners):
            with suppress(queue.Empty):
                if self._inbox.get(timeout=0.02) == "stop":
                    for owner in self._owners:
                        owner.tell("kill")

    def _changed(self, owner: Owner) -> None:
        """In an owner's thread, at each change of state."""
        if owner is self._owners[0]:
            if owner.snapshot().state == RUNNING and self._ready is not None:
                ready, self._ready = self._ready, None
                threading.Thread(target=ready, name="ready", daemon=True).start()
            self._inbox.put("look")

    def _look_after_page(self) -> None:
        now = self._owners[0].snapshot() if self._owners else None
        is_down = now is not None and (now.state == FATAL or (now.state == BACKOFF and self._page is not None))
        if (self.dev or is_down) and self._page is None:
            from tracker.ops import supervisor_page  # its server costs 3 MB, seldom needed

            self._page = supervisor_page.serve(self.config, self.handle)
        elif self._page is not None and not self.dev and now is not None and now.state == RUNNING:
            self._page.close()
            self._page = None

    def _catch_signals(self) -> Callable[[], None]:
        if threading.current_thread() is not threading.main_thread():
            return lambda: None
        names = ("SIGINT", "SIGTERM", "SIGBREAK") if WINDOWS else ("SIGINT", "SIGTERM", "SIGHUP")
        before = {}
        for number in (getattr(signal, name) for name in names):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                before[number] = signal.signal(number, lambda *_: self.shutdown())

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        return restore

    # --- commands, in the control channel's threads ---

    def handle(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What `tracker.ops.control.call` asks for. Raises NotFound and Refused."""
        if command == "tail":
            return self._tail(arguments)
        if command == "shutdown":
            self.shutdown()
            self._has_ended.wait(PATIENCE)
            return self.status()
        owners = self._named(arguments.get("name"))
        if command != "status":
            replies = [owner.tell(command) for owner in (owners[::-1] if command == "stop" else owners)]
            for reply in replies:
                reply.wait(PATIENCE)
        if command in ("start", "restart"):
            _must_run(owners)
        return self.status(arguments.get("name"))

    def status(self, name: str | None = None) -> dict[str, Any]:
        """As in docs/interfaces.md; with a name, of this program alone."""
        programs = [status_of(owner.program.name, owner.snapshot()) for owner in self._named(name)]
        return {"running": True, "pid": os.getpid(), "url": self.config.url, "programs": programs}

    def _named(self, name: str | None) -> list[Owner]:
        owners = [owner for owner in self._owners if name in (None, owner.program.name)]
        if not owners:
            known = [owner.program.name for owner in self._owners]
            raise NotFound(f"There is no program {name!r}. There are: {', '.join(known)}.")
        return owners

    def _tell_all(self, command: str) -> None:
        for owner in self._owners:
            owner.tell(command)

    def _tail(self, arguments: dict[str, Any]) -> dict[str, Any]:
        name, lines = arguments.get("name") or "supervisor", arguments.get("lines", 100)
        if name != "supervisor":
            self._named(name)
        if not isinstance(lines, int) or not 1 <= lines <= 10_000:
            raise Refused("Ask for 1 to 10000 lines.")
        ending = "_error" if arguments.get("errors") and name != "supervisor" else ""
        return {"lines": tail(self.config.logs / f"{name}{ending}.log", lines)}

    # --- logs ---

    def _logs(self, name: str) -> tuple[LogFile, LogFile]:
        return self._log_file(name), self._log_file(f"{name}_error")

    def _log_file(self, name: str) -> LogFile:
        config = self.config
        path = config.logs / f"{name}.log"
        return self._files.setdefault(name, LogFile(path, config.log_max_bytes, config.log_backups))


def _must_run(owners: list[Owner]) -> None:
    """Raises Refused with the last error of each that could not be started."""
    failed = [owner for owner in owners if owner.snapshot().state in (BACKOFF, FATAL)]
    if failed:
        whys = [f"{o.program.name}: {last_line(o.snapshot().message) or o.snapshot().state}" for o in failed]
        raise Refused("Could not be started. " + "; ".join(whys))
