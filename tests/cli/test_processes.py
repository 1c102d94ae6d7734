"""`python run.py` for real: started, asked, restarted and stopped through its commands. Budget: 25 s."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port
from tracker.config import ROOT

PATIENCE = 40.0  # seconds until something that should happen counts as not happening

pytestmark = pytest.mark.slow


class Shop:
    """A data folder with ports of its own, and the commands of `run.py` on it."""

    def __init__(self, folder: Path) -> None:
        self.data, self.port, self.page_port = folder / "data", free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {
            "TRACKER_DATA": str(self.data),
            "TRACKER_PORT": str(self.port),
            "TRACKER_SUPERVISOR_PORT": str(self.page_port),
        }
        self.environment = {**os.environ, **own}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *words], env=self.environment, capture_output=True, text=True,
            encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip

    @contextmanager
    def started(self, *words: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
        """`run.py WORDS` in the background, with what it had printed when it was ready; gone afterwards in any case."""
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), *words, "--no-browser"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        said: list[str] = []
        try:
            assert process.stdout
            for line in process.stdout:
                said.append(line.rstrip())
                if "is ready at" in line:
                    break
            assert "is ready at" in said[-1], said
            yield process, said
        finally:
            self.run("stop")
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout and process.stdout.close()

    def programs(self) -> dict[str, dict[str, object]]:
        return {each["name"]: each for each in json.loads(self.run("status", "--json").stdout)["programs"]}

    def answers(self, path: str = "/livez") -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def until(happens: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline, f"{what} did not happen in {PATIENCE:g} s"
        time.sleep(0.05)


def test_a_fresh_shop_is_started_asked_and_stopped(shop: Shop) -> None:
    with shop.started() as (process, said):
        assert re.fullmatch(r"Set-up code: \d{6}", said[0])
        assert said[1:] == [f"Finance Tracker is ready at {shop.url}/"]
        assert shop.answers("/livez") == 200
        until(lambda: shop.run("status").returncode == 0, "web and worker running")
        lines = shop.run("status").stdout.splitlines()
        assert [line[:43] for line in lines] == [f"{'web':33}RUNNING   ", f"{'worker':33}RUNNING   "]
        assert all(re.fullmatch(r"pid \d+, uptime \d:\d\d:\d\d", line[43:]) for line in lines)
        assert shop.answers("/healthz") == 200

        again = shop.run("--no-browser")
        assert again.returncode == 0
        assert again.stdout == f"Finance Tracker is already running, pid {process.pid}, {shop.url}\n"

        stopped = shop.run("stop")
        assert (stopped.returncode, stopped.stdout) == (0, "Finance Tracker has stopped.\n")
        assert process.wait(PATIENCE) == 0
        assert shop.answers() == 0
    assert shop.run("status").returncode == 3


def test_a_part_that_was_stopped_stays_stopped_until_it_is_started(shop: Shop) -> None:
    with shop.started():
        until(lambda: shop.run("status").returncode == 0, "web and worker running")
        before = shop.programs()
        assert shop.run("stop", "worker").returncode == 0
        status = shop.run("status")
        assert status.returncode == 3
        assert re.search(r"^worker {27}STOPPED   Stopped at ", status.stdout, flags=re.M)
        assert shop.run("status", "web").returncode == 0
        assert shop.programs()["web"]["pid"] == before["web"]["pid"]
        assert shop.run("start", "worker").returncode == 0
        assert shop.programs()["worker"]["state"] == "RUNNING"
        restarted = shop.run("restart", "web")
        assert restarted.returncode == 0
        assert shop.programs()["web"]["pid"] != before["web"]["pid"]
        assert shop.answers() == 200


def test_what_the_processes_said_is_kept_and_shown(shop: Shop) -> None:
    with shop.started():
        until(lambda: shop.run("status").returncode == 0, "web and worker running")
        assert re.search(r"^supervisor +\| .* web RUNNING", shop.run("logs").stdout, flags=re.M)
        names = {path.name for path in shop.data.joinpath("logs").iterdir()}
        assert (
            {"supervisor.log"}
            <= names
            <= {f"{n}.log" for n in ("supervisor", "web", "web_error", "worker", "worker_error")}
        )
    assert "supervisor ended" in shop.run("logs", "supervisor", "-n", "3").stdout


def test_ctrl_c_ends_all_of_it_cleanly(shop: Shop) -> None:
    with shop.started() as (process, _):
        pids = [int(str(program["pid"])) for program in shop.programs().values() if program["pid"]]
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.stdout and "Traceback" not in process.stdout.read()
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_dev_without_jobs_runs_no_worker(shop: Shop) -> None:
    with shop.started("dev", "--no-jobs"):
        status = shop.run("status")
        assert status.returncode == 3
        assert f"{'worker':33}{'STOPPED':10}Not started" in status.stdout.splitlines()
        assert shop.answers("/healthz") == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{shop.page_port}/", timeout=5) as page:
            assert "worker" in page.read().decode()
