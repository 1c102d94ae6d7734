"""The jobs with a real worker and mail server: by the clock, by hand, killed anywhere, two at once. Budget: 90 s."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from tests.jobs.real import RealShop, command_path, wait_until
from tests.mail.servers import Sink
from tracker import clock, db
from tracker.ops import heartbeats, job_runs, schedules
from tracker.shop import notifications, outbox, users

pytestmark = pytest.mark.slow

RUN_POINTS = ("run.claimed", "run.asked", "run.finishing", "run.finished")
MAIL_POINTS = {"mail.connect": "sent", "mail.data": "held", "mail.accepted": "held"}


def due_in(seconds: float, job: str = "debt_reminders") -> None:
    """Set the job's hour so that its turn has just come, as an edit at the page would a while ago."""
    at = clock.local(clock.now() + timedelta(seconds=seconds)).strftime("%H:%M")
    schedules.change(job, at)
    with db.write():
        before = clock.now() - timedelta(minutes=3)
        schedules.Schedule.update(seen_until=before).where(schedules.Schedule.job == job).execute()


def settled(shop: RealShop) -> bool:
    waiting = shop.rows("SELECT 1 FROM mail WHERE state IN ('queued', 'sending')")
    running = shop.rows("SELECT 1 FROM job_run WHERE state IN ('queued', 'running')")
    return not waiting and not running


def test_by_the_clock_the_mail_goes_out_once_and_says_what_is_owed(shop: RealShop, sink: Sink, overdue: None) -> None:
    shop.run("jobs")  # the hours of tasks.py come into the books
    due_in(-30)
    shop.worker()
    wait_until(lambda: sink.raw and settled(shop), "the reminder")
    (mail,) = sink.mails
    assert "1 debt overdue" in mail["Subject"] and "Mama Amina" in mail["Subject"]
    assert mail["X-Finance-Tracker-Kind"] == "debt_reminder"
    text = mail.get_body(("plain",)).get_content()
    assert "INV-1180" in text and "3 days late" in text and "KES 52,400" in text
    (run,) = job_runs.history("debt_reminders")
    assert (run.trigger, run.state, run.counted) == ("schedule", "done", {"mails": 1, "notices": 1})
    assert [n.kind for n in notifications.latest(users.find("amina").id)] == ["debt_reminder"]


def test_the_stock_consumer_behaves_like_ours(shop: RealShop, sink: Sink, overdue: None) -> None:
    shop.run("jobs")
    due_in(-30)
    worker = shop.worker(command=[str(command_path("huey_consumer")), "tasks.huey"])
    wait_until(lambda: sink.raw and settled(shop), "the reminder from the stock consumer")
    assert len(sink.raw) == 1
    assert shop.stop(worker) == 0
    assert heartbeats.age("worker") is None  # it said good-bye


def test_the_status_knows_a_worker_that_runs_by_itself(shop: RealShop) -> None:
    """As under service units, without a supervisor."""
    worker = shop.worker()
    wait_until(lambda: heartbeats.age("worker") is not None, "the worker")
    states = {one["name"]: (one["state"], one["pid"]) for one in shop.json("status")["programs"]}
    assert states == {"web": ("STOPPED", None), "worker": ("RUNNING", worker.pid)}
    assert shop.run("status", "worker").returncode == 0
    assert shop.run("status").returncode == 3
    shop.kill(worker)
    assert shop.run("status", "worker").returncode == 3


def test_nonsense_hours_are_wrong_usage(shop: RealShop) -> None:
    done = shop.run("jobs", "set", "debt_reminders", "--at", "25:00")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Write the time like 08:00, from 00:00 to 23:59.\n"


def test_a_run_by_hand_says_whose_hand(shop: RealShop, overdue: None) -> None:
    shop.run("job", "debt_reminders")
    assert job_runs.last("debt_reminders").asked_by.endswith(" at the PC")


