"""The Health page, the jobs' pages, the outbox and the notices. Budget: 15 s."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask import Flask

from tests.jobs.timetable import hours_of_tasks
from tests.web.conftest import Browser
from tracker import clock
from tracker.ops import job_runs, schedules
from tracker.ops.job_runs import Work
from tracker.shop import notifications, outbox, settings, users
from tracker.shop.notifications import Notice


@pytest.fixture(autouse=True)
def shop(app: Flask, people: dict[str, int]) -> None:
    hours_of_tasks()
    settings.change(is_set_up=True, smtp_host="localhost", smtp_port=2525, smtp_from="shop@example.com")
    users.edit(people["amina"], email="amina@example.com")


def failed_run() -> job_runs.JobRun:
    job_runs.request("books_check")
    run = job_runs.claim("me", job="books_check")
    assert run
    return job_runs.finish(run, lambda: Work("Chai has 3, the movements say 4.", "failed"))


def mail_to(user_id: int) -> outbox.Mail:
    mail = outbox.put(
        "debt_reminder", f"debt_reminder:all:{date(2026, 11, 23)}:{user_id}", {"person": "Amina"}, users.get(user_id)
    )
    assert mail
    return mail


def test_the_page_names_every_job_with_its_hours_and_next_run(amina: Browser) -> None:
    page = amina.get("/health").text
    for words in ("Send debt reminder emails", "Every day at 08:00", "Sundays at 00:00", "Check the books", "Run now"):
        assert words in page


def test_what_failed_stands_on_top_as_a_sentence(amina: Browser) -> None:
    failed_run()
    page = amina.get("/health").text
    assert page.index("Chai has 3") < page.index("Send debt reminder emails")


def test_a_cashier_sees_no_health_page_and_a_viewer_can_change_nothing(
    juma: Browser, browser_of: Callable[[str], Browser]
) -> None:
    assert juma.get("/health").status_code == 403
    vera = browser_of("vera")
    page = vera.get("/health")
    assert page.status_code == 200 and "Run now" not in page.text
    assert vera.send("/health/jobs/backup/run").status_code == 403
    assert vera.send("/health/jobs/backup", way="every", at="09:00").status_code == 403


def test_the_worker_that_is_not_there_is_a_banner_on_every_page(amina: Browser) -> None:
    assert "The worker is not running" in amina.get("/notifications").text


def test_an_outbox_that_waits_is_a_banner_for_who_can_mend_it(amina: Browser, juma: Browser) -> None:
    outbox.pause("mail.example.org does not take this password.", "535 no", 300)
    assert "Mail waits: mail.example.org does not take this password." in amina.get("/notifications").text
    assert "Mail waits" not in juma.get("/notifications").text


def test_healthz_says_degraded_without_a_worker_and_nothing_more(zawadi: Browser) -> None:
    answer = zawadi.get("/healthz")
    assert (answer.status_code, answer.json) == (503, {"status": "degraded", "database": "ok", "worker": "off"})


def test_run_now_asks_the_worker_once(amina: Browser) -> None:
    first = amina.send("/health/jobs/debt_reminders/run")
    assert first.status_code == 303
    run = job_runs.active("debt_reminders")
    assert (run.trigger, run.asked_by) == ("hand", "Amina")
    assert first.headers["Location"] == f"/health/runs/{run.id}"
    amina.send("/health/jobs/debt_reminders/run")
    assert len(job_runs.history("debt_reminders")) == 1
    assert "already running" in amina.get("/health").text


def test_an_unknown_job_is_a_404(amina: Browser) -> None:
    assert amina.get("/health/jobs/make_coffee").status_code == 404
    assert amina.send("/health/jobs/make_coffee/run").status_code == 404


def test_new_hours_are_shown_first_and_then_saved(amina: Browser) -> None:
    form: dict[str, Any] = {"way": "days", "at": "07:30", "day_mon": "1", "day_fri": "1"}
    look = amina.send("/health/jobs/debt_reminders", look="1", **form)
    assert "With these hours it would run" in look.text and "Monday" in look.text
    assert schedules.get("debt_reminders").at == "08:00"
    assert amina.send("/health/jobs/debt_reminders", **form).status_code == 303
    saved = schedules.get("debt_reminders")
    assert (saved.words, saved.changed_by) == ("Mondays and Fridays at 07:30", "Amina")
    page = amina.get("/health/jobs/debt_reminders").text
    assert "Back to default" in page and "by Amina" in page
    amina.send("/health/jobs/debt_reminders/default")
    assert schedules.get("debt_reminders").words == "Every day at 08:00"


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"way": "every", "at": "27:00"}, "is not a time"),
        ({"way": "days", "at": "07:30"}, "Choose at least one day"),
        ({"way": "cron", "cron": "61 * * * *"}, "is not a cron line"),
        ({"way": "cron", "cron": ""}, "Write a cron line"),
        ({"way": "sometimes", "at": "07:30"}, ""),
    ],
)
def test_hours_that_make_no_sense_are_refused_with_what_was_typed_kept(
    amina: Browser, form: dict[str, str], sentence: str
) -> None:
    answer = amina.send("/health/jobs/debt_reminders", **form)
    assert answer.status_code == 422
    assert sentence in answer.text.replace("&#34;", '"')
    assert schedules.get("debt_reminders").changed_at is None


def test_pause_and_resume(amina: Browser) -> None:
    amina.send("/health/jobs/reorder_alerts/pause")
    assert "paused" in amina.get("/health").text
    amina.send("/health/jobs/reorder_alerts/resume")
    assert not schedules.get("reorder_alerts").is_paused


@pytest.mark.parametrize(
    "job", ["debt_reminders", "reorder_alerts", "notification_cleanup", "mail_delivery", "backup", "books_check"]
)
def test_every_job_has_a_preview_that_writes_nothing(amina: Browser, job: str) -> None:
    before = outbox.counts(), len(job_runs.history())
    assert amina.get(f"/health/jobs/{job}/preview").status_code == 200
    assert (outbox.counts(), len(job_runs.history())) == before


def test_a_failed_run_shows_its_trace_folded_and_is_tried_again(amina: Browser) -> None:
    run = failed_run()
    assert "Try again" in amina.get(f"/health/runs/{run.id}").text
    answer = amina.send(f"/health/runs/{run.id}/retry")
    again = job_runs.active("books_check")
    assert answer.headers["Location"] == f"/health/runs/{again.id}"
    assert again.trigger == "retry"


def test_the_outbox_shows_a_mail_each_try_and_sends_it_again(amina: Browser, people: dict[str, int]) -> None:
    mail_to(people["amina"])
    (mail,) = outbox.claim("me")
    outbox.entering_data(mail, "3 debts overdue", "<p style='color:red'>pay</p>", "pay")
    outbox.hold(outbox.get(mail.id), "connection lost")
    listed = amina.get("/health/mail?state=unsure").text
    assert "3 debts overdue" in listed and "Unsure" in listed
    page = amina.get(f"/health/mail/{mail.id}").text
    assert "connection lost" in page and "Send again" in page
    body = amina.get(f"/health/mail/{mail.id}/body")
    assert "sandbox" in body.headers["Content-Security-Policy"]
    again = amina.send(f"/health/mail/{mail.id}/again")
    assert again.status_code == 303
    assert outbox.counts()["queued"] == 1


def test_a_waiting_mail_can_be_cancelled_a_sent_one_cannot(amina: Browser, people: dict[str, int]) -> None:
    mail = mail_to(people["amina"])
    amina.send(f"/health/mail/{mail.id}/cancel")
    assert outbox.get(mail.id).state == "cancelled"
    assert amina.send(f"/health/mail/{mail.id}/cancel").status_code == 422


def test_notices_are_listed_opened_and_marked_read(amina: Browser, people: dict[str, int]) -> None:
    notifications.tell_all("problem", [Notice("one", "The disk is full.", "/health"), Notice("two", "Mail waits.")])
    assert "2 unread" in amina.get("/notifications").text
    first, second = notifications.latest(people["amina"])
    opened = amina.send(f"/notifications/{second.id}/read")
    assert opened.headers["Location"] == "/health"
    assert notifications.standing(people["amina"]).unread == 1
    notifications.tell_all("problem", [Notice("three", "It came a second ago.")])
    amina.send("/notifications/read", newest=str(first.id))
    assert [n.message for n in notifications.latest(people["amina"], only_unread=True)] == ["It came a second ago."]


def test_nobody_reads_somebody_elses_notice(amina: Browser, juma: Browser, people: dict[str, int]) -> None:
    notifications.tell_all("problem", [Notice("one", "The disk is full.")])
    (notice,) = notifications.latest(people["amina"])
    assert juma.send(f"/notifications/{notice.id}/read").status_code == 404
    assert notifications.standing(people["amina"]).unread == 1
    assert "disk is full" not in juma.get("/notifications").text


def test_the_copies_are_listed_and_what_a_start_found_is_dismissed(amina: Browser, app: Flask) -> None:
    from tracker.ops import backups

    config = app.config["SHOP_CONFIG"]
    path = backups.back_up(config)
    assert path.name in amina.get("/health").text
    found = {"at": "2026-11-23T05:00:00.000Z", "took": "live", "sentence": "The folder was copied while it ran."}
    (config.data / "recovery.json").write_text(json.dumps(found), "utf-8")
    assert "The folder was copied while it ran." in amina.get("/health").text
    amina.send("/health/start/dismiss")
    assert "The folder was copied while it ran." not in amina.get("/health").text


def test_the_bell_counts_what_is_unread(amina: Browser, people: dict[str, int]) -> None:
    notifications.tell_all("problem", [Notice("one", "The disk is full.")])
    assert 'data-unread="1"' in amina.get("/bell").text


def test_the_lists_can_be_taken_away_as_files(amina: Browser, people: dict[str, int]) -> None:
    mail_to(people["amina"])
    notifications.tell_all("problem", [Notice("one", "=cmd|calc", "/health")])
    assert "amina@example.com" in amina.get("/health/mail?format=csv").text
    assert "'=cmd|calc" in amina.get("/notifications?format=csv").text
    assert amina.get("/notifications?format=xlsx").data[:2] == b"PK"


def test_the_page_asks_the_books_a_bounded_number_of_things(amina: Browser, statements: Any) -> None:
    amina.get("/health")
    with statements() as asked:
        amina.get("/health")
    few = len(asked)
    for _ in range(20):
        failed_run()
    assert clock.now()
    with statements() as asked:
        amina.get("/health")
    assert len(asked) <= few + 2
