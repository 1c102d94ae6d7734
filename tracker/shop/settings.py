"""What the owner may change about the shop: at most 25 settings, typed, each with its check, kept as key and value."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import peewee

from tracker import clock, db, money, numerals, quantity, text
from tracker.config import Config, is_sound
from tracker.errors import Refused
from tracker.shop import audit


class Setting(db.Model):
    """One stored value."""

    id = None  # type: ignore[assignment]
    key = peewee.TextField(primary_key=True)
    value = peewee.TextField()


@dataclass(frozen=True)
class Settings:
    """The shop as its owner set it up. Texts, whole numbers and yes/no only."""

    shop_name: str = "My shop"
    country: str = "US"
    currency: str = "USD"
    timezone: str = ""  # empty = the PC's
    week_starts: str = "mon"
    day_starts: str = "00:00"  # when a business day begins
    base_url: str = ""  # the address in mails; empty = TRACKER_BASE_URL or the PC's own
    phones_on_wifi: bool = False
    due_soon_days: int = 7
    reorder_mail: str = "daily"  # or "news": only when something is new
    allow_negative_stock: bool = False
    smtp_host: str = ""
    smtp_port: int = 0
    smtp_user: str = ""
    smtp_tls: str = ""
    smtp_from: str = ""
    backup_folder: str = ""  # a second place for copies: a USB stick, a share
    is_set_up: bool = False
    is_demo: bool = False

    @property
    def locale(self) -> str:
        """English with the country's signs for numbers and dates, e.g. `en_KE`."""
        return f"en_{self.country}"


_current = Settings()
_fixed: dict[str, Any] = {}


def load(config: Config | None = None) -> Settings:
    """Read the settings and tell clock, money and quantity. One statement: called per request, or per minute."""
    global _current
    if config is not None:
        _fixed.clear()
        _fixed.update(_from_environment(config))
    stored = dict(db.rows("SELECT key, value FROM setting"))
    known = {f.name: _typed(f.type, stored[f.name]) for f in fields(Settings) if f.name in stored}
    found = Settings(**{**known, **_fixed})
    if found != _current or config is not None:
        _current = found
        _recall(stored.get(_WRITING, ""))
        _apply(found)
    return found


def current() -> Settings:
    """The settings as last loaded by this process."""
    return _current


def fixed() -> frozenset[str]:
    """Names of settings that the environment decides; the page shows them as such."""
    return frozenset(_fixed)


def change(**values: Any) -> Settings:
    """Check and store new values. Raises Refused at the setting's name."""
    checked = {name: _CHECKS.get(name, _plain)(value) for name, value in values.items()}
    before = load()
    _refuse_currency_change(before, checked)
    changed = {name: value for name, value in checked.items() if getattr(before, name) != value}
    with db.write():
        for name, value in changed.items():
            Setting.replace(key=name, value=_stored(value)).execute()
        if changed:
            Setting.replace(key=_WRITING, value=_writing(replace(before, **changed))).execute()
            audit.note("settings.change", "settings", **changed)
    return load()


_WRITING = "writing"  # how the shop's numbers are written, looked up when it was set: a start then needs no CLDR


def _writing(found: Settings) -> str:
    style, places = numerals.style_of(found.locale), money.places_of(found.currency)
    known = {"locale": found.locale, "currency": found.currency, "places": places, "style": asdict(style)}
    return json.dumps(known, ensure_ascii=False)


def _recall(stored: str) -> None:
    if stored:
        known = json.loads(stored)
        style = known["style"]
        numerals.know(known["locale"], numerals.Style(style["decimal"], style["group"], tuple(style["groups"])))
        money.know(known["currency"], known["places"])


def _refuse_currency_change(before: Settings, checked: dict[str, Any]) -> None:
    wanted = checked.get("currency", before.currency)
    if wanted != before.currency and before.is_set_up:
        for table in ("stock_movement", "cash_entry", "payable_entry"):
            if db.rows(f"SELECT 1 FROM {table} LIMIT 1"):
                raise Refused("The currency can't change any more: amounts are booked in it.", "currency")


def _apply(found: Settings) -> None:
    clock.use(found.timezone, time.fromisoformat(found.day_starts))
    money.use(found.currency, money.places_of(found.currency), found.locale)
    quantity.use(found.locale)


