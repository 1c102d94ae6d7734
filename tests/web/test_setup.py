"""The first start: from nobody to a shop, by one person only. Budget: 10 s."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests import cast
from tracker import clock, files
from tracker.ops import setup_code
from tracker.shop import settings, users

PHONE = {"environ_base": {"REMOTE_ADDR": "192.168.1.30"}}
SHOP = {"shop_name": "Duka la Amina", "country": "KE"}
YOU = {"name": "Amina", "username": "amina", "password": cast.PASSWORD}


def send(client: Any, path: str, fields: dict[str, str], **more: Any) -> Any:
    page = client.get(path if client.get(path, **more).status_code == 200 else "/setup/code", **more).text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    return client.post(path, data={"csrf_token": token, **fields}, **more)


def test_while_nobody_exists_every_page_leads_to_the_set_up(app: Flask) -> None:
    client = app.test_client()
    for path in ("/", "/login", "/users", "/settings", "/no/such/page", "/password/forgot"):
        assert client.get(path).headers["Location"] == "/setup", path
    assert client.get("/livez").status_code == 200


def test_five_steps_at_the_pc_make_a_shop(app: Flask) -> None:
    client = app.test_client()
    assert send(client, "/setup", SHOP).headers["Location"] == "/setup/you"
    assert "Kenya: KES, Africa/Nairobi" in client.get("/setup/you").text
    assert send(client, "/setup/you", YOU).headers["Location"] == "/setup/mail"
    for path in ("/setup/mail", "/setup/products", "/setup/done", "/me"):
        assert client.get(path).status_code == 200, path
    assert settings.load().shop_name == "Duka la Amina"
    assert [one.role for one in users.everybody()] == ["admin"]


def test_what_is_wrong_stands_at_its_field_and_nothing_is_made(app: Flask) -> None:
    client = app.test_client()
    assert send(client, "/setup", {"shop_name": "", "country": "XX"}).status_code == 422
    send(client, "/setup", SHOP)
    for wrong in ({"password": "short"}, {"username": "a@b"}, {"email": "nonsense"}, {"name": ""}):
        answer = send(client, "/setup/you", {**YOU, **wrong})
        assert answer.status_code == 422
        assert f'id="{next(iter(wrong))}-error"' in answer.text
        assert cast.PASSWORD not in answer.text
    assert not users.is_anybody()


def test_the_country_s_settings_can_be_changed_on_the_way(app: Flask) -> None:
    client = app.test_client()
    assert "KES, Africa/Nairobi" in client.get("/setup/derived?country=KE").text
    send(client, "/setup", {**SHOP, "currency": "USD", "week_starts": "sat"})
    send(client, "/setup/you", YOU)
    assert (settings.load().currency, settings.load().week_starts) == ("USD", "sat")


def test_a_phone_needs_the_code_that_the_pc_printed(app: Flask) -> None:
    code = setup_code.setup_code(app.config["SHOP_CONFIG"])
    client = app.test_client()
    assert client.get("/setup", **PHONE).headers["Location"] == "/setup/code"
    assert send(client, "/setup/code", {"code": "x"}, **PHONE).status_code == 422
    assert client.get("/setup/you", **PHONE).headers["Location"] == "/setup/code"
    assert send(client, "/setup/code", {"code": f"{code[:3]} {code[3:]}"}, **PHONE).headers["Location"] == "/setup"
    send(client, "/setup", SHOP, **PHONE)
    assert send(client, "/setup/you", YOU, **PHONE).headers["Location"] == "/setup/mail"


def test_a_forwarded_request_is_not_one_from_the_pc(app: Flask) -> None:
    answer = app.test_client().get("/setup", headers={"X-Forwarded-For": "203.0.113.9"})
    assert answer.headers["Location"] == "/setup/code"


def test_the_code_can_not_be_guessed(app: Flask) -> None:
    client = app.test_client()
    with clock.frozen(clock.now()):
        states = [send(client, "/setup/code", {"code": f"{n:06d}"}, **PHONE).status_code for n in range(8)]
    assert states.count(422) <= 3 and states.count(429) >= 5


def test_the_code_is_a_private_file_the_same_for_all_and_gone_after_use(app: Flask) -> None:
    config = app.config["SHOP_CONFIG"]
    code = setup_code.setup_code(config)
    path = config.secret / "setup_code"
    assert code == setup_code.setup_code(config) == path.read_text(encoding="utf-8")
    assert len(code) == 6 and code.isdigit()
    assert files.WINDOWS or path.stat().st_mode & 0o077 == 0
    client = app.test_client()
    send(client, "/setup", SHOP)
    send(client, "/setup/you", YOU)
    assert not path.exists()
    assert setup_code.setup_code(config) is None
    assert not setup_code.is_right(config, code)


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_set_up_is_closed_for_ever_afterwards(app: Flask, method: str) -> None:
    cast.amina()
    client = app.test_client()
    for path in ("/setup", "/setup/you", "/setup/code"):
        fields = {"data": {"csrf_token": client.token, **SHOP, **YOU}} if method == "post" else {}
        assert getattr(client, method)(path, **fields).headers["Location"] == "/login"
    assert len(users.everybody()) == 1


def test_who_comes_second_is_refused(app: Flask) -> None:
    first, second = app.test_client(), app.test_client()
    for client in (first, second):
        send(client, "/setup", SHOP)
    page = second.get("/setup/you").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    send(first, "/setup/you", YOU)
    late = second.post("/setup/you", data={"csrf_token": token, **YOU, "username": "zawadi"})
    assert late.headers["Location"] == "/login"
    assert [one.username for one in users.everybody()] == ["amina"]


def test_the_steps_after_the_owner_are_for_the_owner(app: Flask) -> None:
    cast.amina()
    for path in ("/setup/mail", "/setup/products", "/setup/done"):
        assert app.test_client().get(path).headers["Location"].startswith("/login")


def test_mail_may_be_given_by_address_and_password_alone(app: Flask) -> None:
    client = app.test_client()
    send(client, "/setup", SHOP)
    send(client, "/setup/you", YOU)
    answer = send(client, "/setup/mail", {"smtp_from": "amina@gmail.com", "smtp_password": "abcd efgh"})
    assert answer.headers["Location"] == "/setup/mail"
    found = settings.load()
    assert (found.smtp_host, found.smtp_port, found.smtp_user) == ("smtp.gmail.com", 587, "amina@gmail.com")
    assert "smtp.gmail.com" in client.get("/setup/mail").text
