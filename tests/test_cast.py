"""The cast is what its names promise, and nothing of one test reaches the next. Budget: 2 s."""

from __future__ import annotations

import pytest

from tests import cast
from tracker import clock, db, money
from tracker.config import Config
from tracker.errors import Refused
from tracker.ops import presence
from tracker.shop import settings, users


def test_amina_owns_and_juma_is_at_the_till(books: Config) -> None:
    assert (cast.amina().role, cast.juma().role) == ("admin", "cashier")
    assert users.log_in("amina", cast.PASSWORD) is not None
    assert users.log_in("juma", cast.PASSWORD) is not None


def test_zawadi_is_a_stranger(books: Config) -> None:
    cast.amina()
    assert users.log_in(*cast.ZAWADI) is None


def test_kimani_and_nur_supply(books: Config) -> None:
    assert (cast.kimani().terms_days, cast.nur().terms_days) == (30, 7)


def test_the_shop_is_set_up_once(books: Config) -> None:
    assert cast.shop().username == "amina"
    assert (money.currency(), str(clock.zone())) == ("KES", "Africa/Nairobi")
    with pytest.raises(Refused):
        cast.shop()


@pytest.mark.parametrize("time", ["first", "second"])
def test_a_test_begins_with_nothing_of_the_one_before(time: str, books: Config) -> None:
    assert (money.currency(), settings.current().is_set_up) == ("USD", False), time
    assert db.rows("SELECT count(*) FROM user") == [(0,)]
    cast.shop()


def test_without_books_nothing_is_open() -> None:
    assert db.books.is_closed()
    assert presence._mine is None
