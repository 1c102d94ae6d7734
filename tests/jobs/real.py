"""A shop with real processes: its own data folder, a real worker, a real mail server, the real command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracker import db
from tracker.config import ROOT, Config

PATIENCE = 40.0  # seconds; generous, because the machine may be busy


@dataclass
class RealShop:
    """Starts and kills workers, speaks to the command line, looks into the books from outside."""

    config: Config
    smtp_port: int = 0
    env: dict[str, str] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TRACKER_", "SMTP_", "CRASH_"))}
        named = {
            "TRACKER_DATA": str(self.config.data),
            "TRACKER_PORT": str(self.config.port),
            "SMTP_PROBE_SECONDS": "1",
            "SMTP_TIMEOUT_SECONDS": "3",
            "PYTHONUNBUFFERED": "1",
        }
        if self.smtp_port:
            named |= {
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(self.smtp_port),
                "SMTP_TLS": "plain",
                "SMTP_FROM": "shop@example.org",
            }
        return kept | named | self.env | more

    def worker(self, crash_at: str = "", command: list[str] | None = None) -> subprocess.Popen[bytes]:
        """A worker process, ours unless another command is given, alive when this returns (or dead by its crash)."""
        more = {"CRASH_AT": crash_at} if crash_at else {}
        process = subprocess.Popen(
            command or [sys.executable, str(ROOT / "run.py"), "worker"],
            env=self.environment(**more),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.config.data.parent / f"worker-{len(self.workers)}.err").open("wb"),
        )
        self.workers.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As if the power had gone."""
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait(PATIENCE)

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        process.terminate()
        return process.wait(PATIENCE)

    def close(self) -> None:
        for process in self.workers:
            with suppress(OSError):
                process.kill()
            process.wait(10)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """`run.py` with these arguments."""
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *arguments],
            env=self.environment(**more),
            cwd=ROOT,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE * 2,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """The document of a `--json` command, whatever its exit code."""
        done = self.run(*arguments, "--json")
        return json.loads(done.stdout)

    def run_python(self, program: str) -> str:
        """What a line of Python says when the shop's own settings hold."""
        opened = "from tracker import config; from tracker.ops.startup import open_shop; open_shop(config.load()); "
        done = subprocess.run(
            [sys.executable, "-c", opened + program],
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return done.stdout.strip()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return db.rows(sql, *values)


def wait_until(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Look until it holds; fail with `what` when it never does."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = true()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {patience:.0f} s in vain: {what}")


def command_path(name: str) -> Path:
    """A script of the environment that runs the tests."""
    return Path(sys.executable).with_name(name)
