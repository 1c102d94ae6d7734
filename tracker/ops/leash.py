"""The child's end of the leash: `stop` or the end of standard input means finish and leave, on every system."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

PATIENCE = 60.0  # seconds for a last job when nobody is left to count them


def is_on() -> bool:
    """Whether a supervisor holds the other end. Under systemd, cron or a shell nobody does; stdin may be empty."""
    return os.environ.get("TRACKER_LEASH") == "1"


def watch(on_end: Callable[[], None]) -> None:
    """Call `on_end` once, from a thread of its own, when the supervisor says `stop` or is no more.

    Does nothing unless TRACKER_LEASH=1. Whoever starts a process of its own gives it stdin=DEVNULL. When the
    supervisor is no more, nobody else would end a process that hangs: after TRACKER_STOP_WAIT seconds it ends itself.
    """
    if is_on():
        threading.Thread(target=_watch, args=(on_end,), name="leash", daemon=True).start()


def _watch(on_end: Callable[[], None]) -> None:
    if not _asked_to_stop():
        patience = float(os.environ.get("TRACKER_STOP_WAIT") or PATIENCE)
        atexit.register(_end_what_i_started)  # with the supervisor gone, nobody else would
        threading.Thread(target=_leave_in_the_end, args=(patience,), name="leash-end", daemon=True).start()
    on_end()


def _asked_to_stop() -> bool:
    """Wait for the word. True for `stop`, False at the end of the pipe."""
    handle = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
    pending = b""
    while True:
        try:
            chunk = os.read(handle, 1024)
        except OSError:
            return False
        if not chunk:
            return False
        *lines, pending = (pending + chunk).split(b"\n")
        if any(line.strip() == b"stop" for line in lines):
            return True


def _leave_in_the_end(patience: float) -> None:
    threading.Event().wait(patience)
    _end_what_i_started()
    os._exit(1)


def _end_what_i_started() -> None:
    if sys.platform == "win32":
        import psutil

        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    elif os.getpgrp() == os.getpid():
        with suppress(OSError, ValueError):  # ValueError: not the main thread, which hangs; then all go at once
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)
            return
        with suppress(OSError):
            os.killpg(0, signal.SIGKILL)
