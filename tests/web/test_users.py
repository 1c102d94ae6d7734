"""The people's pages: adding, changing, disabling, links to choose a password with. Budget: 6 s."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.shop.whole import books_as_text
from tracker.shop import links, outbox, sessions, settings, users
from tracker.web import network

VERA = {"name": "Vera Njeri", "username": "njeri", "email": "", "role": "viewer"}


def test_the_list_shows_everybody_with_a_word_for_their_state(amina: Any, people: dict[str, int]) -> None:
    users.disable(people["juma"])
    text = amina.get("/users").text
    for word in ("Amina", "Wanjiru", "Juma", "Vera", "No password yet", "Disabled"):
        assert word in text


def test_a_new_person_without_an_address_gets_a_link_that_is_shown_once(amina: Any) -> None:
    answer = amina.send("/users", **VERA)
    made = users.find("njeri")
    assert made and answer.headers["Location"] == f"/users/{made.id}/link"
    page = amina.get(f"/users/{made.id}/link").text
    token = re.search(r"/welcome/([\w-]+)", page)
    assert token and links.find(links.NEW_ACCOUNT, token[1]).user_id == made.id
    assert 'src="data:image/svg+xml' in page
    assert token[1] not in books_as_text()
    assert amina.get(f"/users/{made.id}/link").headers["Location"] == f"/users/{made.id}"


def test_a_new_person_with_an_address_gets_a_mail(amina: Any) -> None:
    settings.change(smtp_host="smtp.shop.example", smtp_from="shop@shop.example")
    answer = amina.send("/users", **{**VERA, "email": "vera@shop.example"})
    assert answer.headers["Location"] == "/users"
    mail = outbox.listing()[0]
    assert (mail.kind, mail.to_address, mail.facts["invited_by"]) == ("new_account", "vera@shop.example", "Amina")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"username": "juma"}, "username"),
        ({"email": "no address"}, "email"),
        ({"role": "king"}, "role"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nobody_is_added(amina: Any, wrong: dict[str, str], field: str) -> None:
    before = len(users.everybody())
    answer = amina.send("/users", **{**VERA, **wrong})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text or "Choose" in answer.text
    assert len(users.everybody()) == before


def test_only_what_the_form_offers_can_be_changed(amina: Any, people: dict[str, int]) -> None:
    fields = {"name": "Juma H", "username": "juma", "email": "", "role": "cashier"}
    more = {"id": "99", "is_active": "0", "password_hash": "x", "theme": "dark", "created_at": "2020-01-01"}
    assert amina.send(f"/users/{people['juma']}", **fields, **more).status_code == 303
    juma = users.get(people["juma"])
    assert (juma.name, juma.is_active, juma.password_hash, juma.theme) == ("Juma H", True, None, "auto")
    assert juma.created_at.year != 2020


def test_a_disabled_person_is_out_at_once_and_may_come_back(amina: Any, juma: Any, people: dict[str, int]) -> None:
    assert juma.get("/me").status_code == 200
    amina.send(f"/users/{people['juma']}/disable")
    assert juma.get("/me").status_code == 303
    amina.send(f"/users/{people['juma']}/enable")
    assert users.get(people["juma"]).is_active
    assert juma.get("/me").status_code == 303


def test_the_last_admin_can_not_be_disabled_or_degraded(amina: Any, people: dict[str, int]) -> None:
    amina.send(f"/users/{people['amina']}/disable")
    answer = amina.send(f"/users/{people['amina']}", name="Amina", username="amina", email="", role="viewer")
    assert answer.status_code == 422 and "only admin" in answer.text
    assert users.get(people["amina"]).is_active


def test_an_admin_signs_somebody_out_everywhere(amina: Any, juma: Any, people: dict[str, int]) -> None:
    amina.send(f"/users/{people['juma']}/sign-out")
    assert sessions.active(people["juma"], "cashier") == []
    assert amina.get("/me").status_code == 200


def test_a_person_who_does_not_exist_is_not_found(amina: Any) -> None:
    assert amina.get("/users/999").status_code == 404
    assert amina.send("/users/999/disable").status_code == 404


def test_the_addresses_for_phones_are_private_ones_of_this_pc() -> None:
    for address in network.lan_addresses():
        assert network._is_lan(address)
    assert network.is_loopback("http://127.0.0.1:8000") and network.is_loopback("http://[::1]:8000")
    assert not network.is_loopback("http://192.168.1.20:8000")
