"""One-time links: used once, for a while, by one person, and never to be read out of the books. Budget: 8 s."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests import cast
from tests.shop.whole import books_as_text
from tracker import clock
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.shop import accounts, links, notifications, outbox, sessions, settings, users

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
GOOD = "seven other words"


@pytest.fixture(autouse=True)
def _open(books: Config) -> None:
    """Every test here needs the books."""


@pytest.fixture
def mail_server(books: Config) -> None:
    settings.change(smtp_host="smtp.shop.example", smtp_from="shop@shop.example")


def test_the_token_stands_nowhere_in_the_books_and_the_worker_can_make_it_again(mail_server: None) -> None:
    amina = cast.amina()
    accounts.forgot("amina")
    mail = outbox.listing()[0]
    address = links.url(mail.facts["link_id"])
    token = address.rpartition("/")[2]
    assert links.find(links.RESET, token).user_id == amina.id
    assert token not in books_as_text()
    assert address == links.url(mail.facts["link_id"])


def test_another_key_makes_other_tokens() -> None:
    link = links.make(links.RESET, cast.amina().id)
    before = links.token(link)
    links.use_key(b"another key entirely", "http://127.0.0.1:8000")
    assert links.token(link) != before


def test_a_link_begins_with_the_address_of_the_settings() -> None:
    settings.change(base_url="http://192.168.1.20:8000")
    link = links.make(links.NEW_ACCOUNT, cast.amina().id)
    assert links.url(link.id) == f"http://192.168.1.20:8000/welcome/{links.token(link)}"


def test_a_link_works_once() -> None:
    token = links.token(links.make(links.RESET, cast.amina().id))
    accounts.choose_password(links.RESET, token, GOOD)
    with pytest.raises(NotFound):
        accounts.choose_password(links.RESET, token, "yet another one")
    assert users.log_in("amina", GOOD)


def test_of_many_at_once_one_gets_the_link() -> None:
    token = links.token(links.make(links.RESET, cast.amina().id))

    def use(number: int) -> bool:
        try:
            accounts.choose_password(links.RESET, token, f"{GOOD} {number}")
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(use, range(6))) == 1


@pytest.mark.parametrize(
    ("kind", "life"), [(links.RESET, timedelta(minutes=20)), (links.NEW_ACCOUNT, timedelta(days=7))]
)
def test_a_link_gets_too_old(kind: str, life: timedelta) -> None:
    with clock.frozen(NOON):
        link = links.make(kind, cast.amina().id)
        token = links.token(link)
    with clock.frozen(NOON + life - timedelta(seconds=1)):
        assert links.find(kind, token).id == link.id
    with clock.frozen(NOON + life), pytest.raises(NotFound):
        links.find(kind, token)
    with clock.frozen(NOON + life), pytest.raises(NotFound):
        links.url(link.id)


def test_a_clock_set_back_does_not_lengthen_a_link_s_life() -> None:
    with clock.frozen(NOON):
        token = links.token(links.make(links.RESET, cast.amina().id))
    with clock.frozen(NOON - timedelta(days=1)), pytest.raises(NotFound):
        links.find(links.RESET, token)


def test_a_link_of_one_purpose_is_refused_for_another() -> None:
    token = links.token(links.make(links.NEW_ACCOUNT, cast.amina().id))
    with pytest.raises(NotFound):
        links.find(links.RESET, token)


def test_one_link_lives_at_a_time() -> None:
    amina = cast.amina()
    first = links.token(links.make(links.RESET, amina.id))
    second = links.token(links.make(links.RESET, amina.id))
    with pytest.raises(NotFound):
        links.find(links.RESET, first)
    assert links.find(links.RESET, second)


@pytest.mark.parametrize(
    "change",
    [
        lambda user: accounts.set_password(user.id, GOOD),
        lambda user: users.edit(user.id, email="juma@shop.example"),
        lambda user: users.edit(user.id, role="viewer"),
        lambda user: users.disable(user.id),
    ],
    ids=["password", "email", "role", "disable"],
)
def test_a_link_dies_when_the_person_changes(change: Callable) -> None:
    cast.amina()
    juma = cast.juma()
    token = links.token(links.make(links.RESET, juma.id))
    change(juma)
    with pytest.raises(NotFound):
        links.find(links.RESET, token)


def test_a_bad_password_spares_the_link_and_a_good_one_ends_all_sessions_and_is_told() -> None:
    amina = cast.amina()
    session = sessions.start(amina.id)
    token = links.token(links.make(links.RESET, amina.id))
    with pytest.raises(Refused) as no:
        accounts.choose_password(links.RESET, token, "short")
    assert no.value.field == "password"
    assert sessions.find(session)
    accounts.choose_password(links.RESET, token, GOOD)
    assert sessions.find(session) is None
    assert [one.kind for one in notifications.latest(amina.id)] == ["account"]


def test_who_is_asked_for_by_a_name_that_nobody_has_gets_no_mail(mail_server: None) -> None:
    cast.amina()
    cast.juma()  # no address
    for name in ("zawadi", "juma", "nobody@shop.example"):
        accounts.forgot(name)
    assert outbox.listing() == []
    assert links.OneTimeLink.select().count() == 0
    accounts.forgot("AMINA@shop.example")
    assert [mail.to_address for mail in outbox.listing()] == ["amina@shop.example"]


def test_a_disabled_person_gets_no_link() -> None:
    cast.amina()
    juma = cast.juma()
    users.disable(juma.id)
    with pytest.raises(Refused):
        accounts.send_link(juma.id)


def test_a_new_person_is_mailed_a_link_or_gets_one_to_show(mail_server: None) -> None:
    user, mailed = accounts.invite("vera", "Vera", "viewer", "vera@shop.example")
    assert mailed and user.password_hash is None
    facts = outbox.listing()[0].facts
    assert {"person", "user_name", "role", "invited_by", "expires_at", "link_id"} == set(facts)
    _, mailed = accounts.invite("wanjiru", "Wanjiru", "manager")
    assert not mailed
