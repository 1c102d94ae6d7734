"""Every page of the demo shop: accessible in both themes at two widths, no complaint, no other host. About 90 s.

The pages are those of the program's own list of addresses, with real numbers of the demo shop put in; an address that
nobody gave numbers here fails the test. There are no exceptions to the rules of accessibility.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import check_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NO_PAGES = {  # answers that are no page of ours: for programs, parts of a page, files, a mail's own text
    "/livez",
    "/healthz",
    "/bell",
    "/setup/derived",
    "/static/<path:filename>",
    "/imports/template/<kind>.csv",
    "/health/mail/<int:mail_id>/body",
}
ELSEWHERE = {  # closed once the shop is set up; or one-time links: the journeys open these
    "/setup",
    "/setup/code",
    "/setup/you",
    "/password/new",
    "/password/reset/<token>",
    "/welcome/<token>",
    "/users/<int:user_id>/link",
}
MORE = ("/debts?state=paid", "/debts?q=nothing-is-called-this", "/products?show=low", "/search?q=ch", "/nothing/here")
NARROW = 320
BUDGET, LATER = 430_000, 64_000  # bytes: the first load with all its parts; a later page


@pytest.fixture(scope="module")
def filled(demo: Any) -> dict[str, Any]:
    """The program's addresses, and real numbers to put into them; the shop has runs and mails to look at."""
    demo.commands.run("job", "books_check")
    demo.commands.run_python("from tracker.shop import accounts; accounts.forgot('wanjiru')")  # a mail to look at
    found = demo.commands.run_python(
        "from tracker.web import create_app; from tracker import db; import json;"
        "app = create_app(config.load());"
        "rules = [r.rule for r in app.url_map.iter_rules() if 'GET' in r.methods];"
        "one = lambda table, more='': db.rows(f'SELECT min(id) FROM {table} {more}')[0][0];"
        "print(json.dumps({'rules': rules, 'number': {'products': one('product', 'WHERE archived_at IS NULL'),"
        " 'suppliers': one('supplier'), 'debts': one('payable'), 'payments': one('payment'),"
        " 'accounts': one('cash_account'), 'entries': one('cash_entry')},"
        " 'run_id': one('job_run'), 'mail_id': one('mail'), 'user_id': one('user')}))"
    )
    return dict(json.loads(found))


def paths_of(filled: dict[str, Any]) -> list[str]:
    """One path for each address, several where an address has kinds."""
    paths = []
    for rule in sorted(set(filled["rules"]) - NO_PAGES - ELSEWHERE):
        path = rule
        if "<int:number>" in rule:
            noun = re.search(r"(\w+)/<int:number>", rule)
            assert noun
            path = rule.replace("<int:number>", str(filled["number"][noun[1]]))
        for name in ("run_id", "mail_id", "user_id"):
            path = path.replace(f"<int:{name}>", str(filled[name]))
        path = path.replace("<any(in, out, transfer):way>", "transfer").replace("<kind>", "debts")
        if "<job>" in path:
            paths += [path.replace("<job>", job) for job in ("debt_reminders", "reorder_alerts")]
        elif path == "/health/logs/<name>":
            paths.append("/health/logs/worker")
        elif path != "/imports/<name>":  # its name comes from an upload: see below
            paths.append(path)
    supplier = filled["number"]["suppliers"]
    return [*paths, *MORE, f"/payments/new?supplier={supplier}"]


def look_at(one: Any, url: str, paths: list[str], wanted: tuple[int, ...] = (200,)) -> list[str]:
    """What is wrong with these pages."""
    faults, seen = [], set()
    for path in paths:
        answer = one.page.goto(url + path)
        if answer.status not in wanted and path != "/nothing/here":
            faults.append(f"{path}: {answer.status}")
        if one.page.url in seen:  # some lead to another page
            continue
        seen.add(one.page.url)
        if answer.status >= 400:
            one.complaints.clear()  # Chromium itself names the status
        try:
            check_page(one)
            faults += [f"{path}: {fault}" for fault in narrow(one.page)]
        except AssertionError as error:
            faults.append(f"{path}: {str(error).split(chr(10) + 'assert ')[0]}")
        one.complaints.clear()
    assert len(seen) >= min(len(paths) - 4, 3)
    return faults


def narrow(page: Any) -> list[str]:
    """No sideways scrolling at 320 px, which is also 1280 px at four times the size."""
    page.set_viewport_size({"width": NARROW, "height": 700})
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{over} px wider than a screen of {NARROW} px"] if over > 0 else []


def test_every_address_has_a_page_to_look_at(filled):
    left = [path for path in paths_of(filled) if "<" in path]
    assert not left
    assert set(filled["rules"]) >= NO_PAGES | ELSEWHERE  # nothing stands in the lists that is gone


@pytest.mark.parametrize("part", [0, 1, 2])
def test_every_page_that_amina_may_open_is_accessible_and_clean(filled, demo, at, part):
    paths = paths_of(filled)[part::3]
    faults = look_at(at("/shortcuts"), demo.url, paths)
    assert not faults, "\n".join(faults)


def test_the_rows_of_a_file_are_looked_at_on_an_accessible_page(demo, at, tmp_path: Path):
    bad = tmp_path / "products.csv"
    bad.write_text("sku,name,price,on hand\n1,Chai,18,39\nN-1,New tea,4.50,12\nN-2,,x,3\n", encoding="utf-8")
    one = at("/imports?kind=products")
    one.page.locator("input[type=file]").set_input_files(bad)
    one.page.get_by_role("button", name="Look at the rows").click()
    one.page.get_by_text("can't come in").first.wait_for()
    check_page(one)
    assert not narrow(one.page)


def test_a_strangers_pages_are_accessible_and_clean(demo, open_page):
    one = open_page(demo.url + "/login")
    assert not look_at(one, demo.url, ["/login", "/password/forgot", "/login?next=/debts"])


def test_the_first_load_is_small_and_every_later_page_brings_little(demo, at, open_page):
    """A person's first load is the log-in page or, signed in, the morning page; what they bring is kept for a year."""
    for one in (open_page(demo.url + "/login"), at("/")):
        one.page.wait_for_load_state("networkidle")
        assert 250_000 < sum(sizes(one.page)) <= BUDGET
        assert one.hosts == {demo.url.removeprefix("http://")}
    for path in ("/products", "/debts", "/stock/low", "/health", "/settings"):
        with one.page.expect_response(demo.url + path) as answer:
            one.page.goto(demo.url + path)
        assert len(answer.value.body()) <= LATER, path
        one.page.wait_for_load_state("networkidle")
        asked_again = one.page.evaluate(
            "performance.getEntriesByType('resource').filter(r => r.transferSize > 0).map(r => r.name)"
        )
        assert asked_again == []


def sizes(page: Any) -> list[int]:
    """The bytes of the page and of all that it asked for, as they are when unpacked."""
    found = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".map(entry => entry.decodedBodySize)"
    )
    return list(found)
