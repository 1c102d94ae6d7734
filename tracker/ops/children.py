"""One child process: its pipes, the leash that it is held by, and the end of it with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracker.ops.logfiles import LogFile, pump

WINDOWS = sys.platform == "win32"
LAST_WORDS = 20  # lines of stderr that are kept for whoever asks why it died


class Child:
    """A started program, in a process group (POSIX) of its own, so that no Ctrl-C of the terminal reaches it.

    Raises OSError when it can't be started. Call `follow` once, or its pipes fill up.
    """

    def __init__(self, command: list[str], stop_wait: float, env: Mapping[str, str], cwd: Path | None) -> None:
        held = {"TRACKER_LEASH": "1", "TRACKER_STOP_WAIT": f"{stop_wait:g}", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **held, **env},
            cwd=cwd,
            **_apart(),
        )
        self.pid = self._process.pid
        self._born = _born(self.pid)
        self._lock = threading.Lock()
        self._is_gone = False
        self._pumps: list[threading.Thread] = []
        self._errors: list[str] = []

    def follow(self, logs: tuple[LogFile, LogFile], ended: Callable[[int], None]) -> None:
        """Copy stdout and stderr into these logs; call `ended` with the exit code (-9: killed), from another thread."""
        assert self._process.stdout is not None and self._process.stderr is not None
        for pipe, log, seen in ((self._process.stdout, logs[0], None), (self._process.stderr, logs[1], self._remember)):
            thread = threading.Thread(
                target=pump, args=(pipe.fileno(), log, seen), name=f"pump-{self.pid}", daemon=True
            )
            self._pumps.append(thread)
            thread.start()
        threading.Thread(target=self._await, args=(ended,), name=f"wait-{self.pid}", daemon=True).start()

    def last_words(self) -> list[str]:
        """The last lines that it wrote to stderr."""
        self._pumps[1].join(0.5)  # the pipe's end follows the process's within a moment
        return self._errors.copy()

    def ask_to_stop(self) -> None:
        """Say `stop` and let go of the leash: either is enough."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(b"stop\n")
        with suppress(OSError):
            self._process.stdin.close()

    def kill(self) -> None:
        """End the whole tree at once."""
        with self._lock:
            if not self._is_gone:
                self._kill_tree()

    def _remember(self, lines: bytes) -> None:
        self._errors.extend(line.decode("utf-8", "replace") for line in lines[-8192:].splitlines()[-LAST_WORDS:])
        del self._errors[:-LAST_WORDS]

    def _await(self, ended: Callable[[int], None]) -> None:
        ended(self._wait())
        for thread in self._pumps:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _wait(self) -> int:
        """Block until the program has ended, then end what it left behind."""
        if hasattr(os, "waitid"):
            # Look without reaping: while the dead leader still has its number, the group can't be somebody else's.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self._process.wait()
        with self._lock:
            self._kill_tree()
            self._is_gone = True
            return self._process.wait()

    def _kill_tree(self) -> None:
        if not WINDOWS:
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            return
        for process in _descendants(self.pid, self._born):
            with suppress(Exception):
                process.kill()
        with suppress(OSError):
            self._process.kill()


def _apart() -> dict[str, Any]:
    if not WINDOWS:
        return {"start_new_session": True}
    return {"creationflags": 0x00000200 | 0x08000000}  # CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW


def _born(pid: int) -> float:
    """When it was started, to tell its children from those of an earlier process with the same number. Windows only."""
    if not WINDOWS:
        return 0.0
    import psutil  # costs memory that only Windows needs to spend

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _descendants(root: int, born: float) -> list[Any]:
    """What a process started and what those started, also when it is dead itself (Windows keeps a parent's number)."""
    import psutil  # as above

    started_by: dict[int, list[Any]] = {}
    for process in psutil.process_iter(["ppid", "create_time"]):
        started_by.setdefault(process.info["ppid"], []).append(process)
    found: list[Any] = []
    todo = [(root, born)]
    while todo:
        pid, since = todo.pop()
        for process in started_by.get(pid, []):
            started = process.info["create_time"] or 0.0
            if started >= since:
                found.append(process)
                todo.append((process.pid, started))
    return found
