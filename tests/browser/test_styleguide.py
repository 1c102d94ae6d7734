"""The style guide in a real Chromium: every part, both themes, two widths, with and without scripts. About 20 s."""

from __future__ import annotations

import pytest

from tests.browser.conftest import check_page
from tracker import db
from tracker.shop import notifications

pytestmark = pytest.mark.browser


def test_every_part_of_the_look_is_accessible_in_both_themes_and_on_a_phone(visit):
    check_page(visit("amina", "/styleguide"), pictures="styleguide")


def test_the_menu_opens_on_a_phone_without_scripts(visit):
    page = visit("amina", "/styleguide", scripts=False, width=360, height=740).page
    side = page.locator("#menu")
    assert not side.is_visible()
    page.get_by_role("button", name="More", exact=True).click()
    assert side.is_visible()


def test_a_dialog_names_the_thing_and_holds_the_focus_until_escape(visit):
    one = visit("amina", "/styleguide")
    page = one.page
    page.get_by_role("button", name="Void…").click()
    dialog = page.get_by_role("dialog", name="Void payment 12?")
    assert dialog.is_visible()
    assert page.evaluate("document.querySelector('#void-dialog').matches(':modal')")
    check_page(one, pictures="dialog")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_the_slash_leads_to_the_search_and_it_finds_pages(visit):
    page = visit("amina", "/shortcuts").page
    page.keyboard.press("/")
    page.keyboard.type("short")
    page.locator("#find-results .hits-none, #find-results .hits a").first.wait_for()
    assert page.evaluate("document.activeElement.id") == "find"


def test_a_scan_outside_of_fields_is_looked_up(visit):
    one = visit("amina", "/shortcuts")
    one.page.evaluate("document.activeElement.blur()")
    one.page.evaluate(
        "for (const key of [...'5449000000996', 'Enter'])"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}))"
    )
    one.page.wait_for_url("**/search?q=5449000000996")


def test_a_form_that_was_sent_with_scripts_is_sent_once(visit):
    page = visit("amina", "/styleguide").page
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.locator("#b-name").fill("Milk")
    with page.expect_navigation():
        page.evaluate(
            "() => { const form = document.querySelector('#b-name').form; form.requestSubmit(); form.requestSubmit(); }"
        )
    assert len(sent) == 1


def test_a_list_is_searched_while_typing_and_its_address_says_so(visit):
    one = visit("amina", "/styleguide?state=overdue")
    page = one.page
    page.get_by_label("Search this list").fill("kimani")
    page.locator("#list .chip", has_text="kimani").wait_for()
    assert page.url.endswith("/styleguide?state=overdue&q=kimani")
    assert page.locator("#list").count() == 1 and page.locator("h1").count() == 1
    assert one.complaints == []


def test_a_list_is_searched_without_scripts(visit):
    page = visit("amina", "/styleguide?state=overdue", scripts=False).page
    page.get_by_label("Search this list").fill("kimani")
    page.locator(".toolbar-find").get_by_role("button", name="Search").click()
    page.wait_for_url("**/styleguide?state=overdue&q=kimani")
    assert page.locator("#list .chip").count() == 2


def test_the_bell_is_asked_again_and_the_title_follows(visit, shop):
    page = visit("amina", "/shortcuts").page
    page.evaluate("document.getElementById('bell').dataset.poll = '0.5'")
    with db.write():
        notifications.write(shop.people["amina"], "problem", [notifications.Notice("disk", "The disk is nearly full.")])
    page.locator('#bell[data-unread="1"]').wait_for()
    assert page.title().startswith("(1) Shortcuts")


def test_the_theme_is_chosen_in_the_menu_and_stays(visit):
    page = visit("amina", "/shortcuts").page
    page.locator(".side-person").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    page.wait_for_selector("html[data-bs-theme=dark]")
    assert page.url.endswith("/shortcuts")


def test_the_first_load_is_small_and_asks_no_other_host(visit):
    one = visit("amina", "/shortcuts")
    one.page.wait_for_load_state("networkidle")
    sizes = one.page.evaluate(
        "performance.getEntriesByType('resource').map(r => r.decodedBodySize)"
        ".concat(performance.getEntriesByType('navigation').map(n => n.decodedBodySize))"
    )
    assert 300_000 < sum(sizes) <= 430_000
    assert len(one.hosts) == 1
