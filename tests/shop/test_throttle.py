"""Guessing: the wait grows to a minute, outlives a restart, and never shuts the owner out. Budget: 5 s."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from tests.shop.whole import books_as_text
from tracker import clock, db
from tracker.config import Config
from tracker.ops.startup import open_shop
from tracker.shop import throttle

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PHONE, OTHER_PHONE, PC = "192.168.1.30", "192.168.1.31", "127.0.0.1"


@pytest.fixture(autouse=True)
def _open(books: Config) -> None:
    """Every test here needs the books."""


def guesses(seconds: int, address: str, login: str = "amina") -> int:
    """How many wrong guesses get through when somebody tries every second."""
    through = 0
    for second in range(seconds):
        with clock.frozen(NOON + timedelta(seconds=second)):
            while not throttle.take(throttle.for_login(login, address)):
                through += 1
    return through


@pytest.fixture
def at_noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.mark.parametrize("address", [PHONE, PC, "::1", "::ffff:127.0.0.1"])
def test_at_most_ten_guesses_a_minute_at_one_account(address: str) -> None:
    assert 3 <= guesses(60, address) <= 10


def test_the_wait_grows_to_a_minute_and_no_further() -> None:
    assert guesses(600, PHONE) <= 7 + 9
    with clock.frozen(NOON + timedelta(minutes=10)):
        assert throttle.take(throttle.for_login("amina", PHONE)) <= 60


def test_guesses_from_phones_never_lock_out_the_person_at_the_pc(at_noon: None) -> None:
    for _ in range(50):
        throttle.take(throttle.for_login("amina", PHONE))
    assert throttle.take(throttle.for_login("amina", PC)) == 0


def test_the_person_at_the_pc_never_waits_longer_than_ten_seconds() -> None:
    guesses(120, PC)
    with clock.frozen(NOON + timedelta(seconds=120)):
        assert throttle.take(throttle.for_login("amina", PC)) <= 10


def test_one_address_can_not_try_one_password_at_everybody(at_noon: None) -> None:
    waits = [throttle.take(throttle.for_login(f"person {number}", PHONE)) for number in range(200)]
    assert sum(wait > 0 for wait in waits) >= 180
    assert throttle.take(throttle.for_login("amina", OTHER_PHONE)) == 0


def test_names_are_compared_as_the_log_in_compares_them(at_noon: None) -> None:
    for spelling in ("amina", "AMINA", " Amina "):
        assert throttle.take(throttle.for_login(spelling, PHONE)) == 0
    assert throttle.take(throttle.for_login("aMiNa", OTHER_PHONE)) > 0


def test_a_restart_forgives_nothing(books: Config, at_noon: None) -> None:
    for _ in range(4):
        throttle.take(throttle.for_login("amina", PHONE))
    db.close()
    open_shop(books)
    assert throttle.take(throttle.for_login("amina", PHONE)) > 0


def test_many_at_once_do_not_slip_through() -> None:
    def one(_: int) -> int:
        return throttle.take(throttle.for_login("amina", PHONE))

    with clock.frozen(NOON), ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(40))).count(0) == 3


def test_the_right_password_clears_the_account_but_not_the_address(at_noon: None) -> None:
    for number in range(9):
        throttle.take(throttle.for_login(f"person {number}", PHONE))
    gates = throttle.for_login("juma", PHONE)
    assert throttle.take(gates) == 0
    throttle.forgive(gates)
    assert throttle.take(throttle.for_login("juma", PHONE)) == 0
    assert throttle.take(throttle.for_login("another", PHONE)) > 0


def test_a_clock_set_back_does_not_lock_anybody_out_for_a_day() -> None:
    with clock.frozen(NOON):
        for _ in range(8):
            throttle.take(throttle.for_login("amina", PHONE))
    with ExitStack() as stack:
        stack.enter_context(clock.frozen(NOON - timedelta(days=1)))
        assert throttle.take(throttle.for_login("amina", PHONE)) <= 60
    with clock.frozen(NOON - timedelta(days=1) + timedelta(seconds=61)):
        assert throttle.take(throttle.for_login("amina", PHONE)) == 0


def test_old_tries_are_forgotten() -> None:
    guesses(60, PHONE)
    with clock.frozen(NOON + throttle.WINDOW + timedelta(minutes=2)):
        assert throttle.take(throttle.for_login("amina", PHONE)) == 0
        assert throttle.LoginFailure.select().count() == 2


def test_what_was_typed_as_a_name_does_not_stand_in_the_books() -> None:
    throttle.take(throttle.for_login("my secret password", PHONE))
    assert "my secret password" not in books_as_text()