def test_a_second_worker_leaves_with_a_sentence_and_75(shop: RealShop) -> None:
    shop.worker()
    wait_until(lambda: heartbeats.age("worker") is not None, "the first heartbeat")
    for command in (None, [str(command_path("huey_consumer")), "tasks.huey"]):
        second = shop.worker(command=command)
        assert second.wait(40) == 75
        said = (shop.config.data.parent / f"worker-{len(shop.workers) - 1}.err").read_text("utf-8")
        assert "Another worker runs on this data folder already" in said


def test_by_hand_a_live_worker_runs_it_and_the_command_waits_for_its_mail(
    shop: RealShop, sink: Sink, overdue: None
) -> None:
    shop.worker()
    wait_until(lambda: heartbeats.age("worker") is not None, "the worker")
    done = shop.json("job", "debt_reminders")
    assert (done["state"], done["trigger"], done["counts"]["mails"]) == ("done", "hand", 1)
    assert len(sink.raw) == 1
    second = shop.run("job", "debt_reminders")
    assert second.returncode == 0 and "Already" in second.stdout
    assert len(sink.raw) == 1
    assert shop.json("job", "debt_reminders", "--again")["state"] == "done"
    assert len(sink.raw) == 2


def test_by_hand_without_a_worker_the_command_takes_its_place(shop: RealShop, sink: Sink, overdue: None) -> None:
    done = shop.json("job", "debt_reminders")
    assert (done["state"], done["counts"]["mails"]) == ("done", 1)
    assert len(sink.raw) == 1
    assert outbox.counts()["sent"] == 1


@pytest.mark.parametrize("point", RUN_POINTS)
def test_a_worker_killed_at_any_point_of_a_run_loses_and_doubles_nothing(
    shop: RealShop, sink: Sink, overdue: None, point: str
) -> None:
    shop.run("jobs")
    run = job_runs.request("debt_reminders")
    victim = shop.worker(crash_at=point)
    assert victim.wait(40) == -9
    left = job_runs.get(run.id)
    assert left.state == ("done" if point == "run.finished" else "running")
    assert (outbox.counts()["queued"] == 1) == (point == "run.finished")
    shop.worker()
    wait_until(lambda: sink.raw and settled(shop), "the reminder after the crash")
    after = job_runs.get(run.id)
    assert after.state == "done"
    assert ("interrupted at" in after.note) == (point != "run.finished")
    assert len(sink.raw) == 1
    assert notifications.standing(users.find("amina").id).unread == 1


@pytest.mark.parametrize("point", MAIL_POINTS)
def test_a_worker_killed_while_it_mails_sends_nothing_twice_and_hides_no_doubt(
    shop: RealShop, sink: Sink, overdue: None, point: str
) -> None:
    shop.run("jobs")
    job_runs.request("debt_reminders")
    victim = shop.worker(crash_at=point)
    assert victim.wait(40) == -9
    shop.worker()
    wait_until(lambda: settled(shop), "the outbox after the crash")
    counts = outbox.counts()
    assert counts[MAIL_POINTS[point]] == 1
    assert len(sink.raw) == (0 if point == "mail.data" else 1)
    if point != "mail.connect":
        assert any("may have been sent" in mail.error for mail in outbox.listing(("held",)))
        again = outbox.send_again(outbox.listing(("held",))[0].id)
        wait_until(lambda: outbox.get(again.id).state == "sent", "the mail sent again by hand")


