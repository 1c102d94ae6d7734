"""How a mail writes what its stored context holds: money, quantities, dates, phone links, names of any script."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time

from tracker import clock
from tracker.money import Money
from tracker.quantity import Quantity

_BREAKS = {0x2028, 0x2029, 0x85}


def money(minor: int) -> str:
    """`KES 1,250`, with decimals only where there are cents."""
    return Money(minor).short()


def amount(minor: int) -> str:
    """`1,250.00`: a sum in a column whose head names the currency."""
    return str(Money(minor))


def quantity(thousandths: int, unit: str = "") -> str:
    """`12` or `1.25`, with the unit unless these are pieces: `12 box`."""
    return Quantity(thousandths).with_unit(unit)


@lru_cache(maxsize=4096)
def day(value: str | date, locale: str = "en") -> str:
    """`Fri 20 Nov 2026`, in the order that the locale uses."""
    on = date.fromisoformat(value) if isinstance(value, str) else value
    known = locale_of(locale)
    text = format_skeleton("yMMMEd", on, locale=known)
    return text.replace(",", "") if known.language == "en" else text


@lru_cache(maxsize=4096)
def short_day(value: str | date, locale: str = "en") -> str:
    """`Fri 20 Nov`: for dates near today."""
    on = date.fromisoformat(value) if isinstance(value, str) else value
    known = locale_of(locale)
    text = format_skeleton("MMMEd", on, locale=known)
    return text.replace(",", "") if known.language == "en" else text


def long_day(value: str | date, locale: str = "en") -> str:
    """`Friday, 20 November 2026`: the date of the mail itself."""
    on = date.fromisoformat(value) if isinstance(value, str) else value
    return format_date(on, format="full", locale=locale_of(locale))


def instant(value: str, locale: str = "en") -> str:
    """`Fri 20 Nov 2026, 08:00` on the shop's wall clock."""
    local = clock.local(datetime.fromisoformat(value))
    return f"{day(local.date(), locale)}, {format_time(local.time(), format='short', locale=locale_of(locale))}"


def days_late(days: int) -> str:
    """`1 day late`, `3 days late`."""
    return f"{days} day{'' if days == 1 else 's'} late"


def due_in(due_on: str, today: str) -> str:
    """`today`, `tomorrow`, `in 5 days`."""
    days = (date.fromisoformat(due_on) - date.fromisoformat(today)).days
    return "today" if days == 0 else "tomorrow" if days == 1 else f"in {days} days" if days > 0 else days_late(-days)


def plural(count: int, one: str, many: str = "") -> str:
    """`1 debt`, `3 debts`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def tel(phone: str | None) -> str:
    """What stands in a `tel:` link; empty when the text holds no number worth dialling."""
    phone = phone or ""
    digits = re.sub(r"[^0-9]", "", unicodedata.normalize("NFKC", phone))
    return ("+" if phone.strip().startswith("+") else "") + digits if len(digits) >= 3 else ""


def isolate(text: str | None) -> str:
    """A name that may run right to left, fenced so that it can't turn the line around it; other names unchanged."""
    text = text or ""
    if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
        return f"\u2068{text}\u2069"
    return text


def clean(text: str) -> str:
    """Text that keeps to its line: control characters become spaces, half a surrogate a question mark."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(c) == "Cc" or ord(c) in _BREAKS else c for c in text)


@lru_cache(maxsize=64)
def locale_of(name: str) -> Locale:
    """CLDR's locale; plain English where CLDR does not know the name."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return Locale("en")
