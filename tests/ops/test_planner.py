"""The clock table: each slot runs once, late ones say so, too late ones are missed. Budget: 15 s."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.jobs.timetable import hours_of_tasks
from tracker import clock, db
from tracker.config import Config
from tracker.ops import job_runs, schedules
from tracker.ops.planner import Planner
from tracker.shop import notifications, users

JOB = "debt_reminders"


class Pc:
    """A PC whose clock the test turns; `look` is the planner's minute."""

    def __init__(self, zone: str, local: str) -> None:
        clock.use(zone)
        self.now = datetime.fromisoformat(local).replace(tzinfo=clock.zone()).astimezone(UTC)
        with clock.frozen(self.now):
            hours_of_tasks()
        self.planner = Planner(needed=lambda job: False)

    def look(self) -> None:
        with clock.frozen(self.now):
            self.planner.plan(JOB)

    def passes(self, step: timedelta, looks: int = 1) -> None:
        """Time goes by, seen by a running worker that looks each `step`."""
        for _ in range(looks):
            self.now += step
            self.look()

    def jumps(self, by: timedelta) -> None:
        """The clock moves with nobody looking (sleep, or somebody set it); two looks follow, five seconds apart."""
        self.now += by
        self.look()
        self.passes(timedelta(seconds=5))

    def restarts(self) -> None:
        """A new worker process: it remembers nothing but the books."""
        self.planner = Planner(needed=lambda job: False)
        self.look()

    def runs(self, do: Callable[[int], None] | None = None) -> list[tuple[str | None, str, str]]:
        """What was planned: (slot, trigger, state), oldest first."""
        return [(run.slot, run.trigger, run.state) for run in reversed(job_runs.history(JOB))]

    def works(self) -> None:
        """The worker carries out what is due."""
        with clock.frozen(self.now):
            run = job_runs.claim("me", job=JOB)
            assert run is not None
            job_runs.finish(run, lambda: job_runs.Work("done"))


@pytest.fixture
def pc(books: Config) -> Pc:
    return Pc("Africa/Nairobi", "2026-11-23T07:50:00")


def test_a_running_worker_runs_the_slot_once_at_its_local_hour(pc: Pc) -> None:
    pc.passes(timedelta(minutes=1), 9)
    assert pc.runs() == []
    pc.passes(timedelta(minutes=1))
    assert pc.runs() == [("2026-11-23T08:00", "schedule", "queued")]
    pc.works()
    pc.passes(timedelta(minutes=1), 30)
    assert pc.runs() == [("2026-11-23T08:00", "schedule", "done")]


def test_restarts_within_the_minute_run_nothing_twice(pc: Pc) -> None:
    pc.passes(timedelta(minutes=1), 10)
    pc.works()
    for _ in range(3):
        pc.restarts()
    assert len(pc.runs()) == 1


def test_a_pc_that_was_off_over_the_hour_catches_up_once_and_says_why(pc: Pc) -> None:
    pc.now += timedelta(hours=2, minutes=20)
    pc.restarts()
    pc.works()
    pc.passes(timedelta(minutes=1), 5)
    assert pc.runs() == [("2026-11-23T08:00", "catch-up", "done")]
    assert "08:00" in job_runs.last(JOB).note


def test_days_off_run_the_newest_slot_and_count_the_others(pc: Pc) -> None:
    pc.now += timedelta(days=3, hours=1)
    pc.restarts()
    assert pc.runs() == [("2026-11-26T08:00", "catch-up", "queued")]
    assert "3 earlier turns skipped" in job_runs.active(JOB).note


def test_beyond_its_grace_it_is_missed_and_the_admins_are_told(pc: Pc) -> None:
    amina = users.add("amina", "Amina", "admin")
    pc.now += timedelta(hours=13)
    pc.restarts()
    assert pc.runs() == [("2026-11-23T08:00", "catch-up", "missed")]
    (told,) = notifications.latest(amina.id)
    assert "did not run" in told.message
    pc.now += timedelta(hours=11, minutes=11)
    pc.restarts()
    assert pc.runs()[-1] == ("2026-11-24T08:00", "schedule", "queued")


def test_asleep_over_the_hour_it_waits_for_two_looks_that_agree(pc: Pc) -> None:
    pc.look()
    pc.now += timedelta(hours=3)
    pc.look()
    assert pc.runs() == []
    pc.passes(timedelta(seconds=5))
    assert pc.runs() == [("2026-11-23T08:00", "catch-up", "queued")]


