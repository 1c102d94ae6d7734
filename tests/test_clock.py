"""Whose date it is, when a business day begins, and which instant a local time means. Budget: 2 s."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tracker import clock


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_now_is_aware_utc_and_as_exact_as_the_books_store_it() -> None:
    now = clock.now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


def test_today_is_the_shops_date_not_utcs() -> None:
    with clock.frozen(at("2026-11-22T22:30:00+00:00")):
        clock.use("Africa/Nairobi")
        assert clock.today() == date(2026, 11, 23)
        clock.use("America/New_York")
        assert clock.today() == date(2026, 11, 22)


def test_a_bars_night_belongs_to_the_day_before() -> None:
    clock.use("Africa/Nairobi", time(3, 0))
    assert clock.business_day(at("2026-11-22T23:59:00+00:00")) == date(2026, 11, 22)  # 02:59 at the bar
    assert clock.business_day(at("2026-11-23T00:00:00+00:00")) == date(2026, 11, 23)  # 03:00
    clock.use("Africa/Nairobi")
    assert clock.business_day(at("2026-11-22T21:00:00+00:00")) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "instant"),
    [
        ("Africa/Nairobi", date(2026, 11, 23), time(8), "2026-11-23T05:00:00+00:00"),
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T01:00:00+00:00"),  # does not exist: right after
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30:00+00:00"),  # comes twice: the first
        ("Asia/Kathmandu", date(2026, 1, 1), time(0), "2025-12-31T18:15:00+00:00"),
    ],
)
def test_a_local_time_is_one_instant(zone: str, day: date, hour: time, instant: str) -> None:
    assert clock.instant(day, hour, ZoneInfo(zone)) == at(instant)


def test_the_bounds_of_a_day_meet_and_know_long_and_short_days() -> None:
    clock.use("Europe/Berlin")
    hours = []
    for day in (date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25)):
        begin, end = clock.day_bounds(day)
        assert clock.day_bounds(day + timedelta(days=1))[0] == end
        hours.append((end - begin) / timedelta(hours=1))
    assert hours == [24, 23, 24, 25]
