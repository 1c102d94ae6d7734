"""Keeps one program running: a single thread owns its process, everybody else sends it commands."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracker import clock
from tracker.ops.children import Child
from tracker.ops.health import Awake
from tracker.ops.logfiles import LogFile
from tracker.ops.program import (
    BACKOFF,
    BUSY,
    EXITED,
    FATAL,
    RUNNING,
    SETTLED,
    STARTING,
    STOPPED,
    STOPPING,
    Program,
    Reply,
    Snapshot,
    Timing,
    after_death,
)

log = logging.getLogger(__name__)


@dataclass
class _Life:
    """One process from its start to its end, and what its probes said."""

    child: Child
    started: float
    probe_at: float
    is_probing: bool = False
    was_well: bool = False  # the last probe was good
    misses: int = 0


class Owner:
    """Runs one Program. Only this thread touches the process; `tell` and `snapshot` are for everybody."""

    def __init__(
        self,
        program: Program,
        logs: tuple[LogFile, LogFile],
        timing: Timing | None = None,
        awake: Awake | None = None,
        cwd: Path | None = None,
        changed: Callable[[Owner], None] = lambda owner: None,
    ) -> None:
        self.program, self.timing = program, timing or Timing()
        self._logs, self._cwd, self._changed = logs, cwd, changed
        self._awake = awake or Awake()
        self._events: queue.SimpleQueue[tuple[str, Any, Any]] = queue.SimpleQueue()
        self._probes: queue.SimpleQueue[_Life | None] = queue.SimpleQueue()
        self._now = Snapshot()
        self._life: _Life | None = None
        self._is_wanted = self._is_leaving = False
        self._is_sick = False  # stopping because it did not answer
        self._at: float | None = None  # when the state's own alarm rings
        self._deaths = self._busy = self._starts = 0
        self._exit_code: int | None = None
        self._waiting: list[Reply] = []
        self._thread = threading.Thread(target=self._run, name=f"owner-{program.name}", daemon=True)

    # --- for everybody ---

    def begin(self) -> None:
        """Take up work; nothing is started yet."""
        self._thread.start()

    def has_left(self) -> bool:
        """After `leave`: the program has ended and nobody answers commands any more."""
        return not self._thread.is_alive()

    def tell(self, command: str) -> Reply:
        """`start`, `stop`, `restart`, `reload` (a restart unless stopped by hand), `kill` (stop, now) or `leave`."""
        reply = Reply()
        self._events.put(("command", command, reply))
        return reply

    def snapshot(self) -> Snapshot:
        return self._now

    # --- the owner thread ---

    def _run(self) -> None:
        if self.program.probe is not None:
            threading.Thread(target=self._prober, name=f"probe-{self.program.name}", daemon=True).start()
        while not (self._is_leaving and self._life is None):
            try:
                kind, what, extra = self._events.get(timeout=self._patience())
            except queue.Empty:
                self._ring()
                continue
            if kind == "command":
                self._obey(what, extra)
            elif what is self._life:  # not news of an earlier process
                (self._ended if kind == "ended" else self._probed)(extra)
            self._ring()
        self._probes.put(None)
        self._settle()

    def _patience(self) -> float:
        times = [self._at] if self._at is not None else []
        if self._life is not None and self._now.state in (STARTING, RUNNING):
            if self.program.probe is not None and not self._life.is_probing:
                times.append(self._life.probe_at)
            if self._is_well() and (self._deaths or self._busy):
                times.append(self._life.started + self.timing.steady)
        return min(3600.0, max(0.0, min(times, default=3600.0) - clock.monotonic()))

    def _obey(self, command: str, reply: Reply) -> None:
        self._waiting.append(reply)
        if self._is_leaving and command not in ("leave", "kill"):
            command = "stop"
        if command == "reload":
            command = "restart" if self._is_wanted else ""
        if command in ("start", "restart"):
            self._is_wanted, self._is_sick = True, False
            if self._life is None:
                self._deaths = self._busy = 0
                self._start()
            elif command == "restart" and self._now.state != STOPPING:
                self._deaths = self._busy = 0
                self._stop()
        elif command in ("stop", "leave", "kill"):
            self._is_wanted = False
            self._is_leaving = self._is_leaving or command != "stop"
            if self._life is None and self._now.state != STOPPED:
                self._at = None
                self._become(STOPPED, message=_stopped_at())
            elif self._life is not None and self._now.state != STOPPING:
                self._stop()
            if self._life is not None and command == "kill":
                self._life.child.kill()
        if self._now.state in SETTLED:
            self._settle()

    def _start(self) -> None:
        if self.program.begin is not None:
            self.program.begin()
        self._at = None
        self._starts += 1
        try:
            child = Child(self.program.command, self.program.stop_wait, self.program.env or {}, self._cwd)
        except OSError as error:
            self._mend(None, f"can't be started: {error}")
            return
        now = clock.monotonic()
        life = self._life = _Life(child, now, now)
        child.follow(self._logs, lambda code: self._events.put(("ended", life, code)))
        self._become(RUNNING if self.program.probe is None else STARTING, pid=child.pid, message="")

    def _stop(self) -> None:
        assert self._life is not None
        self._is_sick = False
        self._at = clock.monotonic() + self.program.stop_wait
        self._become(STOPPING, pid=self._life.child.pid, message="")
        self._life.child.ask_to_stop()

    def _ended(self, code: int) -> None:
        life, was_stopping = self._life, self._now.state == STOPPING
        assert life is not None
        self._ring()  # it may have earned a clean slate while nobody looked
        self._life, self._at, self._exit_code = None, None, code
        if not self._is_wanted:
            self._become(STOPPED, message=_stopped_at())
        elif was_stopping and not self._is_sick:
            self._start()
        else:
            reason = "did not answer" if was_stopping else f"ended with code {code}"
            self._mend(code, reason, life)

    def _mend(self, code: int | None, reason: str, life: _Life | None = None) -> None:
        """It died: again at once, after a while, or not for a long while."""
        self._busy, self._deaths = (self._busy + 1, self._deaths) if code == BUSY else (0, self._deaths + 1)
        state, wait = after_death(code, self._deaths, self._busy, self.timing)
        if state == EXITED:
            log.warning("%s %s; started again", self.program.name, reason)
            self._become(EXITED, message=f"It {reason}.")
            self._start()
            return
        self._at = clock.monotonic() + wait
        sentence = f"{reason}; {'tried' if state == FATAL else 'started'} again in {wait:g} s"
        log.log(logging.ERROR if state == FATAL else logging.WARNING, "%s %s", self.program.name, sentence)
        last = life.child.last_words() if life is not None else []
        self._become(state, message="\n".join([f"It {sentence}.", *last]))

    # --- time and health ---

    def _ring(self) -> None:
        """Whatever is due by now."""
        now, life, state = clock.monotonic(), self._life, self._now.state
        if self._at is not None and now >= self._at:
            if state == STOPPING and life is not None:
                log.warning("%s did not stop in %g s; killed", self.program.name, self.program.stop_wait)
                self._at = now + 5
                life.child.kill()
            elif state in (BACKOFF, FATAL):
                self._at = None
                self._start()
        if life is None or state not in (STARTING, RUNNING):
            return
        if self._is_well() and now >= life.started + self.timing.steady:
            self._deaths = self._busy = 0
        if self.program.probe is not None and not life.is_probing and now >= life.probe_at:
            life.is_probing = True
            self._probes.put(life)

    def _is_well(self) -> bool:
        return self._life is not None and (self.program.probe is None or self._life.was_well)

    def _prober(self) -> None:
        """In a thread of its own, because a probe may take its time."""
        assert self.program.probe is not None
        while (life := self._probes.get()) is not None:
            try:
                is_well = self.program.probe()
            except Exception:
                log.exception("the probe of %s failed", self.program.name)
                is_well = False
            self._events.put(("probed", life, is_well))

    def _probed(self, is_well: bool) -> None:
        life, state, now = self._life, self._now.state, clock.monotonic()
        assert life is not None
        just_woke = self._awake.just_woke()
        life.is_probing, life.was_well = False, is_well
        if state not in (STARTING, RUNNING):
            return
        if is_well:
            life.misses = 0
            if state == STARTING:
                self._become(RUNNING, pid=life.child.pid, message="")
        elif state == RUNNING or now >= life.started + self.timing.grace:
            life.misses = 0 if just_woke else life.misses + 1
        is_new = state == STARTING and not is_well
        life.probe_at = now + (self.timing.probe_start if is_new else self.timing.probe)
        if life.misses >= self.timing.misses:
            log.warning("%s gave no sign of life %d times; restarted", self.program.name, life.misses)
            self._stop()
            self._is_sick = True

    # --- what others see ---

    def _become(self, state: str, pid: int | None = None, message: str = "") -> None:
        was = self._now
        since = was.since if pid is not None and pid == was.pid else clock.monotonic()
        self._now = Snapshot(state, pid, since, max(0, self._starts - 1), self._exit_code, message)
        log.info("%s %s%s", self.program.name, state, f" pid {pid}" if pid else "")
        if state in SETTLED:
            self._settle()
        self._changed(self)

    def _settle(self) -> None:
        for reply in self._waiting:
            reply.state = self._now.state
            reply.set()
        self._waiting.clear()


def _stopped_at() -> str:
    return f"Stopped at {clock.local():%Y-%m-%d %H:%M:%S}"
