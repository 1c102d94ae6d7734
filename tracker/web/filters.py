"""How templates write money, dates and counts: plain, quick, in the shop's words."""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask
from markupsafe import Markup, escape

from tracker import clock
from tracker.money import Money

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS_LONG = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def install(app: Flask) -> None:
    app.jinja_env.filters.update(
        money=str,
        with_currency=Money.with_currency,
        short=Money.short,
        day=day,
        day_long=day_long,
        near=near,
        due=due,
        time=time_of,
        moment=moment,
        ago=ago,
        span=span,
        plural=plural,
        break_lines=break_lines,
        when_next=when_next,
        iso_day=iso_day,
        plain_money=plain_money,
    )


def day(value: date | None) -> str:
    """`23 Nov`, with the year when it is not this one."""
    if value is None:
        return ""
    year = "" if value.year == clock.today().year else f" {value.year}"
    return f"{value.day} {_MONTHS[value.month - 1]}{year}"


def day_long(value: date) -> str:
    """`Monday 23 November`"""
    year = "" if value.year == clock.today().year else f" {value.year}"
    return f"{_DAYS[value.weekday()]} {value.day} {_MONTHS_LONG[value.month - 1]}{year}"


def near(value: date) -> str:
    """`today`, `tomorrow`, `yesterday`, the weekday within six days ahead, else `23 Nov`."""
    distance = (value - clock.today()).days
    if distance in (-1, 0, 1):
        return ("today", "tomorrow", "yesterday")[distance]
    return _DAYS[value.weekday()] if 1 < distance < 7 else day(value)


def due(value: date | None) -> str:
    """`12 days late`, `due today`, `due Friday`, `due 3 Dec`."""
    if value is None:
        return "no due date"
    late = (clock.today() - value).days
    return f"{plural(late, 'day')} late" if late > 0 else f"due {near(value)}"


def time_of(value: datetime) -> str:
    """`08:00` on the shop's clock."""
    return clock.local(value).strftime("%H:%M")


def moment(value: datetime | None) -> str:
    """`Today 08:00`, `Tomorrow 08:00`, `Friday 08:00`, `23 Nov 08:00`; nothing for nothing."""
    if value is None:
        return ""
    name = near(clock.local(value).date())
    return f"{name[0].upper()}{name[1:]} {time_of(value)}"


def ago(value: datetime | None) -> str:
    """`just now`, `4 minutes ago`, `3 hours ago`, `yesterday 08:00`, else the day."""
    if value is None:
        return "never"
    seconds = int((clock.now() - value).total_seconds())
    if seconds < 60:
        return "just now" if seconds > -60 else moment(value)
    if seconds < 3600:
        return f"{plural(seconds // 60, 'minute')} ago"
    if seconds < 6 * 3600:
        return f"{plural(seconds // 3600, 'hour')} ago"
    return moment(value)


def when_next(value: datetime) -> str:
    """An instant to come: `today 08:00`, `tomorrow 08:00`, `Sunday 00:00`, else the day."""
    moment_ = clock.local(value)
    days = (moment_.date() - clock.today()).days
    named = "today" if days == 0 else "tomorrow" if days == 1 else _DAYS[moment_.weekday()] if 0 < days < 7 else ""
    return f"{named or day(moment_.date())} {moment_:%H:%M}"


def span(seconds: float) -> str:
    """How long something took or has run: `0.4 s`, `12 s`, `5 min`, `4 h 12 min`, `3 days`."""
    whole = int(seconds)
    if whole < 10:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min" if whole < 86_400 else plural(whole // 86_400, "day")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 product`, `7 products`, `2 boxes`."""
    return f"{count:,} {one if abs(count) == 1 else many or one + 's'}"


def iso_day(value: str) -> str:
    """The day of a job's preview, which speaks to programs too: `2026-11-23` as `23 Nov`."""
    return day(date.fromisoformat(value))


def plain_money(value: str) -> str:
    """An amount of a job's preview, `1250.00`, as the shop writes it."""
    return str(Money.parse_plain(value))


def break_lines(value: str) -> Markup:
    """A note with its line breaks; everything in it is escaped."""
    return Markup("<br>").join(escape(line) for line in value.split("\n"))
