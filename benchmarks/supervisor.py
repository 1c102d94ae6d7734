"""The supervisor's figures beside those published for Supervisor 4.3: `python -m benchmarks.supervisor [TRIALS]`.

Two little programs, each writing its pid as its first act, under a supervisor in a process of its own. Killing loop:
wait for RUNNING, wait a moment more, kill -9, poll the pid file, then poll the status. Medians and range.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.ops import supervision
from tracker.config import ROOT, Config
from tracker.ops import control

KILL = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


def main(words: list[str]) -> None:
    trials = int(words[0]) if words else 20
    with tempfile.TemporaryDirectory() as folder:
        config = Config(root=ROOT, data=Path(folder) / "data", port=_port(), supervisor_port=_port())
        config.data.mkdir()
        with _supervisor(config) as process:
            _measure(config, process, trials)


def _measure(config: Config, process: subprocess.Popen[str], trials: int) -> None:
    executing, running = [], []
    for _ in range(trials):
        supervision.wait_for(config, "web", "RUNNING")
        time.sleep(1.2)  # as in the published loop
        first, second = _kill_once(config)
        executing.append(first)
        running.append(second)
        time.sleep(9.3)  # steady again: each is a first death
    restarts = [_timed(lambda: control.call(config, "restart", name="web")) for _ in range(trials)]
    statuses = [_timed(lambda: control.call(config, "status")) for _ in range(trials * 10)]
    supervisor = psutil.Process(process.pid)
    before = sum(supervisor.cpu_times()[:2])
    memory = supervisor.memory_info().rss / 1_000_000
    time.sleep(30)
    idle = (sum(supervisor.cpu_times()[:2]) - before) * 1000
    gone = _orphans(config, process)
    print(f"{'':45}{'ours':>24}{'Supervisor 4.3':>18}")
    _line("kill -9 to replacement executing, ms", _spread(executing), "1,010")
    _line("kill -9 to state RUNNING, ms", _spread(running), "2,020")
    _line("graceful restart of one by name, ms", _spread(restarts), "1,013")
    _line("status over the control channel, ms", _spread(statuses), "44")
    _line("memory (RSS), MB", f"{memory:.1f}", "26")
    _line("idle CPU in 30 s, ms", f"{idle:.0f}", "10")
    _line("kill -9 of the supervisor: last child gone, ms", f"{gone:.1f}", "never")


def _kill_once(config: Config) -> tuple[float, float]:
    pid = supervision.started(config, "web")[-1][0]
    count = len(supervision.started(config, "web"))
    begun = time.perf_counter()
    os.kill(pid, KILL)
    while len(supervision.started(config, "web")) == count:
        time.sleep(0.001)
    first = time.perf_counter() - begun
    while (now := supervision.state(config, "web"))["state"] != "RUNNING" or now["pid"] == pid:
        time.sleep(0.001)
    return first * 1000, (time.perf_counter() - begun) * 1000


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def _orphans(config: Config, process: subprocess.Popen[str]) -> float:
    pids = [supervision.started(config, name)[-1][0] for name in ("web", "worker")]
    begun = time.perf_counter()
    process.kill()
    while any(supervision.is_alive(pid) for pid in pids):
        time.sleep(0.001)
    return (time.perf_counter() - begun) * 1000


def _supervisor(config: Config) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    script = ROOT / "tests" / "ops" / "programs" / "supervise.py"
    ports = [str(config.port), str(config.supervisor_port)]
    command = [sys.executable, str(script), str(config.data), *ports, "web=quiet", "worker=quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _line(what: str, ours: str, theirs: str) -> None:
    print(f"{what:45}{ours:>24}{theirs:>18}", flush=True)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main(sys.argv[1:])
