"""Money: read strictly, written as the shop writes, divided without losing a cent. Budget: 5 s."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker import money
from tracker.errors import Refused
from tracker.money import Money


@pytest.mark.parametrize(
    ("locale", "typed", "minor"),
    [
        ("en_KE", "1,250.50", 125050),
        ("en_KE", "KES 1250.5", 125050),
        ("en_KE", " 12 ", 1200),
        ("en_KE", "-3.05", -305),
        ("de_DE", "1.250,50", 125050),
        ("de_DE", "12,5", 1250),
        ("en_IN", "12,34,567.89", 123456789),
        ("fr_FR", "1\u202f250,50", 125050),
        ("fr_FR", "1 250,50", 125050),
    ],
)
def test_what_is_clear_is_read_exactly(locale: str, typed: str, minor: int) -> None:
    money.use("KES", 2, locale)
    assert Money.parse(typed) == Money(minor)


@pytest.mark.parametrize(
    ("locale", "typed"),
    [
        ("de_DE", "12.50"),  # must never become 1250
        ("de_DE", "1.234"),  # a thousand, or a bit more than one?
        ("en_KE", "1,25"),
        ("en_KE", "12.345"),
        ("en_KE", "1e5"),
        ("en_KE", "NaN"),
        ("en_KE", "1_000"),
        ("en_KE", "12 50"),
        ("en_KE", ""),
        ("en_KE", "9" * 40),
        ("en_KE", "9" * 18),
    ],
)
def test_what_could_mean_two_things_is_refused_with_a_sentence(locale: str, typed: str) -> None:
    money.use("KES", 2, locale)
    with pytest.raises(Refused) as refusal:
        Money.parse(typed)
    assert refusal.value.message.endswith(".")


@pytest.mark.parametrize(("places", "written"), [(0, "123,456"), (2, "1,234.56"), (3, "123.456")])
def test_currencies_have_none_two_or_three_decimals(places: int, written: str) -> None:
    money.use("XXX", places, "en_US")
    assert str(Money(123456)) == written
    assert Money.parse(written) == Money(123456)
    assert Money.parse_plain(Money(123456).plain()) == Money(123456)


def test_headlines_drop_empty_cents_and_nothing_else() -> None:
    money.use("KES", 2, "en_KE")
    assert [Money(m).short() for m in (8640000, 8640050, 0)] == ["KES 86,400", "KES 86,400.50", "KES 0"]


def test_no_float_becomes_money() -> None:
    with pytest.raises(TypeError):
        Money(12.5)  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any))
def test_the_parts_of_a_split_sum_to_the_whole(minor: int, weights: list[int]) -> None:
    parts = Money(minor).split(weights)
    assert sum(parts, Money(0)) == Money(minor)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - minor * weight / sum(weights)) <= 1


@settings(max_examples=300, deadline=None)
@given(st.integers(-(10**14), 10**14), st.sampled_from(["en_KE", "de_DE", "en_IN", "fr_FR", "en_CH"]))
def test_what_is_written_is_read_back(minor: int, locale: str) -> None:
    money.use("KES", 2, locale)
    assert Money.parse(str(Money(minor))) == Money(minor)


def test_half_a_cent_is_rounded_away_from_zero() -> None:
    assert [Money(m).share(1, 2).minor for m in (1, 3, -1, -3, 2)] == [1, 2, -1, -2, 1]
