"""A clock that is set back or far ahead: nobody is locked out, nobody stays in, no page breaks (F14). Budget: 10 s."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from flask import Flask

from tests.cast import PASSWORD
from tests.security.walker import pages
from tests.web.conftest import Browser
from tracker import clock, db
from tracker.shop import accounts, books, sessions, throttle

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
JUMPS = {
    "ten minutes": timedelta(minutes=10),
    "a day": timedelta(days=1),
    "a year": timedelta(days=365),
    "past 2038": timedelta(days=12 * 365 + 60),
}


def sign_in(app: Flask) -> tuple[Browser, int]:
    client: Browser = app.test_client()  # type: ignore[assignment]
    code = client.send("/login", username="amina", password=PASSWORD).status_code
    return client, code


@pytest.mark.parametrize("way", [1, -1], ids=["ahead", "back"])
def test_after_the_clock_was_set_the_shop_can_be_opened_and_every_page_shown(
    app: Flask, shop: SimpleNamespace, way: int
) -> None:
    accounts.set_password(shop.people["amina"], PASSWORD)
    for words, jump in JUMPS.items():
        with clock.frozen(NOW + way * jump):
            client, code = sign_in(app)
            assert code == 303, f"{words}: {code}"
            if words == "past 2038":
                codes = {path: client.get(path).status_code for path in pages(app, shop)}
                assert not [path for path, code in codes.items() if code >= 500 and path != "/healthz"], words
                assert sum(code == 200 for code in codes.values()) > 30, "hardly a page was shown"
                entry = {"account": shop.till, "amount": "1", "note": "x", "moved_on": clock.today().isoformat()}
                assert client.send("/cash/in", **entry).status_code == 303, words
    assert books.verify() == []


def test_setting_the_clock_back_keeps_no_ended_session_alive_and_forward_ends_it(
    app: Flask, shop: SimpleNamespace
) -> None:
    with clock.frozen(NOW):
        token = sessions.start(shop.people["amina"])
        assert sessions.find(token)
    for jump in (timedelta(hours=13), timedelta(days=365)):
        with clock.frozen(NOW + jump):
            assert sessions.find(token) is None, "a session outlived its twelve hours"
    with clock.frozen(NOW):
        sessions.end_all(shop.people["amina"])
    for jump in (timedelta(0), timedelta(days=-400)):
        with clock.frozen(NOW + jump):
            assert sessions.find(token) is None, "an ended session came back with the old time"


def test_guesses_made_in_the_future_do_not_lock_the_owner_out(app: Flask, shop: SimpleNamespace) -> None:
    with clock.frozen(NOW + timedelta(days=365)):
        for _ in range(30):
            throttle.take(throttle.for_login("amina", "192.168.1.9"))
            throttle.take(throttle.for_login("amina", "127.0.0.1"))
    with clock.frozen(NOW):
        assert throttle.take(throttle.for_login("amina", "127.0.0.1")) <= 10
        waits = [throttle.take(throttle.for_login("amina", "192.168.1.9")) for _ in range(200)]
    assert max(waits) <= 60 and sum(wait == 0 for wait in waits) <= 10, "the clock opened the door to guessing"
    assert not [at for (at,) in db.rows("SELECT at FROM login_failure") if len(at) != 24]
