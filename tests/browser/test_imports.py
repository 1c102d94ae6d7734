"""Bringing in a shop from files in Chromium, with and without scripts; clean in both themes, PC and phone. 30 s."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import Visit, check_page
from tracker import db
from tracker.shop import demo

pytestmark = pytest.mark.browser


def bring(page: Visit, file: Path) -> None:
    page.page.set_input_files("input[type=file]", str(file))
    page.page.click("text=Look at the rows")
    page.page.wait_for_selector("text=Nothing is booked yet.")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_northwind_comes_in_by_the_mouse(visit: Callable[..., Visit], scripts: bool) -> None:
    for kind, where in (("categories", "products"), ("suppliers", "suppliers"), ("products", "products")):
        page = visit("amina", f"/imports?kind={kind}", scripts=scripts)
        bring(page, demo.FOLDER / f"{kind}.csv")
        page.page.click("text=Book it")
        page.page.wait_for_url(f"**/{where}")
    assert db.rows("SELECT COUNT(*), SUM(archived_at IS NOT NULL) FROM product") == [(77, 8)]


def test_the_pages_are_clean(visit: Callable[..., Visit], tmp_path: Path) -> None:
    check_page(visit("amina", "/imports?kind=products"))
    page = visit("amina", "/imports?kind=products")
    (tmp_path / "goods.csv").write_text("sku,name,supplier,price\nA,Chai,Nobody,ten\nB,Chang,,19\n", encoding="utf-8")
    bring(page, tmp_path / "goods.csv")
    page.page.click("summary:has-text('Which column')")
    check_page(page)
    check_page(visit("amina", "/demo"))


def test_the_demo_shop_is_two_clicks_away_and_three_from_gone(visit: Callable[..., Visit]) -> None:
    page = visit("amina", "/demo")
    page.page.click("text=Fill in the demo shop")
    page.page.click("a:has-text('Remove it')")  # the banner's
    check_page(page)
    page.page.click("text=Remove the demo shop…")
    page.page.click("dialog button:has-text('Remove it')")
    page.page.wait_for_url("**/products")
    assert db.rows("SELECT COUNT(*) FROM product") == [(0,)]
