"""Heartbeats: true whatever happens to the clock, the process or the file. Time budget: 10 s."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.ops.supervision import is_alive, program, state, supervised, wait_for, wait_until
from tracker import clock, db
from tracker.config import ROOT, Config
from tracker.ops import heartbeats
from tracker.ops.health import WorkerProbe
from tracker.ops.program import Program, Timing

BEATER = """
import sys, threading; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tracker import db
from tracker.ops import heartbeats, leash
db.open_ops(Path(sys.argv[2]))
ended = threading.Event()
leash.watch(ended.set)
stop = heartbeats.start_beating("worker", every=0.05)
Path(sys.argv[3]).open("a").write(f"{__import__('os').getpid()} 0\\n")
ended.wait(60)
stop()
"""


@pytest.fixture
def ops(config: Config) -> Iterator[Config]:
    config.data.mkdir()
    db.open_ops(config.ops)
    heartbeats._looks.clear()
    yield config
    db.close()


def test_a_beat_tells_who_since_when_and_which_version(ops: Config) -> None:
    before = clock.now()
    heartbeats.beat("web", "boot-1")
    heartbeats.beat("web", "boot-1")
    web = heartbeats.read("web")
    assert web is not None
    assert (web.name, web.pid, web.boot_id, web.beats) == ("web", os.getpid(), "boot-1", 2)
    assert before <= web.started_at <= web.beat_at <= clock.now()
    assert web.version and heartbeats.read("worker") is None


def test_a_new_process_begins_anew_under_the_same_name(ops: Config) -> None:
    with clock.frozen(clock.now() - timedelta(hours=1)):
        heartbeats.beat("web", "boot-1")
    heartbeats.beat("web", "boot-2")
    web = heartbeats.read("web")
    assert web is not None and (web.boot_id, web.beats) == ("boot-2", 1)
    assert clock.now() - web.started_at < timedelta(minutes=1)


def test_who_leaves_properly_is_forgotten_and_nobody_else_is(ops: Config) -> None:
    heartbeats.beat("web", "boot-1")
    db.ops.execute_sql(
        "INSERT INTO process SELECT 'worker', pid + 1, boot_id, started_at, beat_at, version, 1 FROM process"
    )
    heartbeats.forget("web")
    heartbeats.forget("worker")
    assert heartbeats.read("web") is None and heartbeats.age("web") is None
    assert heartbeats.read("worker") is not None


def test_asking_makes_no_file(ops: Config) -> None:
    assert heartbeats.read("web") is None
    heartbeats.forget("web")
    assert heartbeats.age("web") is None


def test_without_a_set_clock_the_age_is_the_time_since_the_beat(ops: Config) -> None:
    with clock.frozen(clock.now() - timedelta(seconds=40)):
        heartbeats.beat("worker", "a")
    assert 40 <= (heartbeats.age("worker") or 0) < 60


def test_a_clock_set_back_or_forward_does_not_make_a_live_process_look_dead(ops: Config) -> None:
    heartbeats.beat("worker", "a")
    assert (heartbeats.age("worker") or 0) < 5
    for jump in (timedelta(hours=1), timedelta(days=365), timedelta(hours=-1), timedelta(days=-365)):
        with clock.frozen(clock.now() + jump):
            heartbeats.beat("worker", "a")
            assert (heartbeats.age("worker") or 0) < 5
        heartbeats.beat("worker", "a")  # and put right again
        assert (heartbeats.age("worker") or 0) < 5


def test_after_a_sleep_the_beat_before_it_does_not_condemn_the_process(ops: Config) -> None:
    heartbeats.beat("worker", "a")
    heartbeats.age("worker")
    heartbeats.beat("worker", "a")
    heartbeats.age("worker")
    with clock.frozen(clock.now() + timedelta(hours=8)):  # the wall clock ran on, the monotonic one stood still
        assert (heartbeats.age("worker") or 0) < 5


def test_a_clock_set_back_does_not_keep_a_dead_process_alive(ops: Config) -> None:
    with clock.frozen(clock.now() + timedelta(hours=1)):
        heartbeats.beat("worker", "a")
    first = heartbeats.age("worker")
    threading.Event().wait(0.2)
    second = heartbeats.age("worker")
    assert first is not None and second is not None
    assert first == 0.0 and second >= 0.2


def test_the_heart_beats_on_when_the_file_is_deleted_in_use(ops: Config) -> None:
    stop = heartbeats.start_beating("worker", every=0.02)
    try:
        first = wait_until(lambda: heartbeats.read("worker"))
        for end in ("", "-journal", "-wal", "-shm"):
            _delete(Path(f"{ops.ops}{end}"))
        second = wait_until(lambda: heartbeats.read("worker"))
        assert second.boot_id == first.boot_id
        wait_until(lambda: (now := heartbeats.read("worker")) and now.beats > second.beats)
    finally:
        stop()
    assert heartbeats.read("worker") is None


def _delete(path: Path) -> None:
    if sys.platform != "win32":  # there a file in use can't be deleted, so the trouble can't arise
        path.unlink(missing_ok=True)


def test_another_file_in_its_place_is_noticed(ops: Config) -> None:
    heartbeats.beat("worker", "a")
    other = ops.data / "other.sqlite3"
    connection = db.sqlite3.connect(other)
    connection.execute("CREATE TABLE unrelated (x)")
    connection.commit()
    connection.close()
    if sys.platform == "win32":
        db.ops.close_all()
    os.replace(other, ops.ops)
    assert heartbeats.read("worker") is None
    heartbeats.beat("worker", "a")
    assert heartbeats.read("worker") is not None
    assert db.ops.get_tables() == ["process", "unrelated"]


def test_the_journal_mode_that_the_queue_chose_stays(ops: Config) -> None:
    connection = db.sqlite3.connect(ops.ops)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("CREATE TABLE queue (x)")
    heartbeats.beat("worker", "a")
    assert db.ops.pragma("journal_mode") == "wal"
    connection.close()


def test_two_processes_beat_into_one_file(ops: Config) -> None:
    command = [sys.executable, "-c", BEATER, str(ROOT), str(ops.ops), str(ops.data / "pids")]
    env = {**os.environ, "TRACKER_LEASH": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=env) as child:
        for _ in range(50):
            heartbeats.beat("web", "b")
        worker = wait_until(lambda: heartbeats.read("worker"))
        assert worker.pid == child.pid or sys.platform == "win32"  # there the launcher of the venv stands between
        child.communicate(b"stop\n", timeout=20)
    assert heartbeats.read("worker") is None
    web = heartbeats.read("web")
    assert web is not None and web.beats == 50


def test_a_worker_is_running_when_its_heart_is_seen_to_beat_and_restarted_when_it_stops(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    heart = WorkerProbe(config)
    pids = config.data / "worker.pids"
    command = [sys.executable, "-c", BEATER, str(ROOT), str(config.ops), str(pids)]
    worker = Program("worker", command, 200, 0.5, heart, begin=heart.begin)
    monkeypatch.setattr("tracker.ops.health.WORKER_PATIENCE", 1.5)
    timing = Timing(probe=0.1, probe_start=0.02, grace=60, misses=3, second=0.05)
    with supervised(config, worker, program(config, "web"), timing=timing):
        before = wait_for(config, "worker", "RUNNING")
        web = wait_for(config, "web", "RUNNING")
        if sys.platform != "win32":  # it hangs: alive, but no longer beating
            os.kill(before["pid"], 19)
            wait_for(config, "worker", "RUNNING", not_pid=before["pid"])
            assert not is_alive(before["pid"])
            assert state(config, "web")["pid"] == web["pid"]


def test_what_a_killed_worker_left_behind_is_no_life_sign_of_the_next(ops: Config) -> None:
    heartbeats.beat("worker", "killed")
    probe = WorkerProbe(ops)
    probe.begin()
    assert [probe(), probe()] == [False, False]
    threading.Event().wait(0.05)  # a file's time is a few milliseconds coarse
    with clock.frozen(clock.now() - timedelta(days=365)):  # a clock set back changes nothing
        heartbeats.beat("worker", "next")
        assert [probe(), probe()] == [True, True]
    probe.begin()
    assert [probe(), probe()] == [False, False]
