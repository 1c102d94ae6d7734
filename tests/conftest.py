"""What every test may use: a data folder of its own, an open shop, a free port; and nothing left over for the next."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tracker import clock, db, money, quantity
from tracker.config import ROOT, Config
from tracker.ops import heartbeats, startup
from tracker.shop import settings

SEED = int(os.environ.get("TRACKER_TEST_SEED") or random.SystemRandom().randrange(10**9))
os.environ["TRACKER_TEST_SEED"] = str(SEED)  # for the processes that share the work


# The files that take longest begin first, so that two processes end at about the same time; the rest stays shuffled.
LONGEST = ("test_every_page", "test_main_job", "test_worker", "test_from_supervisor", "test_model", "test_recovery")
LONG = ("/browser/", "/security/", "/faults/", "/jobs/", "/ops/", "/cli/", "/mail/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        path = item.path.as_posix()
        if item.path.stem in LONGEST:
            return LONGEST.index(item.path.stem)
        return len(LONGEST) + next((n for n, part in enumerate(LONG) if part in path), len(LONG))

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"seed of the random tests: {SEED} (again with TRACKER_TEST_SEED={SEED})")


@pytest.fixture
def seed() -> int:
    """The session's seed for tests that draw at random; its last lines say how to run them again."""
    return SEED


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Settings with a data folder and ports of this test's own."""
    return Config(root=ROOT, data=tmp_path / "data", port=free_port(), supervisor_port=free_port())


@pytest.fixture
def books(config: Config) -> Config:
    """A fresh shop, migrated and open, as its settings; closed after the test."""
    startup.open_shop(config)
    return config


@pytest.fixture(autouse=True)
def _nothing_left_over() -> Iterator[None]:
    """After each test every file is let go, and the process forgets the shop: currency, zone, settings, wakers."""
    yield
    startup.close_shop()
    settings.forget()
    heartbeats._looks.clear()
    db._wakers.clear()
    for ground in (clock, money, quantity):
        for name, value in vars(type(ground._shop)()).items():
            setattr(ground._shop, name, value)
