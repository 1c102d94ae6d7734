"""Every command that docs/from-supervisor.md offers, run against a real supervisor. Budget: 50 s."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from pathlib import Path

import pytest

from tests import cast
from tests.mail import servers
from tests.mail.servers import Sink
from tests.ports import free_port
from tracker.config import ROOT

pytestmark = pytest.mark.slow

PATIENCE = 40.0  # seconds until something that should happen counts as not happening
PAGE = (ROOT / "docs" / "from-supervisor.md").read_text(encoding="utf-8")
NAMES = (ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")
READY = re.search(r"^Finance Tracker is ready at .*$", NAMES, flags=re.M)


def ours() -> list[str]:
    """The commands of the right column, in the order of the page."""
    rows = [line.strip("|").rpartition(" | ")[2] for line in PAGE.splitlines() if line.startswith("| ")]
    return list(dict.fromkeys(span for row in rows for span in re.findall(r"`(python3 run\.py[^`]*)`", row)))


STARTS = ("", "web", "worker", "dev", "dev --no-jobs")  # these stay until they are stopped
CHANGES = ("start ", "stop ", "restart ", "jobs set ")  # what these do, the next one sees
WORDS = [command.removeprefix("python3 run.py").strip() for command in ours()]
CODES = {"service install": 1}  # there is no systemd in the test's PATH: it says so instead of touching this computer
SAYS = {
    "--no-browser": r"Finance Tracker is already running, pid \d+, http://127\.0\.0\.1:\d+\n",
    "status": r"web {30}RUNNING   pid \d+, uptime \d:\d\d:\d\d\nworker {27}RUNNING   pid \d+, uptime \d:\d\d:\d\d\n",
    "status worker": r"worker {27}RUNNING   pid \d+, uptime \d:\d\d:\d\d\n",
    "stop worker": r"worker {27}STOPPED   Stopped at .*\n",
    "start worker": r"worker {27}RUNNING   pid .*\n",
    "restart web": r"web {30}RUNNING   pid .*\n",
    "restart worker": r"worker {27}RUNNING   pid .*\n",
    "jobs set debt_reminders --at 08:00": r"debt_reminders: Every day at 08:00\. Next: .*\n",
    "jobs set reorder_alerts --at 09:00": r"reorder_alerts: Every day at 09:00\. Next: .*\n",
    "jobs set notification_cleanup --at 00:00 --days sun": r"notification_cleanup: Sundays at 00:00\. Next: Sun .*\n",
    'jobs set debt_reminders --cron "30 7 * * 1-5"': r"debt_reminders: .*07:30.*\n",
    "job notification_cleanup": r"Nothing was old enough to go\.\n",
    "mail test amina@shop.example": r"(ok     .*\n)+",
    "user list": r"(?s).*amina@shop\.example.*",
    "service show": r"(?s)# .*finance-tracker\.service\n\[Unit\]\n.*Restart=on-failure.*",
}


class Shop:
    """A data folder with ports of its own, a mail server, and nothing of this computer's systemd."""

    def __init__(self, folder: Path, smtp_port: int) -> None:
        self.data, self.port, self.page_port = folder / "data", free_port(), free_port()
        folder.mkdir(exist_ok=True)
        self.environment = {
            **os.environ,
            "TRACKER_DATA": str(self.data),
            "TRACKER_PORT": str(self.port),
            "TRACKER_SUPERVISOR_PORT": str(self.page_port),
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(smtp_port),
            "SMTP_TLS": "plain",
            "SMTP_FROM": "shop@shop.example",
            "PATH": str(folder),
            "HOME": str(folder),
            "CI": "1",  # no browser is opened
        }

    def command(self, words: str) -> list[str]:
        return [sys.executable, str(ROOT / "run.py"), *shlex.split(words)]

    def run(self, words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(words), env=self.environment, input=typed, capture_output=True, text=True, encoding="utf-8",
            timeout=PATIENCE, check=False,
        )  # fmt: skip

    def follow(self, words: str, seconds: float) -> tuple[str, bool]:
        """What a command that never ends said meanwhile, and whether it still ran."""
        process = self._start(words)
        try:
            said, _ = process.communicate(timeout=seconds)
            return said, False
        except subprocess.TimeoutExpired:
            process.terminate()
            said, _ = process.communicate(timeout=PATIENCE)
            return said, True

    @contextmanager
    def started(self, words: str, sign: str) -> Iterator[list[str]]:
        """A command that stays, from the line with the sign on; gone afterwards in any case."""
        process = self._start(words)
        guard = threading.Timer(PATIENCE, process.kill)  # a line that never comes must not hold the suite
        guard.start()
        said: list[str] = []
        try:
            assert process.stdout
            for line in process.stdout:
                said.append(line.rstrip())
                if sign in line:
                    break
            guard.cancel()
            assert said and sign in said[-1], said
            yield said
        finally:
            guard.cancel()
            process.terminate()
            process.communicate(timeout=PATIENCE)

    def _start(self, words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(words), env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )  # fmt: skip

    def until_all_run(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.run("status").returncode != 0:
            assert time.monotonic() < deadline, self.run("status").stdout


@pytest.fixture(scope="module")
def smtp() -> Iterator[int]:
    controller = servers.start(Sink())
    yield controller.port
    controller.stop()


@pytest.fixture(scope="module")
def set_up(tmp_path_factory: pytest.TempPathFactory, smtp: int) -> Path:
    """Amina's shop, set up once and copied for each test."""
    shop = Shop(tmp_path_factory.mktemp("shop"), smtp)
    who = "--admin-name Amina --admin-user amina --admin-email amina@shop.example"
    done = shop.run(f'setup --shop "Amina\'s Shop" --country KE {who} --password-stdin', cast.PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    return shop.data


@pytest.fixture
def shop(tmp_path: Path, set_up: Path, smtp: int) -> Shop:
    made = Shop(tmp_path / "shop", smtp)
    shutil.copytree(set_up, made.data)
    return made


def test_the_page_offers_what_can_be_tried() -> None:
    assert len(WORDS) > 35
    assert set(SAYS) | set(CODES) | set(STARTS) <= set(WORDS)
    assert READY


def test_every_command_of_the_page_works_on_a_running_shop(shop: Shop) -> None:
    wrong = []
    with shop.started("", "is ready at") as said, ThreadPoolExecutor(3) as three:
        assert READY and said[-1] == READY[0].replace(":8000", f":{shop.port}")
        shop.until_all_run()
        for changes, group in groupby(_for_a_running_shop(), lambda words: words.startswith(CHANGES)):
            wrong += [line for lines in (map if changes else three.map)(partial(_tried, shop), group) for line in lines]
        files = _files(shop.data)
        stopped = shop.run("stop")
        assert (stopped.returncode, stopped.stdout) == (0, "Finance Tracker has stopped.\n")
    assert not wrong, "\n".join(wrong)
    assert [name for name in files if not _is_named(name)] == []


def _for_a_running_shop() -> list[str]:
    return [words for words in WORDS if words not in STARTS and words != "stop"]


def _tried(shop: Shop, words: str) -> list[str]:
    """What was wrong with one command; nothing when all was well."""
    if words.endswith(" -f"):
        said, ran_on = shop.follow(words, 1.5)
        return [] if ran_on and "Traceback" not in said else [f"{words}: ended by itself: {said}"]
    done = shop.run(words)
    expected = CODES.get(words, 0)
    if done.returncode != expected or "Traceback" in done.stderr:
        return [f"{words}: code {done.returncode}, not {expected}: {done.stdout[-600:]} {done.stderr[-600:]}"]
    if words in SAYS and not re.fullmatch(SAYS[words], done.stdout):
        return [f"{words} said {done.stdout!r}"]
    if words == "service install" and "does not run systemd" not in done.stderr:
        return [f"{words} said {done.stderr!r}"]
    return []


def _files(data: Path) -> list[str]:
    return sorted(path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file())


def _is_named(name: str) -> bool:
    """Whether a file of the data folder stands in the table of docs/interfaces.md, by its own name or its pattern."""
    if re.fullmatch(r"(shop|ops)\.sqlite3-(wal|shm|journal)|.*\.sha256|logs/.*\.log\.\d+", name):
        return True
    table = NAMES.partition("## Files\n")[2].partition("\n## ")[0]
    for cell in re.findall(r"^\| (`.*?`) \|", table, flags=re.M):
        for pattern in re.findall(r"`([^`]+)`", cell):
            shape = re.escape(pattern).replace("YYYYMMDD", r"\d{8}").replace("HHMMSS", r"\d{6}")
            shape = shape.replace("NAME", r"\w+").replace(r"\*", r"[\w-]+")
            if re.fullmatch(shape + (".*" if pattern.endswith("/") else ""), name):
                return True
    return name.rpartition("/")[2] in re.findall(r"`(\w+\.json)`", table)


def test_dev_without_jobs_runs_no_worker(shop: Shop) -> None:
    with shop.started("dev --no-jobs --no-browser", "is ready at"):
        status = shop.run("status")
        assert (status.returncode, status.stdout.splitlines()[1]) == (3, f"{'worker':33}{'STOPPED':10}Not started")
        with urllib.request.urlopen(f"http://127.0.0.1:{shop.page_port}/", timeout=5) as page:
            assert "Start worker" in page.read().decode()


def test_dev_runs_both_and_serves_the_supervisors_page(shop: Shop) -> None:
    with shop.started("dev --no-browser", "is ready at"):
        shop.until_all_run()
        with urllib.request.urlopen(f"http://127.0.0.1:{shop.page_port}/", timeout=5) as page:
            assert "Restart worker" in page.read().decode()


def test_web_and_worker_run_alone_beside_each_other(shop: Shop) -> None:
    with shop.started("web", "the pages are at"), shop.started("worker", "the worker has begun"):
        with urllib.request.urlopen(f"http://127.0.0.1:{shop.port}/healthz", timeout=5) as answer:
            assert answer.status == 200
        told = shop.run("status")  # no supervisor: known by their heartbeats
        assert told.returncode == 0 and told.stdout.count("RUNNING") == 2
    assert shop.run("status").returncode == 3
