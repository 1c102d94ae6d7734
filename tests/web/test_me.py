"""My account: name, address, password, theme, notices, devices. Budget: 6 s."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests import cast
from tests.shop.whole import books_as_text
from tracker.shop import sessions, users
from tracker.web.me import device
from tracker.web.security import login_cookie

NEW = "seven other words"


@pytest.fixture
def devices(app: Flask) -> list[Any]:
    """Two devices on which Juma is signed in."""
    cast.amina()
    juma = cast.juma()
    found = []
    for _ in range(2):
        client = app.test_client()
        client.set_cookie(
            login_cookie(app), sessions.start(juma.id, "192.168.1.30", "Chrome/1 Android"), domain="localhost"
        )
        found.append(client)
    return found


def juma() -> users.User:
    found = users.find("juma")
    assert found
    return found


def test_the_name_is_changed_without_a_password_the_address_with_it(devices: list[Any]) -> None:
    here, there = devices
    assert here.send("/me", name="Juma Hassan", email="").status_code == 303
    refused = here.send("/me", name="Juma Hassan", email="juma@shop.example")
    assert refused.status_code == 422 and 'id="current-error"' in refused.text
    assert here.send("/me", name="Juma Hassan", email="juma@shop.example", current="wrong wrong").status_code == 422
    assert juma().email is None
    assert here.send("/me", name="Juma Hassan", email="juma@shop.example", current=cast.PASSWORD).status_code == 303
    assert juma().email == "juma@shop.example"
    assert there.get("/me").status_code == 200


def test_nobody_gives_himself_a_role(devices: list[Any]) -> None:
    devices[0].send("/me", name="Juma", email="", role="admin", username="boss", is_active="1")
    assert (juma().role, juma().username) == ("cashier", "juma")


def test_a_new_password_needs_the_current_one_and_signs_other_devices_out(devices: list[Any]) -> None:
    here, there = devices
    good = {"current": cast.PASSWORD, "password": NEW, "again": NEW}
    for wrong in ({"current": "wrong wrong"}, {"again": "another thing"}, {"password": "short", "again": "short"}):
        assert here.send("/me/password", **{**good, **wrong}).status_code == 422
    assert users.log_in("juma", cast.PASSWORD)
    assert here.send("/me/password", **good).status_code == 303
    assert here.get("/me").status_code == 200
    assert there.get("/me").status_code == 303
    assert users.log_in("juma", NEW)
    assert NEW not in books_as_text()


def test_guessing_the_current_password_is_slowed_down(devices: list[Any]) -> None:
    for _ in range(4):
        answer = devices[0].send("/me/password", current="wrong wrong", password=NEW, again=NEW)
    assert "Too many tries" in answer.text


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_theme_is_the_person_s_on_every_device(devices: list[Any], theme: str) -> None:
    here, there = devices
    assert here.send("/me/theme", theme=theme).status_code == 303
    assert f'data-bs-theme="{theme}"' in there.get("/me").text
    assert here.send("/me/theme", theme="pink").status_code == 422


def test_the_devices_are_listed_and_can_be_signed_out(devices: list[Any]) -> None:
    here, there = devices
    page = here.get("/me").text
    assert page.count("Chrome on Android") == 2 and page.count("This device") == 1
    mine, other = (sessions.find(one.get_cookie("ft_session", domain="localhost").value) for one in devices)
    assert mine and other
    here.send(f"/me/sessions/{other.session_id}/end")
    assert there.get("/me").status_code == 303
    assert here.get("/me").status_code == 200


def test_signing_out_everywhere_else_keeps_this_device(devices: list[Any]) -> None:
    here, there = devices
    here.send("/me/sessions/end")
    assert (here.get("/me").status_code, there.get("/me").status_code) == (200, 303)


def test_nobody_ends_somebody_else_s_session(devices: list[Any]) -> None:
    amina = users.find("amina")
    assert amina
    token = sessions.start(amina.id)
    found = sessions.find(token)
    assert found
    devices[0].send(f"/me/sessions/{found.session_id}/end")
    assert sessions.find(token)


def test_notices_are_chosen_by_level_or_one_by_one(devices: list[Any]) -> None:
    here = devices[0]
    assert "Debts that are overdue" not in here.get("/me/notices").text, "a cashier may not see debts"
    here.send("/me/notices", notices="nothing")
    assert not any(users.wishes(juma(), "account"))
    here.send("/me/notices", notices="chosen", app_account="1", mail_low_stock_notification="1", app_debt_reminder="1")
    assert users.wishes(juma(), "account") == (True, False)
    assert users.wishes(juma(), "low_stock_notification") == (False, True)
    assert users.wishes(juma(), "debt_reminder") == (False, False)
    assert here.send("/me/notices", notices="sometimes").status_code == 422


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("<script>alert(1)</script>", "A browser"),
        ("", "A browser"),
    ],
)
def test_a_device_is_named_in_two_words(agent: str, words: str) -> None:
    assert device(agent) == words
