"""What the processes take: from start to the first page, memory after 100 pages, and doing nothing for 30 seconds."""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil

from tests.ports import free_port
from tracker.config import ROOT, Config

STARTS = 5
IDLE = 30.0  # seconds
PATIENCE = 60.0


def run(config: Config) -> Iterator[dict[str, Any]]:
    """On a shop that nobody has open."""
    yield {"name": "start of web to its first page", **_starts(config, "web"), "target_s": 0.6}
    yield {"name": "start of everything to the first page", **_starts(config, "--no-browser")}
    yield from _at_rest(config)


def _starts(config: Config, *words: str) -> dict[str, Any]:
    taken = []
    for _ in range(STARTS):
        process, port, began = _started(config, *words)
        _first_page(port)
        taken.append(time.perf_counter() - began)
        _ended(process)
    return {"seconds": round(statistics.median(taken), 3), "best": round(min(taken), 3), "worst": round(max(taken), 3)}


def _at_rest(config: Config) -> Iterator[dict[str, Any]]:
    """RSS and PSS of supervisor, web and worker after 100 pages; then their CPU while nobody asks anything."""
    process, port, _ = _started(config, "--no-browser")
    try:
        _first_page(port)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        for _ in range(100):
            client.request("GET", "/login")
            client.getresponse().read()
        client.close()
        time.sleep(10)  # the start's own work is over
        family = _family(process.pid)
        yield {"name": "memory after 100 pages, MB", **_memory(family), "target_web_and_worker_mb": 110}
        before = _spent(family)
        time.sleep(IDLE)
        spent = {name: _spent({name: one})[name] - before[name] for name, one in family.items()}
        shares = {name: round(seconds / IDLE * 100, 3) for name, seconds in spent.items()}
        together = round(sum(shares.values()), 3)
        yield {"name": "idle CPU, per cent", **shares, "together": together, "target": 0.3}
    finally:
        _ended(process)


def _started(config: Config, *words: str) -> tuple[subprocess.Popen[bytes], int, float]:
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "SMTP_"))}
    more = {"TRACKER_DATA": str(config.data), "TRACKER_PORT": str(port), "TRACKER_SUPERVISOR_PORT": str(free_port())}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *words],
        cwd=ROOT, env={**kept, **more}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return process, port, began


def _first_page(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            client.request("GET", "/login")
            answer = client.getresponse()
            answer.read()
            client.close()
            if answer.status == 200:
                return
        time.sleep(0.005)
    raise SystemExit("The shop did not start.")


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(90)


def _family(pid: int) -> dict[str, psutil.Process]:
    """Supervisor, web and worker by name; the supervisor may stand under a launcher."""
    found: dict[str, psutil.Process] = {}
    for one in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        words = one.cmdline()
        found[
            "web" if "web" in words else "worker" if "worker" in words else f"supervisor {len(found) or ''}".strip()
        ] = one
    return found


def _memory(family: dict[str, psutil.Process]) -> dict[str, Any]:
    resident = {name: one.memory_info().rss / 1e6 for name, one in family.items()}
    facts = {name: round(size, 1) for name, size in resident.items()}
    shared = [getattr(one.memory_full_info(), "pss", 0) / 1e6 for one in family.values()]
    both = resident.get("web", 0) + resident.get("worker", 0)
    return {**facts, "web_and_worker": round(both, 1), "all_pss": round(sum(shared), 1)}


def _spent(family: dict[str, psutil.Process]) -> dict[str, float]:
    return {name: sum(one.cpu_times()[:2]) for name, one in family.items()}
