"""Journeys through the whole program: supervisor, web, worker and a real mail server. About 40 s.

The demo shop is filled once for all of them; none of them needs what another did.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.running import text_of
from tests.jobs.real import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def unread(page: Any) -> int:
    return int(page.locator("#bell").get_attribute("data-unread"))


def test_a_reorder_alert_run_by_hand_rings_the_bell_and_arrives_by_mail(demo, at):
    one = at("/health")
    page = one.page
    before = unread(page)
    page.get_by_role("link", name="Send reorder alerts").click()
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile(r"/health/runs/\d+"))
    page.locator("#run .note-ok").wait_for()  # the page looks again by itself until the run is over
    mail = demo.mail("reorder_alert")
    assert mail["To"] == "Amina <amina@example.org>"
    assert {"Nord-Ost Matjeshering", "Outback Lager"} <= set(re.findall(r"[A-Z][\w-]+ [A-Z]\w+", text_of(mail)))

    page.goto(demo.url)
    page.goto(demo.url)
    assert unread(page) == before + 2 and page.title().startswith(f"({before + 2}) ")
    page.locator("#bell").click()
    notice = page.get_by_role("listitem").filter(has_text="Outback Lager is low: 15 left, level 30. Order 35")
    notice.get_by_role("button", name="Open").click()
    page.get_by_role("heading", name="Outback Lager").wait_for()
    assert unread(page) == before + 1
    page.goto(f"{demo.url}/health/mail")
    row = page.get_by_role("row").filter(has_text="Reorder alert")
    row.get_by_text("Sent").wait_for()
    row.get_by_role("link").click()
    assert "Outback Lager" in page.locator("pre.log").inner_text()
    assert not one.complaints


def test_a_job_is_run_without_scripts(demo, at):
    page = at("/health/jobs/debt_reminders", scripts=False).page
    page.get_by_role("link", name="Preview").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name="3 days late"))
    assert "1,250.00" in row.inner_text()  # as the shop writes money
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile(r"/health/runs/\d+"))
    text = text_of(demo.mail("debt_reminder"))
    assert "EL-2041" in text and "3 days late" in text
    wait_until(lambda: page.reload() and page.locator("#run .note-ok").count(), "the page says that it is done")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_hours_of_a_job_are_looked_at_saved_paused_and_taken_back(demo, at, scripts):
    job = "backup" if scripts else "books_check"
    one = at(f"/health/jobs/{job}", scripts=scripts)
    page = one.page
    page.get_by_label("On these days", exact=True).first.check()
    for day in ("Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"):
        page.get_by_label(day, exact=True).uncheck()
    page.get_by_label(re.compile("^At")).fill("07:30")
    page.get_by_role("button", name="Show the next runs").click()
    page.get_by_text("Nothing is saved yet.").wait_for()
    coming = page.locator(".split .plain-list li")
    assert coming.count() >= 3 and all(re.match(r"Monday .* 07:30$", line) for line in coming.all_inner_texts())
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Mondays at 07:30").wait_for()
    (row,) = [one for one in demo.commands.json("jobs") if one["name"] == job]
    assert row["schedule"] == "Mondays at 07:30"  # what the worker goes by

    page.get_by_role("button", name="Pause").click()
    page.locator(".split .pill").get_by_text("paused").wait_for()
    page.goto(f"{demo.url}/health")
    row = page.get_by_role("row").filter(has_text="Mondays at 07:30")
    assert "paused" in row.inner_text()
    row.get_by_role("link").first.click()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Back to default").click()
    page.get_by_role("heading", name="Every day at").wait_for()
    assert not one.complaints