def test_300_mails_under_sigkill_none_lost_none_doubled(shop: RealShop, sink: Sink, seed: int) -> None:
    """The chaos run at small size: 100 mails here, 300 with TRACKER_CHAOS=300."""
    import os
    import random

    drawn = random.Random(seed)
    many = int(os.environ.get("TRACKER_CHAOS", "100"))
    amina = users.find("amina")
    facts = {"person": "Amina", "address": "a@example.org", "sent_by": "Juma", "at": "2026-11-23T05:00:00.000Z"}
    with db.write():
        for number in range(many):
            assert outbox.put("test_email", f"chaos:{number}", facts, amina)
    kills = 0
    while outbox.counts()["queued"] or outbox.counts()["sending"]:
        worker = shop.worker()
        wait_until(lambda: heartbeats.age("worker") is not None, "a worker")
        time.sleep(drawn.uniform(0.05, 0.6))
        shop.kill(worker)
        kills += 1
        assert kills < 200, f"seed {seed}"
        if kills > 8:
            shop.worker()
            wait_until(lambda: settled(shop), "the rest", 60)
    ids = [mail["Message-ID"] for mail in sink.mails]
    assert len(ids) == len(set(ids)), f"doubled, seed {seed}"
    counts = outbox.counts()
    assert counts["sent"] + counts["held"] == many, (counts, seed)
    arrived = set(ids)
    lost = [m for m in outbox.listing(("sent",), limit=1000) if m.message_id not in arrived]
    assert not lost, f"lost, seed {seed}"


def test_the_queue_file_may_vanish_while_the_worker_runs(shop: RealShop, sink: Sink, overdue: None) -> None:
    shop.worker()
    wait_until(lambda: heartbeats.age("worker") is not None, "the worker")
    shop.config.ops.unlink()
    time.sleep(0.2)
    job_runs.request("debt_reminders")
    wait_until(lambda: sink.raw and settled(shop), "the reminder without the old queue")
    assert len(sink.raw) == 1


def test_the_books_held_by_another_for_a_while_cost_no_run(shop: RealShop, sink: Sink, overdue: None) -> None:
    shop.run("jobs")
    due_in(-30)
    done = threading.Event()

    def hold() -> None:
        with db.write():
            done.wait(8)
        db.books.close()

    holder = threading.Thread(target=hold)
    holder.start()
    shop.worker()
    time.sleep(6)
    done.set()
    holder.join()
    wait_until(lambda: sink.raw and settled(shop), "the reminder after the lock")
    assert len(job_runs.history("debt_reminders")) == 1


def test_mail_down_then_up_goes_out_late_and_the_notices_do_not_wait(shop: RealShop, sink: Sink, overdue: None) -> None:
    from tests.ports import free_port

    good, shop.smtp_port = shop.smtp_port, free_port()
    worker = shop.worker()
    wait_until(lambda: heartbeats.age("worker") is not None, "the worker")
    done = shop.json("job", "debt_reminders")
    assert done["state"] == "done"
    wait_until(lambda: outbox.paused(), "the pause")
    assert notifications.standing(users.find("amina").id).unread >= 1
    shop.stop(worker)
    shop.smtp_port = good
    shop.worker()
    wait_until(lambda: len(sink.raw) == 1 and not outbox.paused(), "the mail after the server came back")


def test_a_graceful_stop_finishes_what_runs_and_leaves_nothing_behind(
    shop: RealShop, sink: Sink, overdue: None
) -> None:
    worker = shop.worker()
    wait_until(lambda: heartbeats.age("worker") is not None, "the worker")
    job_runs.request("debt_reminders")
    wait_until(lambda: job_runs.last("debt_reminders"), "the run")
    assert shop.stop(worker) == 0
    assert not shop.rows("SELECT 1 FROM job_run WHERE state = 'running'")
    assert heartbeats.age("worker") is None


def test_the_clean_up_takes_read_notices_after_30_days_and_never_an_unread_one(shop: RealShop) -> None:
    amina = users.find("amina").id
    now = clock.now()
    for days, read_days in ((100, None), (100, 31), (100, 29), (31, 31), (40, 30)):
        with clock.frozen(now - timedelta(days=days)):
            notifications.write(amina, "news", [notifications.Notice("", f"{days}/{read_days}")])
        if read_days is not None:
            newest = notifications.latest(amina, 1)[0]
            with clock.frozen(now - timedelta(days=read_days, minutes=1 if read_days == 31 else -1)):
                notifications.mark_read(amina, newest.id)
    done = shop.json("job", "notification_cleanup")
    assert (done["state"], done["counts"]["removed"]) == ("done", 2)
    assert sorted(n.message for n in notifications.latest(amina)) == ["100/29", "100/None", "40/30"]
