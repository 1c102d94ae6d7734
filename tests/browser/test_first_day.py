"""The first day: the program is started, the wizard answered; with and without scripts. About 35 s."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.running import PASSWORD, Running, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Running]:
    """The program on an empty data folder, started; nobody exists."""
    shop = running(tmp_path)
    shop.config.data.mkdir()
    try:
        shop.start()
        yield shop
    finally:
        shop.stop()


def answer_the_wizard(page, scripts: bool) -> None:
    """Steps 1 and 2, by keyboard; then the mail step, which the environment fixed, is tested."""
    page.get_by_role("heading", name="Your shop").wait_for()
    page.get_by_label("Name of the shop").fill("Mama Amina’s")
    page.get_by_label("Country").select_option(label="Kenya")
    if scripts:  # what follows from the country is shown at once
        page.locator("#derived").get_by_text("KES").wait_for()
    page.get_by_label("Name of the shop").press("Enter")
    page.get_by_role("heading", name="You, the owner").wait_for()
    assert "KES" in page.locator("main").inner_text() and "Nairobi" in page.locator("main").inner_text()
    page.get_by_label("Your name").fill("Amina")
    page.get_by_label("User name").fill("amina")
    page.get_by_label("E-mail").fill("amina@example.org")
    page.get_by_label("Password").fill("mango")
    page.get_by_role("button", name="Open the shop").click()
    page.locator(".wrong").get_by_role("link", name="10").wait_for()  # too short: what was typed stays
    assert page.get_by_label("E-mail").input_value() == "amina@example.org"
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Open the shop").click()
    page.get_by_role("heading", name="Does the mail arrive?").wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_wizard_leads_to_a_shop_that_can_mail(fresh, open_page, scripts):
    one = open_page(fresh.url, scripts=scripts)
    page = one.page
    answer_the_wizard(page, scripts)
    page.get_by_role("button", name="Send a test message").click()
    page.get_by_role("link", name="Go on").wait_for()
    assert fresh.mail("test_email")["To"] == "amina@example.org"
    page.get_by_role("link", name="Go on").click()
    if scripts:
        look_at_the_demo_shop(page)
    else:
        start_empty(page)
    assert not [words for words in one.complaints if "422" not in words]


def look_at_the_demo_shop(page):
    page.get_by_role("link", name="Look at a demo shop").click()
    page.get_by_role("button", name="Fill in the demo shop").click()
    page.get_by_text("This is a demo shop.").wait_for()
    page.locator(".brand").click()
    page.get_by_role("heading", name="To pay").wait_for()
    morning = page.locator("main").inner_text()
    assert "KES 1,690" in morning and "overdue, to 2 suppliers" in morning and "EL-2041, 3 days late" in morning
    assert "2 products" in morning and "16 ordered already" in morning
    page.get_by_role("link", name="Remove it").click()
    page.get_by_role("button", name="Remove the demo shop…").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove it").click()
    page.get_by_text("This is a demo shop.").wait_for(state="detached")
    page.locator(".brand").click()
    page.get_by_role("heading", name="First steps").wait_for()


def start_empty(page):
    page.get_by_role("link", name="Start empty").click()
    page.get_by_role("heading", name="The shop is open").wait_for()
    page.get_by_text("Every day at 08:00").wait_for()
    page.get_by_role("link", name="To the morning page").click()
    page.get_by_role("heading", name="Amina").wait_for()
    page.get_by_role("heading", name="First steps").wait_for()


def test_who_is_not_at_the_pc_needs_the_printed_code(fresh, open_page):
    assert len(fresh.code) == 6 and fresh.code.isdigit()
    one = open_page("about:blank")
    one.context.set_extra_http_headers({"X-Forwarded-For": "192.0.2.7"})  # not surely somebody at this PC
    page = one.page
    page.goto(fresh.url)
    page.wait_for_url("**/setup/code")
    field = page.get_by_role("textbox", name="Set-up code")
    field.fill("12345")
    field.press("Enter")
    page.locator(".field-error").get_by_text("not the code").wait_for()
    field.fill(f"{fresh.code[:3]} {fresh.code[3:]}")
    field.press("Enter")
    page.get_by_role("heading", name="Your shop").wait_for()
