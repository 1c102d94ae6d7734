"""What follows from the country: currency, time zone, first day of the week. Source: CLDR, through Babel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from tracker import clock
from tracker.errors import Refused

# Where most people of a country with several zones live; elsewhere CLDR's first one. The PC's own zone goes before.
_MAIN_ZONE = {
    "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "CD": "Africa/Kinshasa",
    "ES": "Europe/Madrid", "ID": "Asia/Jakarta", "MX": "America/Mexico_City", "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "US": "America/New_York",
}  # fmt: skip
_DAYS = {6: "sun", 5: "sat"}
WEEKDAYS = {"mon": "Monday", "sun": "Sunday", "sat": "Saturday"}


@dataclass(frozen=True)
class Country:
    """One country and what a shop there most likely wants."""

    code: str
    name: str
    currency: str
    timezone: str
    week_starts: str

    @property
    def line(self) -> str:
        """The derived settings on one line."""
        return f"{self.currency}, {self.timezone}, weeks begin on {WEEKDAYS[self.week_starts]}"


def facts(code: str) -> Country:
    """Raises Refused at "country" for one that is not on the list."""
    wanted = code.strip().upper()
    if wanted not in dict(listing()):
        raise Refused("Choose a country from the list (two letters, like KE).", "country")
    from babel.numbers import get_territory_currencies

    zones = _zones_of(wanted)
    own = clock.local_zone_name()
    zone = own if own in zones else _MAIN_ZONE.get(wanted, zones[0])
    return Country(wanted, dict(listing())[wanted], get_territory_currencies(wanted)[0], zone, _week(wanted))


@lru_cache(maxsize=1)
def listing() -> tuple[tuple[str, str], ...]:
    """(code, name) of every country with a currency and a time zone, by name."""
    from babel import Locale
    from babel.numbers import get_territory_currencies

    names = {str(code): str(name) for code, name in Locale("en").territories.items()}
    known = [code for code in names if len(code) == 2 and _zones_of(code) and get_territory_currencies(code)]
    return tuple(sorted(((code, names[code]) for code in known), key=lambda pair: pair[1]))


@lru_cache(maxsize=1)
def currencies() -> tuple[tuple[str, str], ...]:
    """(code, "KES – Kenyan Shilling") of every currency in use."""
    from babel import Locale
    from babel.numbers import get_territory_currencies

    names = Locale("en").currencies
    used = {currency for code, _ in listing() for currency in get_territory_currencies(code)}
    return tuple((code, f"{code} – {names[code]}") for code in sorted(used))


@lru_cache(maxsize=1)
def timezones() -> tuple[str, ...]:
    """Every zone of the list's countries, and the PC's own."""
    known = {zone for code, _ in listing() for zone in _zones_of(code)}
    return tuple(sorted(known | {clock.local_zone_name(), "UTC"}))


def here() -> str:
    """The country in which this PC most likely stands, by its time zone; empty when that says nothing."""
    from babel.core import get_global

    code = str(get_global("zone_territories").get(clock.local_zone_name(), ""))
    return code if code in dict(listing()) else ""


def _zones_of(code: str) -> list[str]:
    from babel.core import get_global

    return list(get_global("territory_zones").get(code, ()))


def _week(code: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        first = Locale.parse(f"und_{code}").first_week_day
    except (UnknownLocaleError, ValueError):
        return "mon"
    return _DAYS.get(first, "mon")
