"""Every page of the program in a real Chromium: accessible, no complaint, nothing from another host. About 70 s.

The pages of a new shop; what they look like with rows in them is for each page's own tests and for the journeys.
"""

from __future__ import annotations

import pytest

from tests.browser.conftest import TWO_LOOKS, check_page

pytestmark = pytest.mark.browser
NO_PAGES = {"/livez", "/healthz", "/bell"}
NOT_THERE_NOW = {"/password/new"}  # needs the link of a mail


def pages_of(shop) -> list[str]:
    rules = shop.app.url_map.iter_rules()
    plain = {rule.rule for rule in rules if "GET" in rule.methods and not rule.arguments}
    return sorted(path for path in plain - NO_PAGES if not path.startswith("/static"))


def test_every_page_that_amina_may_open_is_accessible_and_clean(visit, shop):
    one, faults, seen = visit("amina", "/shortcuts"), [], set()
    for path in pages_of(shop):
        answer = one.page.goto(shop.url + path)
        if path in NOT_THERE_NOW:
            assert answer.status == 404
            one.complaints.clear()  # Chromium names the 404 itself
            continue
        landed = one.page.url
        if answer.status != 200:
            faults.append(f"{path}: {answer.status}")
        elif landed not in seen:  # some lead to another page
            seen.add(landed)
            try:
                check_page(one, looks=TWO_LOOKS)
            except AssertionError as error:
                faults.append(f"{path}: {str(error).split(chr(10) + 'assert ')[0]}")
        one.complaints.clear()
    assert not faults, "\n".join(faults)
    assert len(seen) > 20


def test_a_strangers_pages_are_accessible_and_clean(visit):
    for path in ("/login", "/password/forgot", "/nothing/here"):
        one = visit("zawadi", path)
        one.complaints[:] = [complaint for complaint in one.complaints if "404" not in complaint]
        check_page(one, looks=TWO_LOOKS)
