"""A program that a command starts and waits for."""

from __future__ import annotations

import subprocess
from pathlib import Path


def run(command: list[str], cwd: Path | None = None, stdin: int | None = None) -> int:
    """Its exit code. Ctrl-C reaches it as well and is its own to obey: it may have something to finish."""
    child = subprocess.Popen(command, cwd=cwd, stdin=stdin)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue
