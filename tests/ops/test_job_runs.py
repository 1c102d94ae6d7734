"""The ledger of runs: claimed once, fenced, retried with pauses, recovered, told when it fails. Budget: 5 s."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tracker import clock, db
from tracker.config import Config
from tracker.errors import Busy, NotFound, Refused
from tracker.ops import job_runs
from tracker.ops.job_runs import JobRun, Superseded, Work
from tracker.shop import notifications, users
from tracker.shop.notifications import Notice

JOB = "debt_reminders"


def done() -> Work:
    return Work("3 debts overdue.", counts={"mails": 1})


def claimed(owner: str = "worker-1") -> JobRun:
    run = job_runs.claim(owner, job=JOB)
    assert run is not None
    return run


def test_a_run_is_asked_for_claimed_and_finished(books: Config) -> None:
    asked = job_runs.request(JOB)
    run = claimed()
    assert (run.id, run.state, run.attempt, run.owner) == (asked.id, "running", 1, "worker-1")
    ended = job_runs.finish(run, done)
    assert (ended.state, ended.outcome, ended.result, ended.counted) == (
        "done",
        "done",
        "3 debts overdue.",
        {"mails": 1},
    )


def test_there_is_at_most_one_queued_or_running_run_of_a_job(books: Config) -> None:
    job_runs.request(JOB)
    with pytest.raises(Busy, match="already running"):
        job_runs.request(JOB)
    job_runs.request("reorder_alerts")
    claimed()
    with pytest.raises(Busy):
        job_runs.request(JOB)


def test_a_run_is_claimed_by_one_of_many_threads(books: Config) -> None:
    run = job_runs.request(JOB)
    got: list[JobRun] = []
    barrier = threading.Barrier(8)

    def take(name: str) -> None:
        barrier.wait()
        mine = job_runs.claim(name, run.id)
        if mine:
            got.append(mine)
        db.books.close()

    threads = [threading.Thread(target=take, args=(f"worker-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_an_unknown_job_is_not_found(books: Config) -> None:
    with pytest.raises(NotFound, match="no job named make_coffee"):
        job_runs.request("make_coffee")


def test_effects_and_completion_commit_together_or_not_at_all(books: Config) -> None:
    amina = users.add("amina", "Amina", "admin")
    job_runs.request(JOB)
    run = claimed()

    def half_way() -> Work:
        notifications.tell_all(JOB.removesuffix("s"), [Notice("x", "told")])
        raise OSError("the power went")

    with pytest.raises(OSError, match="power"):
        job_runs.finish(run, half_way)
    assert notifications.latest(amina.id) == []
    assert job_runs.get(run.id).state == "running"


def test_a_worker_that_wakes_late_cannot_finish_what_another_has_taken_over(books: Config) -> None:
    users.add("amina", "Amina", "admin")
    job_runs.request(JOB)
    asleep = claimed("worker-1")
    assert job_runs.recover("worker-2") == 1
    second = claimed("worker-2")
    with pytest.raises(Superseded):
        job_runs.finish(asleep, done)
    assert job_runs.finish(second, done).state == "done"
    assert "interrupted at" in job_runs.get(second.id).note


def test_a_job_that_kills_its_worker_ends_as_failed(books: Config) -> None:
    amina = users.add("amina", "Amina", "admin")
    job_runs.request(JOB)
    for life in range(20):
        run = job_runs.claim(f"worker-{life}", job=JOB)
        if run is None:
            break
        job_runs.recover(f"worker-{life + 1}")
    ended = job_runs.last(JOB)
    assert (ended.state, ended.attempt) == ("failed", 5)
    assert "failed" in notifications.latest(amina.id)[0].message


def test_a_failed_attempt_waits_longer_each_time_and_then_fails_for_good_with_its_trace(books: Config) -> None:
    amina = users.add("amina", "Amina", "admin")
    job_runs.request(JOB)
    now, waits = clock.now(), []
    for _ in range(5):
        with clock.frozen(now):
            try:
                raise ValueError("no such thing")
            except ValueError as error:
                ended = job_runs.fail(claimed(), error)
            if ended.state == "queued":
                assert ended.waits_for_retry and ended.as_json()["state"] == "failed"
                waits.append(round((ended.due_at - now) / timedelta(minutes=1)))
                now = ended.due_at
    assert waits == [1, 2, 4, 8] or all(abs(a - b) <= 1 for a, b in zip(waits, (1, 2, 4, 8), strict=True))
    assert ended.state == "failed"
    assert "ValueError: no such thing" in ended.error
    assert "Traceback" in ended.trace
    assert notifications.latest(amina.id)[0].severity == "critical"


def test_asking_for_a_run_that_waits_for_its_retry_runs_it_now(books: Config) -> None:
    first = job_runs.request(JOB)
    job_runs.fail(claimed(), OSError("busy"))
    assert job_runs.claim("worker-1", job=JOB) is None
    again = job_runs.request(JOB)
    assert again.id == first.id
    assert claimed().attempt == 2


def test_asking_for_it_again_is_not_lost_on_a_run_that_waits_for_its_retry(books: Config) -> None:
    job_runs.request(JOB)
    job_runs.fail(claimed(), OSError("busy"))
    assert job_runs.request(JOB, again=True).again and claimed().again


def test_what_a_job_finds_wrong_is_a_failed_run_without_a_retry(books: Config) -> None:
    amina = users.add("amina", "Amina", "admin")
    job_runs.request("books_check")
    run = job_runs.claim("me", job="books_check")
    ended = job_runs.finish(run, lambda: Work("Chai has 3, the movements say 4.", "failed"))
    assert (ended.state, ended.outcome) == ("failed", "failed")
    assert "Chai has 3" in notifications.latest(amina.id)[0].message


def test_only_failed_and_missed_runs_are_tried_again(books: Config) -> None:
    job_runs.request(JOB)
    good = job_runs.finish(claimed(), done)
    with pytest.raises(Refused):
        job_runs.retry(good.id)
    job_runs.request(JOB)
    bad = job_runs.finish(claimed(), lambda: Work("nobody to tell", "failed"))
    again = job_runs.retry(bad.id)
    assert (again.trigger, again.state, again.id != bad.id) == ("retry", "queued", True)


def test_a_waiting_run_can_be_cancelled_a_running_one_cannot(books: Config) -> None:
    run = job_runs.request(JOB)
    job_runs.cancel(run.id)
    assert job_runs.get(run.id).state == "cancelled"
    job_runs.request(JOB)
    with pytest.raises(Refused):
        job_runs.cancel(claimed().id)


def test_a_run_over_its_deadline_is_stuck(books: Config) -> None:
    job_runs.request(JOB)
    run = claimed()
    assert job_runs.stuck() == []
    with clock.frozen(run.deadline_at + timedelta(seconds=1)):
        assert [stuck.id for stuck in job_runs.stuck()] == [run.id]
        assert job_runs.get(run.id).is_stuck


def test_runs_are_kept_90_days_and_failed_ones_a_year(books: Config) -> None:
    now = clock.now()
    for days, work in ((100, done), (80, done), (300, None), (400, None)):
        with clock.frozen(now - timedelta(days=days)):
            job_runs.request(JOB)
            job_runs.finish(claimed(), work or (lambda: Work("bad", "failed")))
    assert job_runs.prune() == 2
    assert [run.state for run in job_runs.history(JOB)] == ["failed", "done"]
