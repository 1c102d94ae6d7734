"""The supervisor with real children: deaths, restarts, back-off, commands. Time budget: 15 s."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading

import pytest

from tests.ops.supervision import QUICK, is_alive, program, started, state, supervised, wait_for, wait_until
from tracker.config import Config
from tracker.errors import Busy, NotFound, Refused
from tracker.ops import control
from tracker.ops.program import BACKOFF, EXITED, FATAL, Program, Timing, after_death
from tracker.ops.supervisor import Supervisor, standard_programs, status_lines


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


def test_a_killed_program_is_replaced_and_the_other_is_left_alone(config: Config) -> None:
    with supervised(config, program(config, "web"), program(config, "worker")):
        web, worker = wait_for(config, "web", "RUNNING"), wait_for(config, "worker", "RUNNING")
        _kill(web["pid"])
        after = wait_for(config, "web", "RUNNING", not_pid=web["pid"])
        assert (after["restarts"], after["message"]) == (1, "")
        assert after["exit_code"] == (15 if sys.platform == "win32" else -9)
        assert state(config, "worker")["pid"] == worker["pid"]


def test_a_program_that_ends_by_itself_without_an_error_is_replaced_too(config: Config) -> None:
    with supervised(config, program(config, "worker", "crash", 0, 0), timing=Timing(second=0.02, fatal=60)):
        assert wait_for(config, "worker", "FATAL")["exit_code"] == 0
        assert len(started(config, "worker")) == 6


def test_a_restart_by_name_lets_the_program_finish_and_starts_it_again(config: Config) -> None:
    with supervised(config, program(config, "web")):
        before = wait_for(config, "web", "RUNNING")
        after = control.call(config, "restart", name="web")["programs"]
        assert [one["name"] for one in after] == ["web"]
        assert (after[0]["state"], after[0]["exit_code"], after[0]["restarts"]) == ("RUNNING", 0, 1)
        assert after[0]["pid"] != before["pid"] and not is_alive(before["pid"])


def test_what_was_stopped_by_hand_stays_stopped_until_it_is_started(config: Config) -> None:
    with supervised(config, program(config, "web"), program(config, "worker")) as supervisor:
        wait_for(config, "worker", "RUNNING")
        stopped = control.call(config, "stop", name="worker")["programs"][0]
        assert (stopped["state"], stopped["pid"], stopped["uptime_s"]) == ("STOPPED", None, None)
        assert stopped["message"].startswith("Stopped at ")
        supervisor._tell_all("reload")
        wait_until(lambda: state(config, "web")["restarts"] == 1)
        assert state(config, "worker")["state"] == "STOPPED"
        assert control.call(config, "start", name="worker")["programs"][0]["state"] == "RUNNING"


def test_a_crash_loop_waits_longer_each_time_and_ends_in_fatal_with_the_last_lines(config: Config) -> None:
    timing = Timing(second=0.1, fatal=1.0)
    with supervised(config, program(config, "web", "crash", 3, 25), timing=timing):
        fatal = wait_for(config, "web", "FATAL")
        moments = [moment for _, moment in started(config, "web")]
        waits = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
        assert len(moments) == 6
        for wait, least in zip(waits, (0, 0.1, 0.2, 0.4, 0.8), strict=True):
            assert least <= wait < least + 2  # a busy machine may be late, never early
        said = fatal["message"].splitlines()
        assert said[0] == "It ended with code 3; tried again in 1 s."
        assert said[1:] == [f"complaint {n}" for n in range(5, 25)]
        wait_until(lambda: len(started(config, "web")) >= 8)  # one more try each time, without a loop
        assert wait_for(config, "web", "FATAL")["exit_code"] == 3


def test_the_waits_are_those_of_the_rules() -> None:
    timing = Timing()
    assert [after_death(1, n, 0, timing) for n in range(1, 7)] == [
        (EXITED, 0.0), (BACKOFF, 1.0), (BACKOFF, 2.0), (BACKOFF, 4.0), (BACKOFF, 8.0), (FATAL, 600.0)
    ]  # fmt: skip
    assert [after_death(75, 0, n, timing)[1] for n in (1, 2, 3, 6, 7, 99)] == [1, 2, 4, 32, 60, 60]
    assert after_death(78, 1, 0, timing) == (FATAL, 600.0)


def test_a_configuration_error_is_fatal_at_once(config: Config) -> None:
    with supervised(config, program(config, "web", "crash", 78, 1, probe=lambda: False)):
        fatal = wait_for(config, "web", "FATAL")
        assert fatal["message"].splitlines()[-1] == "complaint 0"
        assert len(started(config, "web")) == 1
        with pytest.raises(Refused, match="web: complaint 0"):
            control.call(config, "start", name="web")


def test_a_program_that_finds_another_in_its_place_waits_and_is_never_fatal(config: Config) -> None:
    timing = Timing(second=0.01, longest=0.05, fatal=60)
    with supervised(config, program(config, "worker", "crash", 75, 1), timing=timing):
        wait_until(lambda: len(started(config, "worker")) > 9)
        assert wait_for(config, "worker", "BACKOFF")["message"].endswith("complaint 0")


def test_earlier_deaths_are_forgotten_after_a_steady_while(config: Config) -> None:
    with supervised(config, program(config, "web"), timing=Timing(steady=0.2, second=60)):
        for _ in range(3):  # with memory the second death would wait for a minute
            before = wait_for(config, "web", "RUNNING")
            threading.Event().wait(0.5)
            _kill(before["pid"])
            wait_for(config, "web", "RUNNING", not_pid=before["pid"])


def test_the_worker_is_started_even_if_the_web_cannot_be(config: Config) -> None:
    web = Program("web", [str(config.data / "no-such-program")], 100, 1)
    worker = program(config, "worker", priority=200)
    with supervised(config, worker, web):
        assert wait_for(config, "worker", "RUNNING")
        fatal = wait_for(config, "web", "FATAL")
        assert "can't be started" in fatal["message"] and fatal["exit_code"] is None
        assert [one["name"] for one in control.call(config, "status")["programs"]] == ["web", "worker"]


def test_who_does_not_let_go_is_killed_with_all_that_it_started(config: Config) -> None:
    with supervised(config, program(config, "worker", "stubborn", stop_wait=0.3)):
        wait_until(lambda: len(started(config, "worker")) == 2)
        pids = [pid for pid, _ in started(config, "worker")]
        assert all(map(is_alive, pids))
        assert control.call(config, "stop", name="worker")["programs"][0]["state"] == "STOPPED"
        wait_until(lambda: not any(map(is_alive, pids)))


def test_what_a_dead_program_leaves_behind_is_ended_before_its_replacement_runs_on(config: Config) -> None:
    with supervised(config, program(config, "worker", "parent")):
        wait_until(lambda: len(started(config, "worker")) == 2)
        leader, left_behind = (pid for pid, _ in started(config, "worker"))
        _kill(leader)
        wait_until(lambda: len(started(config, "worker")) == 4)
        wait_until(lambda: not is_alive(left_behind))


def test_200_random_concurrent_commands_leave_exactly_one_process_per_program(config: Config, seed: int) -> None:
    names, draw = ("web", "worker"), random.Random(seed)
    orders = [(draw.choice(("start", "stop", "restart")), draw.choice(names)) for _ in range(200)]

    def give(mine: list[tuple[str, str]]) -> None:
        for command, name in mine:
            control.call(config, command, name=name)

    with supervised(config, *(program(config, name) for name in names)):
        threads = [threading.Thread(target=give, args=(orders[n::8],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        control.call(config, "start")
        for name in names:
            now = wait_for(config, name, "RUNNING")
            assert [pid for pid, _ in started(config, name) if is_alive(pid)] == [now["pid"]]


def test_a_second_supervisor_says_who_is_there(config: Config) -> None:
    with supervised(config, program(config, "web")):
        with pytest.raises(Busy) as busy:
            Supervisor(config, [program(config, "web")]).run()
        assert busy.value.message == f"Finance Tracker is already running, pid {os.getpid()}, {config.url}"
        assert control.call(config, "status")["running"] is True


def test_the_status_has_the_promised_form(config: Config) -> None:
    with supervised(config, program(config, "web"), program(config, "worker", autostart=False)):
        wait_for(config, "web", "RUNNING")
        status = control.call(config, "status")
        assert list(status) == ["running", "pid", "url", "programs"]
        assert list(status["programs"][0]) == "name state pid uptime_s restarts exit_code message".split()
        web, worker = status_lines(status)
        assert web == f"{'web':33}{'RUNNING':10}pid {status['programs'][0]['pid']}, uptime 0:00:00"
        assert worker == f"{'worker':33}{'STOPPED':10}Not started"
        with pytest.raises(NotFound, match="There are: web, worker"):
            control.call(config, "start", name="scheduler")


def test_a_long_uptime_and_a_last_error_fit_on_their_lines() -> None:
    long = {"name": "web", "state": "RUNNING", "pid": 12, "uptime_s": 93784, "message": ""}
    failed = {"name": "worker", "state": "FATAL", "pid": None, "message": "It ended with code 1.\nValueError: no\n"}
    assert status_lines({"programs": [long, failed]}) == [
        "web                              RUNNING   pid 12, uptime 1 day, 2:03:04",
        "worker                           FATAL     ValueError: no",
    ]


def test_without_jobs_the_worker_is_known_but_not_started(config: Config) -> None:
    web, worker = standard_programs(config, no_jobs=True)
    assert (web.priority, web.stop_wait, web.autostart) == (100, 15, True)
    assert (worker.priority, worker.stop_wait, worker.autostart) == (200, 60, False)
    assert web.command == [sys.executable, str(config.root / "run.py"), "web"]


def test_a_command_while_stopping_decides_what_comes_after(config: Config) -> None:
    with supervised(config, program(config, "worker", "stubborn", stop_wait=0.5), timing=QUICK):
        wait_until(lambda: len(started(config, "worker")) == 2)
        stop = threading.Thread(target=control.call, args=(config, "stop"))
        stop.start()
        wait_until(lambda: state(config, "worker")["state"] == "STOPPING")
        control.call(config, "start", name="worker")
        stop.join(10)
        assert wait_for(config, "worker", "RUNNING")["restarts"] == 1
