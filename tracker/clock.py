"""What time it is: instants are aware UTC datetimes, dates are the shop's; nobody else asks the time.

A *business day* may begin later than midnight (a bar that closes at 03:00); sales, shifts and day close use it.
Due dates and job slots use the calendar date.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import tzlocal


@dataclass
class _Shop:
    zone: ZoneInfo | None = None
    day_starts: time_of_day = time_of_day(0, 0)
    frozen: datetime | None = None


_shop = _Shop()


def use(zone: str, day_starts: time_of_day = time_of_day(0, 0)) -> None:
    """Tell the clock where the shop is. An empty zone means the PC's own."""
    _shop.zone = ZoneInfo(zone) if zone else None
    _shop.day_starts = day_starts


def zone() -> ZoneInfo:
    """The shop's time zone."""
    if _shop.zone is None:
        _shop.zone = ZoneInfo(local_zone_name())
    return _shop.zone


def local_zone_name() -> str:
    """The PC's own zone as an IANA name, UTC where the PC does not say."""
    try:
        return tzlocal.get_localzone_name() or "UTC"
    except Exception:
        return "UTC"


def now() -> datetime:
    """This instant, aware, in UTC, to the millisecond (what the books store)."""
    moment = _shop.frozen or datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def local(instant: datetime | None = None) -> datetime:
    """An instant (default: now) on the shop's wall clock."""
    return (instant or now()).astimezone(zone())


def today() -> date:
    """The shop's calendar date."""
    return local().date()


def business_day(instant: datetime | None = None) -> date:
    """The day that a sale at this instant (default: now) belongs to."""
    moment = local(instant)
    return moment.date() - timedelta(days=moment.time() < _shop.day_starts)


def instant(day: date, at: time_of_day = time_of_day(0, 0), in_zone: ZoneInfo | None = None) -> datetime:
    """The UTC instant of a local date and time: in a DST gap the first instant after it, in an overlap the first pass.

    Source of the rule: docs/decisions.md, "one slot a day in every zone".
    """
    where = in_zone or zone()
    naive = datetime.combine(day, at)
    first = naive.replace(tzinfo=where, fold=0).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) == naive:
        return first
    return _end_of_gap(naive, where)


def _end_of_gap(naive: datetime, where: ZoneInfo) -> datetime:
    # Inside a gap fold=1 uses the offset after the jump, so it lands before the jump; fold=0 lands after it.
    low = naive.replace(tzinfo=where, fold=1).astimezone(UTC)
    high = naive.replace(tzinfo=where, fold=0).astimezone(UTC)
    before = low.astimezone(where).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(where).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The half-open range of UTC instants that make up the shop's calendar date."""
    return instant(day), instant(day + timedelta(days=1))


def monotonic() -> float:
    """Seconds on a clock that nobody can set; for measuring, never for storing."""
    return time.monotonic()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """For tests: the clock stands still at this aware instant."""
    before = _shop.frozen
    _shop.frozen = at.astimezone(UTC)
    try:
        yield
    finally:
        _shop.frozen = before
