"""The settings page: what can be set, what the environment fixes, the mail server, the test message. Budget: 12 s."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from flask import Flask

from tests.mail.servers import Sink, start
from tests.shop.whole import books_as_text
from tracker import files
from tracker.config import Config, Smtp
from tracker.ops import secrets
from tracker.shop import settings
from tracker.web import create_app, mail_form, network
from tracker.web.settings import Settings

GOOD = {
    "shop_name": "Duka la Amina", "country": "KE", "currency": "KES", "timezone": "Africa/Nairobi",
    "week_starts": "mon", "day_starts": "03:00", "due_soon_days": "5", "reorder_mail": "news",
}  # fmt: skip


def test_there_are_at_most_25_settings(app: Flask) -> None:
    with app.test_request_context():
        names = set(Settings(formdata=None)._fields) - {"csrf_token"}
    assert 10 < len(names) <= 25
    stored = {field.name for field in dataclasses.fields(settings.Settings)} - {"is_set_up", "is_demo"}
    assert names - {"smtp_password"} == stored, "each setting stands on the page"


def test_what_is_saved_holds(amina: Any) -> None:
    assert amina.send("/settings", **GOOD, allow_negative_stock="y").status_code == 303
    found = settings.load()
    assert (found.shop_name, found.day_starts, found.due_soon_days) == ("Duka la Amina", "03:00", 5)
    assert (found.reorder_mail, found.allow_negative_stock, found.smtp_host) == ("news", True, "")
    page = amina.get("/settings").text
    assert 'value="Duka la Amina"' in page and 'value="03:00"' in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"shop_name": ""}, {"country": "XX"}, {"currency": "ABC"}, {"timezone": "Mars/Base"}, {"day_starts": "25:00"},
        {"due_soon_days": "61"}, {"due_soon_days": "x"}, {"reorder_mail": "never"}, {"week_starts": "tue"},
        {"smtp_from": "no address"}, {"smtp_host": "a b", "smtp_from": "a@shop.example"}, {"smtp_port": "70000"},
        {"base_url": "ftp://x"}, {"smtp_tls": "none"},
    ],
)  # fmt: skip
def test_what_is_wrong_gets_a_sentence_at_its_field_and_nothing_changes(amina: Any, wrong: dict[str, str]) -> None:
    before = settings.load()
    answer = amina.send("/settings", **{**GOOD, **wrong})
    assert answer.status_code == 422
    assert f'id="{next(iter(wrong))}-error"' in answer.text
    assert settings.load() == before


def test_an_address_is_enough_to_find_the_server_and_clearing_it_stops_mail(app: Flask, amina: Any) -> None:
    config = app.config["SHOP_CONFIG"]
    amina.send("/settings", **GOOD, smtp_from="amina@gmail.com", smtp_password="abcd efgh ijkl")
    found = settings.load()
    assert (found.smtp_host, found.smtp_port, found.smtp_user) == ("smtp.gmail.com", 587, "amina@gmail.com")
    assert secrets.smtp_password(config) == "abcd efgh ijkl"
    page = amina.get("/settings").text
    assert "abcd efgh" not in page and "app password" in page
    assert "abcd efgh" not in books_as_text()
    amina.send(
        "/settings", **GOOD, smtp_from="amina@yahoo.com", smtp_host="smtp.gmail.com", smtp_user="amina@gmail.com"
    )
    assert settings.load().smtp_host == "smtp.mail.yahoo.com", "another provider, another server"
    assert secrets.smtp_password(config) == "abcd efgh ijkl", "an empty field keeps the password"
    amina.send("/settings", **GOOD, smtp_from="", smtp_host="smtp.mail.yahoo.com")
    assert settings.load().smtp_host == "" and secrets.smtp_password(config) == ""


def test_a_password_with_a_line_break_is_refused(amina: Any) -> None:
    answer = amina.send("/settings", **GOOD, smtp_from="amina@gmail.com", smtp_password="one\nSMTP_HOST=evil")
    assert answer.status_code == 422 and 'id="smtp_password-error"' in answer.text


@pytest.mark.parametrize("host", ["smtp.gmail.com", "smtp-mail.outlook.com", "smtp.office365.com"])
def test_there_is_advice_for_the_providers_that_want_something_special(host: str) -> None:
    assert "password" in mail_form.advice(host)


def test_what_the_environment_fixes_is_shown_and_can_not_be_changed(config: Config) -> None:
    smtp = Smtp(host="smtp.fixed.example", port=465, user="fixed", password="secret one", sender="shop@fixed.example")
    names = frozenset({"SMTP_HOST", "SMTP_PASSWORD", "TRACKER_TIMEZONE"})
    app = create_app(dataclasses.replace(config, smtp=smtp, timezone="Africa/Kampala", fixed=names))
    with app.test_request_context():
        form = Settings(formdata=None)
        mail_form.drop_fixed(form)
        assert not {"smtp_host", "smtp_password", "smtp_from", "timezone"} & set(form._fields)
    assert settings.current().timezone == "Africa/Kampala"


def test_the_page_says_what_the_environment_fixes(
    config: Config, people: dict[str, int], amina: Any, app: Flask
) -> None:
    app.config["SHOP_CONFIG"] = dataclasses.replace(config, timezone="Africa/Kampala")
    settings.load(app.config["SHOP_CONFIG"])
    page = amina.get("/settings").text
    assert "Fixed by the environment" in page and 'id="timezone"' not in page
    assert amina.send("/settings", **GOOD).status_code == 303
    assert settings.load().timezone == "Africa/Kampala"


def test_the_test_message_shows_each_step_and_arrives(app: Flask, amina: Any, config: Config) -> None:
    sink = Sink()
    server = start(sink)
    try:
        smtp = Smtp(host="127.0.0.1", port=server.port, tls="plain", sender="shop@shop.example")
        app.config["SHOP_CONFIG"] = dataclasses.replace(config, smtp=smtp)
        settings.load(app.config["SHOP_CONFIG"])
        answer = amina.send("/settings/mail/test", address="amina@shop.example")
    finally:
        server.stop()
    assert answer.status_code == 200
    assert "Reach 127.0.0.1" in answer.text and "on its way" in answer.text and " s</span>" in answer.text
    assert sink.to == ["amina@shop.example"]


@pytest.mark.parametrize("port", ["22", "6379", "8000"])
def test_the_test_message_knocks_at_mail_servers_only(amina: Any, port: str) -> None:
    settings.change(smtp_host="127.0.0.1", smtp_port=int(port), smtp_from="shop@shop.example")
    answer = amina.send("/settings/mail/test", address="amina@shop.example")
    assert answer.status_code == 422 and "is not tried" in answer.text


def test_a_test_message_needs_a_server_and_an_address(amina: Any) -> None:
    assert amina.send("/settings/mail/test", address="amina@shop.example").status_code == 422
    settings.change(smtp_host="smtp.shop.example", smtp_from="shop@shop.example")
    assert amina.send("/settings/mail/test", address="nonsense").status_code == 422


def test_phones_are_let_in_at_the_next_start_unless_the_environment_says_where(config: Config, amina: Any) -> None:
    assert network.host_to_bind(config) == "127.0.0.1"
    amina.send("/settings", **GOOD, phones_on_wifi="y")
    assert network.host_to_bind(config) == "0.0.0.0"
    assert network.host_to_bind(dataclasses.replace(config, fixed=frozenset({"TRACKER_HOST"}))) == "127.0.0.1"
    found = settings.load()
    assert found.base_url == network.lan_url(config), "links in mails work on phones then"


def test_the_password_file_is_for_this_user_alone(app: Flask, amina: Any) -> None:
    amina.send("/settings", **GOOD, smtp_from="amina@gmail.com", smtp_password="abcd efgh")
    path = app.config["SHOP_CONFIG"].secret / "smtp_password"
    assert files.WINDOWS or path.stat().st_mode & 0o077 == 0
