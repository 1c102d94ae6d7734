"""For developers: notice when the program's own files change, by looking at their times once a second."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

WATCHED = ("tracker", "templates", "static", "run.py", "tasks.py")
_IGNORED = {"__pycache__", "build", "node_modules"}


def watch(root: Path, on_change: Callable[[], None], ended: threading.Event, every: float = 1.0) -> None:
    """Call `on_change` from a thread, when the files are quiet again after a change, until `ended` is set."""
    arguments = (root, on_change, ended, every)
    threading.Thread(target=_watch, args=arguments, name="reload", daemon=True).start()


def _watch(root: Path, on_change: Callable[[], None], ended: threading.Event, every: float) -> None:
    known = seen = look(root)
    while not ended.wait(every):
        before, seen = seen, look(root)
        if seen == known or seen != before:  # nothing new, or an editor or a git pull is still writing
            continue
        changed = sorted(name for name, _ in known.items() ^ seen.items())
        log.info("changed: %s%s", ", ".join(dict.fromkeys(changed[:3])), " ..." if len(changed) > 3 else "")
        known = seen
        on_change()


def look(root: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every watched file, by its path."""
    found: dict[str, tuple[int, int]] = {}
    for name in WATCHED:
        _look_into(root / name, found)
    return found


def _look_into(path: Path, found: dict[str, tuple[int, int]]) -> None:
    try:
        if not path.is_dir():
            status = path.stat()
            found[str(path)] = (status.st_mtime_ns, status.st_size)
            return
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir():
                    if entry.name not in _IGNORED:
                        _look_into(Path(entry.path), found)
                elif not entry.name.endswith((".pyc", "~", ".swp", ".tmp")):
                    status = entry.stat()
                    found[entry.path] = (status.st_mtime_ns, status.st_size)
    except OSError:  # taken away between two looks: the next one shows it
        return
