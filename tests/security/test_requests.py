"""Single requests that once were answered with a fault, kept for ever; and settings that lock nobody out. About 6 s."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tracker import config as configuration
from tracker.errors import Misconfigured, Refused
from tracker.shop import settings


def test_a_number_that_no_book_can_hold_is_not_found(shop: SimpleNamespace, amina: Any) -> None:
    for number in ("9223372036854775807", "9223372036854775808", "9" * 400, "9" * 5000, "٣", "-1"):
        for path in ("/products/{}", "/debts/{}", "/health/mail/{}/body", "/users/{}"):
            assert amina.get(path.format(number)).status_code == 404, path.format(number[:30])


def test_an_address_that_makes_no_sense_is_a_foreign_one(shop: SimpleNamespace, amina: Any) -> None:
    fields = {"csrf_token": amina.token, "theme": "dark"}
    for name in ("Origin", "Referer"):
        for said in ("http://[", "http://][", "http://[::1", "http://localhost:8000]"):
            assert amina.post("/me/theme", data=fields, headers={name: said}).status_code == 403, said


def test_what_is_no_number_is_left_out(shop: SimpleNamespace, amina: Any) -> None:
    pages = ("/products/1?before=", "/cash/in?account=", "/debts/new?supplier=", "/payments/new?supplier=")
    for number in ("²", "٣", "9" * 20, "9" * 5000, "-1", "1e3", " ", "x"):
        for path in (*pages, "/products?page="):
            assert amina.get(path + number).status_code == 200, path + number
        assert amina.send("/notifications/read", newest=number).status_code == 303
        assert amina.send("/stock/low", **{f"quantity-{number}": "1", "only": number}).status_code == 422


def test_an_address_of_the_shop_that_makes_no_sense_locks_nobody_out(shop: SimpleNamespace, amina: Any) -> None:
    for url in ("http://[", "http://]", "http://[::1", "http://a:b", "http://a:99999", "http://:80", "http://a:0"):
        with pytest.raises(Refused) as no:
            settings.change(base_url=url)
        assert no.value.field == "base_url"
        with pytest.raises(Misconfigured, match="TRACKER_BASE_URL"):
            configuration.load({"TRACKER_BASE_URL": url})
        assert amina.get("/").status_code == 200