def _from_environment(config: Config) -> dict[str, Any]:
    smtp = config.smtp
    found: dict[str, Any] = {"timezone": config.timezone, "base_url": config.base_url}
    if smtp.host:  # a server named by the environment is taken whole, never mixed with the page's
        found |= {"smtp_host": smtp.host, "smtp_port": smtp.port, "smtp_user": smtp.user, "smtp_tls": smtp.tls}
    found["smtp_from"] = smtp.sender
    return {name: value for name, value in found.items() if value or (name.startswith("smtp_") and smtp.host)}


def _typed(kind: Any, stored: str) -> Any:
    if kind == "bool":
        return stored == "1"
    return int(stored) if kind == "int" else stored


def _stored(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


# --- what each may be ------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    return value


def _shop_name(value: str) -> str:
    return text.line(value, "shop_name", "name for the shop", 100, required=True)


def _country(value: str) -> str:
    code = str(value).strip().upper()
    if not re.fullmatch(r"[A-Z]{2}", code):
        raise Refused("Choose a country from the list (two letters, like KE).", "country")
    return code


def _currency(value: str) -> str:
    from babel import Locale

    code = str(value).strip().upper()
    if code not in Locale("en").currencies:
        raise Refused("Choose a currency from the list (three letters, like KES).", "currency")
    return code


def _timezone(value: str) -> str:
    name = str(value).strip()
    try:
        return ZoneInfo(name).key if name else ""
    except (KeyError, ValueError, OSError) as error:
        raise Refused(f"“{name}” is not a time zone. Example: Africa/Nairobi.", "timezone") from error


def _time_of_day(value: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", str(value)):
        raise Refused("Write the time like 03:00.", "day_starts")
    return str(value)


def _base_url(value: str) -> str:
    url = text.line(value, "base_url", "address", 200).rstrip("/")
    if url and not (re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[^\s?#]*)?", url) and is_sound(url)):
        raise Refused("Write the address like http://192.168.1.20:8000.", "base_url")
    return url


def _days(value: int) -> int:
    if not 0 <= int(value) <= 60:
        raise Refused("Choose 0 to 60 days.", "due_soon_days")
    return int(value)


def _one_of(name: str, *choices: str) -> Any:
    def check(value: str) -> str:
        if value not in choices:
            raise Refused(f"Choose one of: {', '.join(choices)}.", name)
        return value

    return check


def _host(value: str) -> str:
    host = text.line(value, "smtp_host", "mail server", 253)
    if host and not re.fullmatch(r"[A-Za-z0-9._\-:]+", host):
        raise Refused("Write only the server's name, like smtp.gmail.com.", "smtp_host")
    return host


def _port(value: int) -> int:
    if not 0 <= int(value) <= 65535:
        raise Refused("A port is a number up to 65535; 587 and 465 are usual.", "smtp_port")
    return int(value)


def address(value: str, field: str = "email") -> str:
    """An e-mail address, loosely checked (the server decides), never with line breaks. Empty stays empty."""
    found = text.line(value, field, "e-mail address", 254)
    if found and not re.fullmatch(
        r"[^@\s,;<>\"()\\]+@[^@\s,;<>\"()\\]+\.[^@\s,;<>\"()\\]+|[^@\s,;<>\"()\\]+@localhost", found
    ):
        raise Refused(f"“{found}” is not an e-mail address.", field)
    return found


_CHECKS: dict[str, Any] = {
    "shop_name": _shop_name,
    "country": _country,
    "currency": _currency,
    "timezone": _timezone,
    "week_starts": _one_of("week_starts", "mon", "sun", "sat"),
    "day_starts": _time_of_day,
    "base_url": _base_url,
    "due_soon_days": _days,
    "reorder_mail": _one_of("reorder_mail", "daily", "news"),
    "smtp_host": _host,
    "smtp_port": _port,
    "smtp_tls": _one_of("smtp_tls", "", "starttls", "ssl", "plain"),
    "smtp_user": lambda value: text.line(value, "smtp_user", "user name", 254),
    "smtp_from": lambda value: address(value, "smtp_from"),
    "backup_folder": lambda value: text.line(value, "backup_folder", "folder", 500),
}


def as_dict() -> dict[str, Any]:
    """All settings by name, for the settings page and for support texts."""
    return asdict(_current)


def forget() -> None:
    """Back to the defaults; for tests and for a folder that was exchanged under a stopped shop."""
    global _current
    _current = replace(Settings())
    _fixed.clear()
    _apply(_current)
