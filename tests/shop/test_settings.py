"""The shop's settings: typed, checked, kept, and never above the environment. Budget: 3 s."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tests import cast
from tracker import clock, money
from tracker.config import ROOT, Config, Smtp
from tracker.errors import Refused
from tracker.money import Money
from tracker.shop import audit, cash, settings


@pytest.fixture(autouse=True)
def _open(books: Config) -> None:
    """Every test here needs the books."""


def test_what_was_changed_is_read_back_with_its_type() -> None:
    settings.change(due_soon_days=3, allow_negative_stock=True, shop_name="  Duka   la Amina ")
    found = settings.load()
    assert (found.due_soon_days, found.allow_negative_stock, found.shop_name) == (3, True, "Duka la Amina")


def test_clock_and_money_follow_the_settings() -> None:
    settings.change(country="KE", currency="UGX", timezone="Asia/Kolkata", day_starts="03:00")
    assert clock.local(datetime(2026, 11, 23, 0, 0, tzinfo=UTC)).hour == 5
    assert clock.business_day(datetime(2026, 11, 22, 21, 0, tzinfo=UTC)).day == 22
    assert money.places_of("UGX") == 0 and Money.parse("1,500") == Money(1500)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shop_name", " "), ("country", "Kenya"), ("currency", "K"), ("timezone", "Mars/Base"), ("week_starts", "tue"),
        ("day_starts", "24:00"), ("base_url", "javascript:x"), ("due_soon_days", -1), ("reorder_mail", "hourly"),
        ("smtp_host", "a host"), ("smtp_port", 70000), ("smtp_tls", "maybe"), ("smtp_from", "a@b\nBcc: c@d.example"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_at_its_field_and_nothing_is_kept(name: str, value: object) -> None:
    before = settings.load()
    with pytest.raises(Refused) as no:
        settings.change(**{name: value, "due_soon_days": value if name == "due_soon_days" else 9})
    assert no.value.field == name
    assert settings.load() == before


def test_the_currency_stays_once_an_amount_is_booked() -> None:
    cast.shop()
    settings.change(currency="USD")
    cash.take(cash.balances()[0].id, Money(100))
    with pytest.raises(Refused) as no:
        settings.change(currency="KES")
    assert no.value.field == "currency"


def test_the_environment_wins_and_a_server_is_taken_whole(books: Config) -> None:
    settings.change(smtp_host="smtp.page.example", smtp_port=465, smtp_user="page", timezone="Africa/Nairobi")
    smtp = Smtp(host="smtp.fixed.example", user="fixed")
    found = settings.load(dataclasses.replace(books, smtp=smtp, timezone="Africa/Kampala"))
    assert (found.smtp_host, found.smtp_port, found.smtp_user) == ("smtp.fixed.example", 0, "fixed")
    assert found.timezone == "Africa/Kampala"
    assert {"smtp_host", "smtp_user", "timezone"} <= settings.fixed()


def test_every_change_is_on_record_with_who_made_it() -> None:
    amina = cast.amina()
    with audit.acting(amina.actor):
        settings.change(due_soon_days=2)
        settings.change(due_soon_days=2)  # no change, no record
    assert [(one.who, one.detail) for one in audit.of("settings")] == [("Amina", '{"due_soon_days": 2}')]


def test_a_start_reads_how_numbers_are_written_from_the_books(books: Config) -> None:
    """CLDR costs a start 10 MB and a tenth of a second: it is asked when the country changes, not each time."""
    settings.change(country="IN", currency="JPY")
    program = (
        "import sys; from tracker import config, money; from tracker.ops.startup import open_shop, close_shop;"
        "open_shop(config.load()); print(money.Money(1234567).with_currency(), 'babel' in sys.modules); close_shop()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TRACKER_DATA": str(books.data)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["JPY", "12,34,567", "False"]
