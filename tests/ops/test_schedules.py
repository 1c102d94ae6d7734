"""Hours in words and as slots: exactly one a day in every zone. Budget: 10 s."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import available_timezones

import pytest

from tests.jobs.timetable import hours_of_tasks
from tracker import clock
from tracker.config import Config
from tracker.errors import NotFound, Refused
from tracker.ops import schedules
from tracker.ops.timetable import Hours


def names(hours: Hours, after: datetime, until: datetime) -> list[str]:
    return [slot.name for slot in schedules.slots(hours, after, until)]


def test_a_daily_job_has_one_slot_a_day_between_two_instants() -> None:
    clock.use("Africa/Nairobi")
    after, until = datetime(2026, 11, 20, 5, 0, tzinfo=UTC), datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
    assert names(Hours("08:00"), after, until) == ["2026-11-21T08:00", "2026-11-22T08:00", "2026-11-23T08:00"]


def test_weekdays_are_the_shops_own() -> None:
    clock.use("Pacific/Auckland")
    found = schedules.slots(
        Hours("00:00", "sun"), datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)
    )
    assert [slot.name for slot in found] == ["2026-11-08T00:00", "2026-11-15T00:00"]
    assert [clock.local(slot.instant).strftime("%a %H:%M") for slot in found] == ["Sun 00:00", "Sun 00:00"]


@pytest.mark.parametrize(
    ("zone", "day", "at", "local"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "02:30", "03:00"),  # the hour that does not exist: right after it
        ("Europe/Berlin", date(2026, 10, 25), "02:30", "02:30"),  # the hour that comes twice: its first pass
        ("Africa/Cairo", date(2026, 4, 24), "00:00", "01:00"),  # midnight does not exist
        ("America/New_York", date(2026, 3, 8), "02:30", "03:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), "02:15", "02:30"),  # a jump of half an hour
    ],
)
def test_the_days_on_which_the_clock_jumps(zone: str, day: date, at: str, local: str) -> None:
    clock.use(zone)
    start = clock.instant(day - timedelta(days=1), time(12))
    found = schedules.slots(Hours(at), start, start + timedelta(days=1))
    assert [slot.name for slot in found] == [f"{day}T{at}"]
    assert clock.local(found[0].instant).strftime("%H:%M") == local
    if local == at:
        assert clock.local(found[0].instant).fold == 0


def test_every_zone_has_exactly_one_slot_a_day(seed: int) -> None:
    drawn = random.Random(seed)
    zones = sorted(available_timezones() - {"localtime", "Factory"})
    for zone in drawn.sample(zones, 40):
        at = f"{drawn.randrange(24):02}:{drawn.randrange(60):02}"
        clock.use(zone)
        found = schedules.slots(Hours(at), datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
        days = [slot.name[:10] for slot in found]
        assert len(set(days)) == len(days) and len(days) in (364, 365, 366), (zone, at)
        gaps = [later.instant - earlier.instant for earlier, later in pairwise(found)]
        assert all(timedelta(hours=20) <= gap <= timedelta(hours=28) for gap in gaps), (zone, at, seed)


def test_a_cron_line_in_the_repeated_hour_has_each_name_once() -> None:
    clock.use("Europe/Berlin")
    start = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    found = names(Hours(cron="*/30 * * * *"), start, start + timedelta(hours=5))
    assert len(found) == len(set(found))
    assert "2026-10-25T02:30" in found


@pytest.mark.parametrize(
    ("at", "days", "cron", "field"),
    [
        ("8:00", "every", "", "at"),
        ("24:00", "every", "", "at"),
        ("", "every", "", "at"),
        ("08:00", "", "", "days"),
        ("08:00", "mon,funday", "", "days"),
        ("", "", "61 * * * *", "cron"),
        ("", "", "0 0 31 2 *", "cron"),
        ("", "", "* * * * * *", "cron"),
        ("", "", "nonsense", "cron"),
    ],
)
def test_nonsense_is_refused_at_its_field(at: str, days: str, cron: str, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        schedules.checked(at, days, cron)
    assert refusal.value.field == field


def test_hours_in_words(books: Config) -> None:
    hours_of_tasks()
    assert schedules.get("debt_reminders").words == "Every day at 08:00"
    assert schedules.get("notification_cleanup").words == "Sundays at 00:00"
    assert schedules.change("debt_reminders", "07:30", "fri,mon").words == "Mondays and Fridays at 07:30"
    assert schedules.change("debt_reminders", "07:30", "mon,tue,wed,thu,fri,sat,sun").words == "Every day at 07:30"
    assert "07:30" in schedules.change("debt_reminders", cron="30 7 * * 1-5").words


def test_an_unchanged_schedule_follows_the_timetable_and_a_changed_one_stays(books: Config) -> None:
    from tracker.ops import timetable

    hours_of_tasks()
    schedules.change("reorder_alerts", "10:15")
    timetable.declare("debt_reminders", at="06:00")
    timetable.declare("reorder_alerts", at="06:30")
    schedules.sync()
    assert schedules.get("debt_reminders").at == "06:00"
    assert schedules.get("reorder_alerts").at == "10:15"
    back = schedules.back_to_default("reorder_alerts")
    assert (back.at, back.changed_at) == ("06:30", None)


def test_an_unknown_job_is_not_found(books: Config) -> None:
    hours_of_tasks()
    with pytest.raises(NotFound):
        schedules.change("make_coffee", "08:00")
