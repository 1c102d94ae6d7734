"""Sessions: random tokens, hashes in the books, ends by time, by choice and by change. Budget: 6 s."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests import cast
from tests.shop.whole import books_as_text
from tracker import clock, db
from tracker.config import Config
from tracker.shop import accounts, sessions, users

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _open(books: Config) -> None:
    """Every test here needs the books."""


def test_a_token_is_found_again_and_stands_nowhere_in_the_books() -> None:
    user = cast.amina()
    token = sessions.start(user.id, "127.0.0.1", "Firefox")
    found = sessions.find(token)
    assert found and (found.id, found.name, found.role, found.theme) == (user.id, "Amina", "admin", "auto")
    assert len(token) >= 43
    assert token not in books_as_text()


def test_each_log_in_has_a_token_of_its_own() -> None:
    user = cast.amina()
    assert len({sessions.start(user.id) for _ in range(20)}) == 20


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "ä" * 43, "a" * 5000, "' OR 1=1 --" * 3])
def test_a_token_that_nobody_has_is_nobody(token: str) -> None:
    sessions.start(cast.amina().id)
    assert sessions.find(token) is None


def test_finding_out_who_asks_is_one_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    token = sessions.start(cast.amina().id)
    asked: list[str] = []
    original = db.books.execute_sql
    monkeypatch.setattr(db.books, "execute_sql", lambda sql, *a, **k: (asked.append(sql), original(sql, *a, **k))[1])
    assert sessions.find(token)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("who", "minutes", "still"),
    [(cast.amina, 59, True), (cast.amina, 61, False), (cast.juma, 61, True), (cast.juma, 12 * 60 - 1, True)],
)
def test_an_idle_session_ends_after_an_hour_but_not_the_till_s(who: Callable, minutes: int, still: bool) -> None:
    with clock.frozen(NOON):
        token = sessions.start(who().id)
    with clock.frozen(NOON + timedelta(minutes=minutes)):
        assert (sessions.find(token) is not None) is still


@pytest.mark.parametrize("who", [cast.amina, cast.juma])
def test_after_twelve_hours_everybody_signs_in_again_however_busy(who: Callable) -> None:
    with clock.frozen(NOON):
        token = sessions.start(who().id)
    for minutes in range(0, 12 * 60, 30):
        with clock.frozen(NOON + timedelta(minutes=minutes)):
            person = sessions.find(token)
            assert person
            sessions.seen(person)
    with clock.frozen(NOON + timedelta(hours=12)):
        assert sessions.find(token) is None


def test_last_seen_is_written_once_a_minute_at_most() -> None:
    with clock.frozen(NOON):
        token = sessions.start(cast.amina().id)
    written = set()
    for seconds in range(0, 180, 10):
        with clock.frozen(NOON + timedelta(seconds=seconds)):
            person = sessions.find(token)
            assert person
            sessions.seen(person)
            written.add(sessions.Session.get().seen_at)
    assert written == {NOON, NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)}


def test_signing_out_ends_one_session_and_only_one_s_own() -> None:
    amina, juma = cast.amina(), cast.juma()
    one, other = sessions.start(amina.id), sessions.start(amina.id)
    found = sessions.find(one)
    assert found
    sessions.end(found.session_id, juma.id)
    assert sessions.find(one)
    sessions.end(found.session_id, amina.id)
    assert sessions.find(one) is None
    assert sessions.find(other)


def test_signing_out_everywhere_may_spare_the_session_that_asks() -> None:
    amina = cast.amina()
    tokens = [sessions.start(amina.id) for _ in range(3)]
    juma = sessions.start(cast.juma().id)
    mine = sessions.find(tokens[0])
    assert mine
    assert sessions.end_all(amina.id, but=mine.session_id) == 2
    assert [bool(sessions.find(token)) for token in [*tokens, juma]] == [True, False, False, True]
    assert [one.id for one in sessions.active(amina.id, "admin")] == [mine.session_id]


@pytest.mark.parametrize(
    "change",
    [
        lambda user: accounts.set_password(user.id, "seven other words"),
        lambda user: users.edit(user.id, role="viewer"),
        lambda user: users.disable(user.id),
    ],
    ids=["password", "role", "disable"],
)
def test_a_changed_password_or_role_or_a_disabled_account_ends_all_sessions(change: Callable) -> None:
    cast.amina()
    juma = cast.juma()
    tokens = [sessions.start(juma.id) for _ in range(2)]
    change(juma)
    assert [sessions.find(token) for token in tokens] == [None, None]


def test_a_person_who_is_enabled_again_does_not_get_the_old_session_back() -> None:
    cast.amina()
    juma = cast.juma()
    token = sessions.start(juma.id)
    users.disable(juma.id)
    users.enable(juma.id)
    assert sessions.find(token) is None