def test_a_clock_set_back_runs_nothing_again(pc: Pc) -> None:
    pc.passes(timedelta(minutes=1), 11)
    pc.works()
    pc.jumps(-timedelta(hours=1))
    pc.passes(timedelta(minutes=1), 90)
    assert len(pc.runs()) == 1
    pc.passes(timedelta(minutes=30), 48)
    assert [slot for slot, *_ in pc.runs()] == ["2026-11-23T08:00", "2026-11-24T08:00"]


def test_a_clock_that_was_years_ahead_costs_nothing_once_it_is_put_right(pc: Pc) -> None:
    pc.look()
    pc.jumps(timedelta(days=365 * 20))
    job_runs.JobRun.update(state="done").where(job_runs.JobRun.state == "queued").execute()
    pc.jumps(-timedelta(days=365 * 20))
    pc.passes(timedelta(minutes=1), 15)
    assert ("2026-11-23T08:00", "schedule", "queued") in pc.runs()


def test_a_schedule_that_was_paused_over_the_hour_does_not_fire_when_it_goes_on(pc: Pc) -> None:
    with clock.frozen(pc.now):
        schedules.pause(JOB)
    pc.passes(timedelta(minutes=10), 12)
    with clock.frozen(pc.now):
        schedules.resume(JOB)
    pc.passes(timedelta(minutes=10), 6)
    assert pc.runs() == []
    pc.passes(timedelta(minutes=10), 24 * 6)
    assert [slot for slot, *_ in pc.runs()] == ["2026-11-24T08:00"]


def test_an_edit_never_fires_for_the_time_that_passed_and_holds_at_the_next_look(pc: Pc) -> None:
    with clock.frozen(pc.now):
        schedules.change(JOB, "07:00")
    pc.passes(timedelta(minutes=1), 5)
    assert pc.runs() == []
    with clock.frozen(pc.now):
        schedules.change(JOB, "07:57")
    pc.passes(timedelta(minutes=1), 3)
    assert pc.runs() == [("2026-11-23T07:57", "schedule", "queued")]


def test_a_slot_waits_for_the_run_before_it(pc: Pc) -> None:
    with clock.frozen(pc.now):
        job_runs.request(JOB)
    pc.passes(timedelta(minutes=1), 11)
    assert [slot for slot, *_ in pc.runs()] == [None]
    pc.works()
    pc.passes(timedelta(minutes=1))
    assert [slot for slot, *_ in pc.runs()] == [None, "2026-11-23T08:00"]


@pytest.mark.parametrize(
    ("zone", "eve", "slots"),
    [
        ("Europe/Berlin", "2026-03-28T12:00:00", ["2026-03-29T02:30", "2026-03-30T02:30"]),
        ("Europe/Berlin", "2026-10-24T12:00:00", ["2026-10-25T02:30", "2026-10-26T02:30"]),
        ("Africa/Cairo", "2026-04-23T12:00:00", ["2026-04-24T02:30", "2026-04-25T02:30"]),
    ],
)
def test_both_clock_changes_run_once(books: Config, zone: str, eve: str, slots: list[str]) -> None:
    pc = Pc(zone, eve)
    with clock.frozen(pc.now):
        schedules.change(JOB, "02:30")
    for _ in range(48 * 4):
        pc.passes(timedelta(minutes=15))
        with clock.frozen(pc.now):
            if job_runs.active(JOB):
                pc.works()
    assert [slot for slot, *_ in pc.runs()] == slots


def test_four_racing_planners_plan_each_slot_once(books: Config) -> None:
    clock.use("Africa/Nairobi")
    start = clock.instant(datetime(2026, 11, 23, tzinfo=UTC).date(), time(7, 59))
    with clock.frozen(start):
        hours_of_tasks()
    for day in range(20):
        with clock.frozen(start + timedelta(days=day, minutes=1, seconds=3)):
            barrier = threading.Barrier(4)

            def look(barrier: threading.Barrier = barrier) -> None:
                barrier.wait()
                Planner(needed=lambda job: False).plan(JOB)
                db.books.close()

            threads = [threading.Thread(target=look) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            run = job_runs.claim("me", job=JOB)
            assert run is not None
            job_runs.finish(run, lambda: job_runs.Work("done"))
    assert len(job_runs.history(JOB)) == 20


def test_a_backup_that_was_missed_waits_two_minutes_after_the_start(books: Config) -> None:
    pc = Pc("Africa/Nairobi", "2026-11-23T01:00:00")
    with clock.frozen(pc.now + timedelta(days=2)):
        Planner(needed=lambda job: False).plan("backup")
        run = job_runs.active("backup")
        assert run.trigger == "catch-up"
        assert run.due_at == clock.now() + timedelta(minutes=2)
