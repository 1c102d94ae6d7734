"""A forgotten password, an invited cashier, signing out everywhere, a log-in that ends too early. About 40 s."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from tests.browser.people import said, sign_in
from tests.browser.running import PASSWORD, text_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NEW_PASSWORD = "a parasol for every goat"
COST = "14.70"  # of Queso Cabrales, which sells at 21.00


def add(demo, name: str) -> None:
    """A manager of this test's own, with an address and the usual password."""
    demo.commands.run_python(
        "from tracker.shop import passwords, users;"
        f"who = users.add({name!r}, {name.title()!r}, 'manager', '{name}@example.org');"
        f"users.store_password(who.id, passwords.hashed({PASSWORD!r}))"
    )


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_forgotten_password_is_chosen_anew_by_mail_and_ends_the_old_log_in(demo, open_page, scripts):
    name = "kamau" if scripts else "otieno"
    add(demo, name)
    old = open_page(f"{demo.url}/login", scripts=scripts).page
    sign_in(old, name)
    page = open_page(f"{demo.url}/login", scripts=scripts).page
    page.get_by_role("link", name="I forgot my password").click()
    page.get_by_label("User name").fill(name)
    page.get_by_role("button", name="Mail me a link").click()
    page.get_by_role("heading", name="Look at your mail").wait_for()
    mail = demo.mail("reset_password", to=f"{name}@example.org")
    link = re.search(r"http://\S+/password/reset/\S+", text_of(mail))
    assert link and PASSWORD not in text_of(mail)
    page.goto(link[0])
    assert "reset" not in page.url  # the token leaves the address at once
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("The same once more").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    sign_in(page, name, NEW_PASSWORD)
    page.get_by_role("heading", name=name.title()).wait_for()

    old.reload()
    old.get_by_role("heading", name="Sign in").wait_for()  # whoever was signed in with the old one is out
    page.goto(link[0])
    page.get_by_role("heading", name="This link no longer works").wait_for()


def test_a_cashier_is_invited_by_a_link_and_sees_no_cost_anywhere(demo, at, open_page):
    page = at("/users/new").page
    page.get_by_label("Name", exact=False).first.fill("Juma")
    page.get_by_label("User name").fill("juma")
    page.get_by_label(re.compile("^Cashier")).check()
    page.get_by_role("button", name="Add").or_(page.locator("main form button.btn-primary")).first.click()
    link = page.locator(".long-link").inner_text()
    assert page.get_by_role("img", name="QR code").is_visible()

    one = open_page(link, width=360, height=740)
    page = one.page
    page.get_by_role("heading", name="Welcome, Juma").wait_for()
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_label("The same once more").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Save the password").click()
    said(page, "Welcome, Juma")

    seen = walk(page, demo.url)
    assert any("Queso Cabrales" in html for html in seen.values())
    assert len(seen) > 15
    told = {
        path: COST in html or bool(re.search(r"\bcosts?\b|worth KES|profit", words(html)))
        for path, html in seen.items()
    }
    assert not [path for path, tells in told.items() if tells]
    for path in ("/debts", "/cash", "/payments", "/settings", "/users"):
        assert page.request.get(demo.url + path).status == 403
    assert not one.complaints


def words(html: str) -> str:
    """What a page says, without its tags, scripts and the catalogue of settings."""
    return re.sub(r"<[^>]+>", " ", html)


def walk(page, url: str, most: int = 45) -> dict[str, str]:
    """Every page that can be reached by links, one of each kind more or less, as {path: HTML}."""
    seen: dict[str, str] = {}
    ahead = ["/", "/products?q=queso", "/products?format=csv", "/search?q=queso"]
    while ahead and len(seen) < most:
        path = ahead.pop(0)
        if path in seen:
            continue
        answer = page.request.get(url + path)
        if answer.status == 200:
            seen[path] = answer.text()
            found = re.findall(r'href="(/[^"#]*)"', seen[path])
            ahead += [
                link.replace("&amp;", "&") for link in found if not link.startswith("/static") and link not in ahead
            ]
        else:
            assert answer.status in (403, 404) or path == "/logout", f"{path}: {answer.status}"
    return seen


def test_signing_out_everywhere_else_leaves_only_this_device(demo, open_page):
    add(demo, "njeri")
    phone = open_page(f"{demo.url}/login", width=360, height=740).page
    sign_in(phone, "njeri")
    page = open_page(f"{demo.url}/login").page
    sign_in(page, "njeri")
    page.goto(f"{demo.url}/me")
    page.get_by_role("button", name="Sign out everywhere else").click()
    said(page, "1 other device is signed out.")
    phone.reload()
    phone.get_by_role("heading", name="Sign in").wait_for()
    page.reload()
    page.get_by_role("heading", name="My account").wait_for()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_what_was_typed_comes_back_when_the_log_in_ended_meanwhile(demo, at, open_page, scripts):
    name = "wafula" if scripts else "akinyi"
    add(demo, name)
    page = open_page(f"{demo.url}/login?next=/suppliers/new", scripts=scripts).page
    sign_in(page, name)
    supplier = page.get_by_label(re.compile("^(Supplier n|N)ame"))
    supplier.fill(f"Shamba of {name}")
    page.get_by_label("Phone").fill("+254 700 111 222")

    boss = at("/users").page
    boss.get_by_role("link", name=name.title()).click()
    boss.get_by_role("button", name="Sign out everywhere").click()
    said(boss, "is signed out everywhere")

    page.locator("main form.form button.btn-primary").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    sign_in(page, name)
    said(page, "What you typed is here again")
    assert supplier.input_value() == f"Shamba of {name}"
    assert page.get_by_label("Phone").input_value() == "+254 700 111 222"
    page.locator("main form.form button.btn-primary").click()
    page.get_by_role("heading", name=f"Shamba of {name}").wait_for()
    assert urlsplit(page.url).path.startswith("/suppliers/")
