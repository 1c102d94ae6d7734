"""Journeys through the whole program: supervisor, web, worker and a real mail server. About 40 s.

The demo shop is filled once for all of them; none of them needs what another did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.people import sign_in
from tests.browser.running import Running, running, text_of
from tests.jobs.real import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Amina's shop in Kenya with the demo shop's goods and debts, running."""
    shop = running(tmp_path_factory.mktemp("demo"))
    try:
        shop.set_up()
        shop.start()
        yield shop
    finally:
        shop.stop()


@pytest.fixture
def at(demo: Running, open_page: Callable[..., Visit]) -> Callable[..., Visit]:
    """`at("/health")`: Amina signs in at a browser of her own and lands on that page."""

    def go(path: str, **how: Any) -> Visit:
        one = open_page(f"{demo.url}/login?next={path}", **how)
        sign_in(one.page)
        one.page.wait_for_url(demo.url + path)
        return one

    return go


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
    page.get_by_role("cell", name="3 days late").wait_for()
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile(r"/health/runs/\d+"))
    text = text_of(demo.mail("debt_reminder"))
    assert "EL-2041" in text and "3 days late" in text
    wait_until(lambda: page.reload() and page.locator("#run .note-ok").count(), "the page says that it is done")
