"""Signing in and out, cookies, forgotten passwords, one-time links, redirects. Budget: 15 s."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests import cast
from tests.shop.whole import books_as_text
from tracker import clock, db
from tracker.config import Config
from tracker.shop import accounts, links, outbox, sessions, settings, users
from tracker.web import create_app
from tracker.web.security import login_cookie

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NEW = "seven other words"


@pytest.fixture
def shop(app: Flask) -> Flask:
    """A shop that is set up, with Amina, and Juma at the till; both have a password."""
    cast.amina()
    cast.juma()
    return app


def log_in(
    client: Any, username: str = "amina", password: str = cast.PASSWORD, address: str = "/login", **more: Any
) -> Any:
    return client.post(address, data={"csrf_token": client.token, "username": username, "password": password}, **more)


def cookie(client: Any, app: Flask) -> str | None:
    found = client.get_cookie(login_cookie(app), domain="localhost")
    return found.value if found else None


def test_signing_in_and_out(shop: Flask) -> None:
    client = shop.test_client()
    assert client.get("/me").headers["Location"] == "/login?next=%2Fme"
    answer = log_in(client, address="/login?next=/me")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me")
    assert client.get("/me").status_code == 200
    kept = cookie(client, shop)
    assert client.send("/logout").headers["Location"] == "/login"
    assert client.get("/me").status_code == 303
    client.set_cookie(login_cookie(shop), str(kept), domain="localhost")
    assert client.get("/me").status_code == 303, "the old cookie must be worth nothing"


def test_the_cookie_is_kept_from_scripts_and_other_sites(shop: Flask) -> None:
    header = next(h for h in log_in(shop.test_client()).headers.getlist("Set-Cookie") if h.startswith("ft_session="))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(header.split("; "))
    assert "Secure" not in header and "Domain" not in header


def test_under_https_the_cookie_is_secure_and_bound_to_its_host(config: Config) -> None:
    app = create_app(dataclasses.replace(config, base_url="https://shop.example"))
    cast.amina()
    client = app.test_client()
    where = {"base_url": "https://shop.example"}
    token = re.search(r'csrf_token" value="([^"]+)"', client.get("/login", **where).text)
    assert token
    form = {"csrf_token": token[1], "username": "amina", "password": cast.PASSWORD}
    headers = client.post("/login", data=form, **where).headers.getlist("Set-Cookie")
    assert any(h.startswith("__Host-ft_session=") and "Secure" in h for h in headers)


def test_a_session_that_somebody_planted_is_not_taken_over(shop: Flask) -> None:
    client = shop.test_client()
    client.set_cookie(login_cookie(shop), "p" * 43, domain="localhost")
    log_in(client)
    assert cookie(client, shop) != "p" * 43
    first = cookie(client, shop)
    log_in(client)
    assert cookie(client, shop) != first
    assert sessions.find(str(first)) is None, "a second log-in ends the first session of this browser"


def test_the_flask_session_alone_signs_nobody_in(shop: Flask) -> None:
    client = shop.test_client()
    log_in(client)
    client.delete_cookie(login_cookie(shop), domain="localhost")
    assert client.get("/me").status_code == 303


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(shop: Flask) -> None:
    bodies = set()
    for username, password in (("amina", "wrong wrong wrong"), ("zawadi", "let-me-in-please-88")):
        answer = log_in(shop.test_client(), username, password)
        assert answer.status_code == 422
        bodies.add(
            re.sub(r'value="[^"]*"|content="[^"]*"|X-CSRFToken&#34;: &#34;[^&]*|hx-headers=\S+ \S+', "", answer.text)
        )
    assert len(bodies) == 1


def test_what_was_typed_as_a_password_never_comes_back(shop: Flask) -> None:
    answer = log_in(shop.test_client(), password="my other secret")
    assert "my other secret" not in answer.text
    assert "my other secret" not in books_as_text()


def test_after_too_many_tries_one_waits_also_with_the_right_password(shop: Flask) -> None:
    client = shop.test_client()
    away = {"environ_base": {"REMOTE_ADDR": "192.168.1.30"}}
    with clock.frozen(NOON):
        states = [log_in(client, password="wrong wrong", **away).status_code for _ in range(3)]
        assert states == [422, 422, 422]
        answer = log_in(client, **away)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0
        assert log_in(shop.test_client()).status_code == 303, "the owner at the PC gets in"
    with clock.frozen(NOON + timedelta(minutes=1)):
        assert log_in(client, **away).status_code == 303


def test_a_forwarded_address_does_not_make_somebody_the_person_at_the_pc(shop: Flask) -> None:
    client = shop.test_client()
    spoofed = {"headers": {"X-Forwarded-For": "127.0.0.1"}, "environ_base": {"REMOTE_ADDR": "192.168.1.30"}}
    with clock.frozen(NOON):
        assert [log_in(client, password="wrong wrong", **spoofed).status_code for _ in range(4)][-1] == 429
        assert log_in(client).status_code == 303


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "/%09/evil.example", "https:evil.example", "https://evil.example/",
     "/\t/evil.example", "javascript:alert(1)", "/x\r\nSet-Cookie: a=b", "evil", "", "/login?next=/x",
     "\\/evil.example"],
)  # fmt: skip
def test_after_the_log_in_one_stays_in_the_shop(shop: Flask, target: str) -> None:
    client = shop.test_client()
    form = {"csrf_token": client.token, "username": "amina", "password": cast.PASSWORD}
    answer = client.post("/login", query_string={"next": target}, data=form)
    assert answer.status_code == 303
    assert re.fullmatch(r"/([^/\\\s][^\\\s]*)?", answer.headers["Location"])
    assert "a=b" not in str(answer.headers)


def test_htmx_is_told_where_to_sign_in(shop: Flask) -> None:
    answer = shop.test_client().get("/bell", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login?next=")


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(shop: Flask) -> None:
    client = shop.test_client()
    with clock.frozen(NOON):
        log_in(client)
    for minutes in (20, 40):
        with clock.frozen(NOON + timedelta(minutes=minutes)):
            assert client.get("/bell", headers={"X-Poll": "1"}).status_code == 200
    with clock.frozen(NOON + timedelta(minutes=61)):
        assert client.get("/bell", headers={"X-Poll": "1"}).status_code == 303


def test_clicking_keeps_one_signed_in_for_twelve_hours(shop: Flask) -> None:
    client = shop.test_client()
    with clock.frozen(NOON):
        log_in(client)
    for minutes in range(50, 12 * 60, 50):
        with clock.frozen(NOON + timedelta(minutes=minutes)):
            assert client.get("/bell").status_code == 200
    with clock.frozen(NOON + timedelta(hours=12)):
        assert client.get("/bell").status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        lambda u: users.disable(u.id),
        lambda u: users.edit(u.id, role="viewer"),
        lambda u: accounts.set_password(u.id, NEW),
    ],
    ids=["disable", "role", "password"],
)
def test_a_replayed_cookie_is_refused_after_a_change(shop: Flask, change: Any) -> None:
    client = shop.test_client()
    log_in(client, "juma")
    assert client.get("/me").status_code == 200
    juma = users.find("juma")
    change(juma)
    assert client.get("/me").status_code == 303


# --- forgotten -------------------------------------------------------------------------------------------------------


@pytest.fixture
def mailing(shop: Flask) -> Flask:
    settings.change(smtp_host="smtp.shop.example", smtp_from="shop@shop.example", base_url="http://192.168.1.20:8000")
    return shop


def test_asking_for_a_link_gives_the_same_answer_whoever_is_asked_for(mailing: Flask) -> None:
    bodies = set()
    for name in ("amina", "zawadi", "juma", "nobody@shop.example"):
        answer = mailing.test_client().send("/password/forgot", username=name)
        assert answer.status_code == 200
        bodies.add(re.sub(r"hx-headers='[^']*'", "", answer.text))
    assert len(bodies) == 1
    assert [mail.to_address for mail in outbox.listing()] == ["amina@shop.example"]


def test_the_same_number_of_statements_writes_for_known_and_unknown_names(mailing: Flask, statements: Any) -> None:
    counted = {}
    for name in ("amina", "zawadi"):
        with statements() as asked:
            mailing.test_client().send("/password/forgot", username=name)
        counted[name] = sum(sql.startswith("BEGIN IMMEDIATE") for sql in asked)
    assert counted["amina"] == counted["zawadi"]


def test_the_link_of_a_mail_never_begins_with_what_the_request_said(mailing: Flask) -> None:
    client = mailing.test_client()
    token = client.token
    evil = client.post(
        "/password/forgot", data={"csrf_token": token, "username": "amina"}, base_url="http://evil.example"
    )
    assert evil.status_code == 400
    assert outbox.listing() == []
    client.post(
        "/password/forgot", data={"csrf_token": token, "username": "amina"}, headers={"X-Forwarded-Host": "evil"}
    )
    assert links.url(outbox.listing()[0].facts["link_id"]).startswith("http://192.168.1.20:8000/password/reset/")


def test_asking_again_and_again_is_slowed_down(mailing: Flask) -> None:
    client = mailing.test_client()
    with clock.frozen(NOON):
        states = [client.send("/password/forgot", username="amina").status_code for _ in range(6)]
    assert states == [200, 200, 200, 429, 429, 429]


def test_a_mailed_link_sets_a_password_once_and_its_token_leaves_the_address(mailing: Flask) -> None:
    client = mailing.test_client()
    old = mailing.test_client()
    log_in(old)
    client.send("/password/forgot", username="amina")
    path = links.url(outbox.listing()[0].facts["link_id"]).removeprefix("http://192.168.1.20:8000")
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/password/new")
    client.get(path)  # a mail scanner follows links: that must not use it up
    assert path.rpartition("/")[2] not in client.get("/password/new").text
    assert client.send("/password/new", password=NEW, again="something else").status_code == 422
    assert client.send("/password/new", password="short", again="short").status_code == 422
    done = client.send("/password/new", password=NEW, again=NEW)
    assert (done.status_code, done.headers["Location"]) == (303, "/login")
    assert old.get("/me").status_code == 303, "everybody is signed out"
    client.get(path)
    assert client.get("/password/new").status_code == 404
    assert client.send("/password/new", password=NEW, again=NEW).status_code == 404
    assert log_in(client, password=NEW).status_code == 303


def test_a_new_person_chooses_a_password_and_is_signed_in(shop: Flask) -> None:
    user, _ = accounts.invite("vera", "Vera", "viewer")
    link = links.live(user.id, links.NEW_ACCOUNT)
    assert link
    client = shop.test_client()
    client.get(f"/welcome/{links.token(link)}")
    assert "Vera" in client.get("/password/new").text
    answer = client.send("/password/new", password=NEW, again=NEW)
    assert answer.headers["Location"] == "/"
    assert client.get("/me").status_code == 200


@pytest.mark.parametrize("path", ["/password/reset/", "/welcome/"])
def test_a_made_up_link_says_that_it_no_longer_works(shop: Flask, path: str) -> None:
    client = shop.test_client()
    client.get(f"{path}{'x' * 43}")
    assert client.get("/password/new").status_code == 404


def test_looking_at_the_pages_of_the_log_in_changes_nothing(shop: Flask) -> None:
    before = books_as_text()
    client = shop.test_client()
    for path in ("/login", "/logout", "/password/forgot", f"/password/reset/{'x' * 43}", "/password/new"):
        client.get(path)
    assert books_as_text() == before
    assert db.rows("PRAGMA foreign_key_check") == []
