"""Paying, receiving, and what a form says when it is wrong: by mouse, by keyboard and without scripts. About 25 s.

The step budgets are held here: a debt is paid in at most 4 clicks, goods come in with at most 6 fields.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.people import Clicks, said

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(
    ("supplier", "amount", "scripts"),
    [("Plutzer Lebensmittelgroßmärkte AG", "415.00", True), ("Pavlova, Ltd.", "890.00", False)],
)
def test_a_debt_is_paid_in_at_most_four_clicks(at, supplier, amount, scripts):
    one, click = at("/debts", scripts=scripts), Clicks()
    page = one.page
    group = page.get_by_role("row").filter(has_text=supplier)
    assert amount in group.first.inner_text()
    click(page.get_by_role("link", name=f"Pay {supplier}"))
    assert page.get_by_label(re.compile("^Amount")).input_value() == amount  # what is owed is there already
    click(page.get_by_role("button", name="Record the payment"))
    said(page, f"KES {amount}")
    assert click.number <= 4
    page.goto(page.url.split("/payments")[0].split("/debts")[0] + "/debts")
    assert page.get_by_role("link", name=f"Pay {supplier}").count() == 0
    assert not one.complaints


def test_a_part_of_a_debt_is_paid_by_keyboard(at):
    page = at("/debts").page
    page.get_by_role("link", name="Pay Gai pâturage").or_(page.get_by_role("link", name="Pay Grandma")).first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Pay ").wait_for()
    assert page.evaluate("document.activeElement.name") == "amount"
    page.keyboard.press("Control+A")
    page.keyboard.type("140.50")
    page.keyboard.press("Enter")
    said(page, "140.50")
    page.goto(re.sub(r"(//[^/]+)/.*", r"\1/debts", page.url))
    page.get_by_role("row").filter(has_text="GK-311").get_by_text("140.50 paid").wait_for()


def test_a_double_click_books_once(at):
    one = at("/debts/new")
    page = one.page
    page.get_by_label("Supplier").select_option(label="Tokyo Traders")
    page.get_by_label("Invoice number").fill("TWICE-1")
    page.get_by_label(re.compile("^Amount")).fill("75")
    page.get_by_role("button", name="Book the debt").dblclick()
    said(page, "KES 75.00 is booked")
    page.goto(re.sub(r"(//[^/]+)/.*", r"\1/debts?q=TWICE-1", page.url))
    assert page.get_by_role("link", name="TWICE-1", exact=True).count() == 1


def test_the_same_form_from_two_requests_is_booked_once(at):
    """Without scripts nothing stops the second click: the server does."""
    page = at("/products", scripts=False).page
    page.get_by_role("link", name="Chai", exact=True).click()
    page.get_by_role("link", name="Receive goods").click()
    page.get_by_label("How many came").fill("7")
    fields = page.locator("form.form").evaluate("form => [...new FormData(form).entries()]")
    address = page.locator("form.form").evaluate("form => form.action || location.href")
    for _ in range(2):
        answer = page.request.post(address, form=dict(fields), headers={"Origin": page.url.split("/products")[0]})
        assert answer.ok
    page.goto(page.url.removesuffix("/receive"))
    assert page.get_by_role("cell", name="+7", exact=True).count() == 1
    page.get_by_text("46 ").first.wait_for()


def filled(page: Any) -> int:
    """How many fields a person sees in the form."""
    return page.locator("form.form").locator("input:visible, select:visible, textarea:visible").count()


def test_goods_come_in_with_at_most_six_fields(at):
    one = at("/stock/low")
    page = one.page
    page.get_by_role("link", name="Gorgonzola Telino").click()
    page.get_by_text("Sold out.").wait_for()
    page.get_by_role("link", name="Receive goods").click()
    assert 1 <= filled(page) <= 6
    assert page.evaluate("document.activeElement.name") == "quantity"
    page.keyboard.type("70")
    page.keyboard.press("Enter")
    said(page, "Received: 70 × Gorgonzola Telino.")
    assert page.get_by_text("Sold out.").count() == 0
    page.get_by_role("cell", name="+70").wait_for()
    assert not one.complaints


def test_a_wrong_form_says_so_at_its_field_and_keeps_what_was_typed(at):
    one = at("/debts/new")
    page = one.page
    page.get_by_label("Supplier").select_option(label="Tokyo Traders")
    page.get_by_label("Invoice number").fill("WRONG-1")
    page.get_by_label(re.compile("^Amount")).fill("12,5o")
    with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
        page.get_by_role("button", name="Book the debt").click()
    assert sent.value.status == 422
    amount = page.get_by_label(re.compile("^Amount"))
    assert amount.input_value() == "12,5o" and amount.get_attribute("aria-invalid") == "true"
    assert page.get_by_label("Invoice number").input_value() == "WRONG-1"
    assert page.get_by_label("Supplier").locator("option:checked").inner_text() == "Tokyo Traders"
    page.locator(".wrong").get_by_role("link").click()
    assert page.evaluate("document.activeElement.name") == "amount"
    page.locator("#amount-error").wait_for()


def test_a_typed_form_is_not_left_by_accident(at):
    page = at("/debts/new").page
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_label("Invoice number").fill("HALF-DONE")
    page.get_by_role("link", name="Products").first.click()
    page.wait_for_function("() => true")
    assert asked == ["beforeunload"] and page.url.endswith("/debts/new")
