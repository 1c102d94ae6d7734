"""Getting around: search, shortcuts, the theme, a phone's width. About 15 s."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_ctrl_k_finds_a_product_a_supplier_and_a_page_by_keyboard(demo, at):
    one = at("/")
    page = one.page
    for typed, wanted, heading in (("chang", "Chang", "Chang"), ("tokyo", "Tokyo Traders", "Tokyo Traders")):
        page.keyboard.press("Control+k")
        page.keyboard.type(typed)
        page.locator(f"#find-results[data-shown={typed}] a").filter(has_text=wanted).first.wait_for()
        page.keyboard.press("ArrowDown")
        page.locator("#find-results a.is-at").wait_for()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=heading, exact=False).first.wait_for()
    page.keyboard.press("Control+k")
    page.keyboard.type("out")
    page.locator("#find-results a").filter(has_text="Outback Lager").wait_for()
    page.keyboard.press("Escape")
    page.locator("#find-results").wait_for(state="hidden")
    assert not one.complaints


def test_the_keys_lead_to_the_pages(demo, at):
    page = at("/").page
    page.keyboard.press("?")
    page.get_by_role("heading", name="Shortcuts").wait_for()
    for key, heading in (("d", "Debts"), ("l", "Low stock"), ("p", "Products"), ("h", "Health")):
        page.keyboard.press("g", delay=80)  # a person; two keys within 35 ms are a scanner
        page.keyboard.press(key)
        page.get_by_role("heading", name=heading, exact=False, level=1).wait_for()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.press("Escape")
    page.goto(f"{demo.url}/products")
    page.keyboard.press("n")
    page.get_by_role("heading", name="New product").wait_for()


def test_the_search_works_without_scripts(demo, at):
    page = at("/", scripts=False).page
    page.get_by_label("Search everything").fill("chartreuse")
    page.get_by_label("Search everything").press("Enter")
    page.locator("main").get_by_role("link", name="Chartreuse verte").click()
    page.get_by_role("heading", name="Chartreuse verte").wait_for()


def test_the_skip_link_is_the_first_stop_and_leads_to_the_content(demo, at):
    page = at("/debts").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_the_theme_is_kept(demo, at, scripts):
    page = at("/health", name="wanjiru", scripts=scripts).page
    for label, theme in (("Dark", "dark"), ("Light", "light")):
        page.locator(".side-person").click()
        page.get_by_role("button", name=label, exact=True).click()
        page.locator(f"html[data-bs-theme={theme}]").wait_for()
        assert page.url == f"{demo.url}/health"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(246, 246, 243)"


def test_on_a_phone_there_is_a_bottom_bar_a_menu_and_rows_are_cards(demo, at):
    one = at("/debts", width=360, height=740)
    page = one.page
    bar = page.get_by_role("navigation", name="Main pages")
    box = bar.bounding_box()
    assert box and round(box["y"] + box["height"]) == 740 and box["width"] == 360
    assert not page.locator("#menu").is_visible()
    assert (
        not page.get_by_role("columnheader", name="Left to pay").is_visible()
        or page.locator("thead").bounding_box()["width"] <= 1
    )
    row = page.get_by_role("row").filter(has_text="LT-0093").bounding_box()
    assert row and row["width"] > 300 and row["height"] > 80  # a card, its cells under each other
    bar.get_by_role("button", name="More").click()
    side = page.locator("#menu")
    side.wait_for()
    side.get_by_role("link", name="Suppliers").click()
    page.get_by_role("heading", name="Suppliers").wait_for()
    assert not page.locator("#menu").is_visible()
    assert not one.complaints
