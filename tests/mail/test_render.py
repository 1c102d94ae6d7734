"""What stands in the six mails, and what hostile names can't do to them. Budget: 5 s."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import jinja2
import pytest

from tracker import money
from tracker.errors import NotFound, Refused
from tracker.mail import formats, render
from tracker.mail.render import KINDS, ShopFacts
from tracker.mail.samples import sample_context

NASTY = [
    '<script>alert("x")</script>',
    'Nur "the Best" & Sons\' <b>',
    "{{ 7*7 }}{% for x in y %}",
    "🧂 Chumvi 🧂",
    "مؤسسة النور للتجارة",
    "‮evil‬ reversed",
    "a\r\nBcc: zawadi@example.org\r\n\r\nbody",
    "x" * 200,
    "jjQ0Qjj",
]


class _Tags(HTMLParser):
    """Collects the tags, and the attributes that start something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name == "href"]


def everywhere(value: Any, text: str) -> Any:
    """The context with every free text replaced."""
    if isinstance(value, dict):
        fixed = {"today", "due_on", "expires_at", "at", "link", "expected_on", "snoozed_until"}
        return {key: inner if key in fixed else everywhere(inner, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [everywhere(inner, text) for inner in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("kind", KINDS)
def test_each_mail_is_whole_and_light(kind: str, shop: ShopFacts) -> None:
    mail = render.render(kind, sample_context(kind), shop)
    for body in (mail.html, mail.text, mail.subject):
        assert not re.search(r"\{\{|\{%|<mj-|jjQ|None|Undefined", body)
    assert "fonts.googleapis" not in mail.html and "localhost" not in mail.html + mail.text
    assert len(mail.html.encode()) < 100_000 and "<" not in mail.text
    assert "\n" not in mail.subject and "Mama Amina’s" in mail.subject and len(mail.subject) < 80
    assert "color-scheme" in mail.html and "Sent by Finance Tracker for Mama Amina’s." in mail.text
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nasty", NASTY)
def test_a_hostile_name_is_only_a_name(kind: str, nasty: str, shop: ShopFacts) -> None:
    normal = _Tags(render.render(kind, sample_context(kind), shop).html)
    hostile_shop = ShopFacts(nasty, shop.base_url, shop.locale)
    mail = render.render(kind, everywhere(sample_context(kind), nasty), hostile_shop)
    tags = _Tags(mail.html)
    assert set(tags.tags) <= set(normal.tags) and not tags.handlers
    assert all(re.match(r"(https?://192\.168\.1\.20:8000/|tel:\+?[0-9]+$)", link) for link in tags.links)
    assert "\n" not in mail.subject and "\r" not in mail.subject + mail.text
    assert not any(line.lower().startswith("bcc:") for line in mail.text.splitlines())


def test_the_debt_reminder_says_what_is_owed_to_whom_and_how_late(shop: ShopFacts) -> None:
    mail = render.render("debt_reminder", sample_context("debt_reminder"), shop)
    assert mail.subject == "3 debts overdue, KES 86,400.50 – Mama Amina’s"
    for body in (mail.html, mail.text):
        for words in ("INV-1041", "12 days late", "1 day late", "KES 86,400.50", "in 5 days", "today", "RV-8812"):
            assert words in body
        assert "2 overdue debts not counted here" in body and "http://192.168.1.20:8000/debts" in body
    assert 'href="tel:+254722410118"' in mail.html and "Fri 20 Nov 2026" in mail.text


def test_how_far_ahead_it_looks_is_the_shops_setting(shop: ShopFacts) -> None:
    mail = render.render("debt_reminder", sample_context("debt_reminder") | {"due_soon_days": 14}, shop)
    assert "Due in the next 14 days: KES 21,750" in mail.text and "Due in the next 14 days" in mail.html


def test_one_debt_reads_like_one(shop: ShopFacts) -> None:
    context = sample_context("debt_reminder")
    context |= {"suppliers": context["suppliers"][1:], "count": 1, "total": 2_500_000, "due_soon": [], "quiet_count": 0}
    mail = render.render("debt_reminder", context, shop)
    assert mail.subject == "1 debt overdue, KES 25,000 – Mama Amina’s"
    assert "1 debt is overdue" in mail.text and "Due in the next" not in mail.html and "not counted" not in mail.html


def test_a_thousand_debts_of_a_thousand_suppliers_stay_below_what_gmail_cuts(shop: ShopFacts) -> None:
    debt = {
        "id": 1,
        "reference": "INV-" + "9" * 40,
        "amount": 10**11,
        "left": 10**10,
        "due_on": "2025-11-01",
        "days_late": 387,
    }
    supplier = {"supplier": "S" * 100, "supplier_id": 1, "phone": "+254 700 000 000", "total": 10**11}
    soon = [{"supplier": "S" * 100, "reference": "R" * 40, "left": 1, "due_on": "2026-11-24"}] * 300
    for groups, each in ((1000, 1), (1, 1000), (31, 40)):
        context = sample_context("debt_reminder") | {
            "suppliers": [{**supplier, "debts": [debt] * each}] * groups, "count": groups * each, "due_soon": soon,
        }  # fmt: skip
        mail = render.render("debt_reminder", context, shop)
        assert len(mail.html.encode()) < 100_000
        shown = mail.html.count("INV-")
        assert 40 < shown <= 120 or shown == 30 == each * 30
        assert (
            f"and {groups * each - shown} more</a>" in mail.html
            and f"... and {groups * each - shown} more." in mail.text
        )
        assert max(len(line) for line in mail.html.splitlines()) < 2000


def test_a_thousand_low_products_stay_below_it_too(shop: ShopFacts) -> None:
    row = sample_context("low_stock_notification")["products"][0] | {"name": "N" * 100, "supplier": "S" * 100}
    context = sample_context("reorder_alert") | {"new": [row] * 400, "still_low": [row] * 600, "count": 1004}
    mail = render.render("reorder_alert", context, shop)
    assert len(mail.html.encode()) < 100_000 and 60 < mail.html.count("NNN</span>") <= 120
    mail = render.render(
        "low_stock_notification", {"person": "A", "today": "2026-11-23", "products": [row] * 1000}, shop
    )
    assert len(mail.html.encode()) < 100_000 and "1000 products are low" in mail.subject


def test_the_reorder_alert_lists_each_product_once_in_its_part(shop: ShopFacts) -> None:
    mail = render.render("reorder_alert", sample_context("reorder_alert"), shop)
    assert mail.subject == "5 products to order, 2 sold out – Mama Amina’s"
    for name in ("Sugar, 2 kg", "Gorgonzola Telino", "Queso Cabrales", "Ipoh Coffee", "Rogede sild", "Louisiana Hot"):
        assert mail.text.count(f"  - {name}") == 1 and mail.html.count(f'<span dir="auto">{name}') == 1
    order = [
        mail.text.index(part)
        for part in ("Sold out (2)", "Newly low (2)", "Still low (1)", "Already ordered", "Later (1)")
    ]
    assert order == sorted(order)
    assert "70 jar coming Tue 1 Dec 2026" in mail.text and "not before Mon 7 Dec 2026" in mail.text


def test_one_product_that_ran_out(shop: ShopFacts) -> None:
    context = sample_context("low_stock_notification")
    context["products"][0]["on_hand"] = 0
    assert render.render("low_stock_notification", context, shop).subject == "Sold out: Queso Cabrales – Mama Amina’s"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:8000", "on the shop PC"),
        ("http://localhost:8000", "on the shop PC"),
        ("http://[::1]:8000", "on the shop PC"),
        ("http://192.168.1.20:8000", "shop’s own network"),
        ("http://shop.local:8000", "shop’s own network"),
        ("https://books.mamaamina.co.ke", ""),
    ],
)
def test_the_mail_says_where_its_link_opens(url: str, words: str) -> None:
    mail = render.render("debt_reminder", sample_context("debt_reminder"), ShopFacts.of("Mama Amina’s", url, "en_KE"))
    for body in (mail.html, mail.text):
        assert (words in body) if words else ("shop PC" not in body and "own network" not in body)
        assert f"{url}/debts" in body


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://x/y", "http://", "http://x/ y", "data:text/html,x"])
def test_a_link_that_is_no_web_address_is_refused(link: str, shop: ShopFacts) -> None:
    with pytest.raises(Refused, match="not a web address"):
        render.render("new_account", sample_context("new_account") | {"link": link}, shop)


def test_a_missing_fact_is_loud(shop: ShopFacts) -> None:
    context = sample_context("test_email")
    del context["sent_by"]
    with pytest.raises(jinja2.UndefinedError, match="sent_by"):
        render.render("test_email", context, shop)
    with pytest.raises(NotFound):
        render.render("welcome", {}, shop)


def test_an_empty_phone_a_missing_reference_and_no_supplier_leave_no_traces(shop: ShopFacts) -> None:
    context = sample_context("debt_reminder")
    context["suppliers"][0]["phone"] = None
    context["suppliers"][1]["phone"] = "ask Nur"
    context["suppliers"][0]["debts"][0]["reference"] = ""
    mail = render.render("debt_reminder", context, shop)
    assert "No reference" in mail.html and "No reference" in mail.text and "tel:" not in mail.html
    assert "ask Nur" in mail.html and "None" not in mail.html + mail.text


def test_the_shops_currency_and_locale_write_the_figures() -> None:
    money.use("JPY", 0, "en_JP")
    mail = render.render(
        "debt_reminder", sample_context("debt_reminder"), ShopFacts.of("Ya", "http://10.0.0.2", "en_JP")
    )
    assert "JPY 8,640,050" in mail.subject and "Left to pay, JPY" in mail.html


def test_dates_are_written_as_the_locale_does() -> None:
    assert formats.day("2026-11-20", "en_KE") == "Fri 20 Nov 2026"
    assert formats.day("2026-11-20", "en_US") == "Fri Nov 20 2026"
    assert formats.day("2026-11-20", "nonsense") == "Fri Nov 20 2026"
    assert formats.instant("2026-11-20T05:00:00.000Z", "en_KE") == "Fri 20 Nov 2026, 08:00"
    assert [formats.due_in(f"2026-11-{day}", "2026-11-23") for day in (23, 24, 30)] == [
        "today",
        "tomorrow",
        "in 7 days",
    ]
    assert [formats.days_late(days) for days in (1, 3)] == ["1 day late", "3 days late"]
