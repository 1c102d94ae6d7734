"""Single requests that once were answered with a fault, kept for ever; and settings that lock nobody out. About 6 s."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tracker import config as configuration
from tracker.errors import Misconfigured, Refused
from tracker.shop import settings

HERE = {"Origin": "http://localhost:8000"}


@pytest.mark.parametrize("number", ["9223372036854775807", "9223372036854775808", "9" * 400, "9" * 5000, "٣", "-1"])
@pytest.mark.parametrize("path", ["/products/{}", "/debts/{}", "/health/mail/{}/body", "/users/{}"])
def test_a_number_that_no_book_can_hold_is_not_found(amina: Any, path: str, number: str) -> None:
    assert amina.get(path.format(number)).status_code == 404


@pytest.mark.parametrize("name", ["Origin", "Referer"])
@pytest.mark.parametrize("said", ["http://[", "http://][", "http://[::1", "http://localhost:8000]"])
def test_an_address_that_makes_no_sense_is_a_foreign_one(amina: Any, name: str, said: str) -> None:
    answer = amina.post("/me/theme", data={"csrf_token": amina.token, "theme": "dark"}, headers={name: said})
    assert answer.status_code == 403


@pytest.mark.parametrize("number", ["²", "٣", "9" * 20, "9" * 5000, "-1", "1e3", " ", "x"])
def test_what_is_no_number_is_left_out(shop: SimpleNamespace, amina: Any, number: str) -> None:
    asked = (
        "/products/1?before=",
        "/cash/in?account=",
        "/debts/new?supplier=",
        "/payments/new?supplier=",
        "/products?page=",
    )
    for path in asked:
        assert amina.get(path + number).status_code == 200, path
    assert amina.send("/notifications/read", newest=number).status_code == 303
    assert amina.send("/stock/low", **{f"quantity-{number}": "1", "only": number}).status_code == 422


@pytest.mark.parametrize(
    "url",
    ["http://[", "http://]", "http://[::1", "http://a:b", "http://a:99999", "http://:80", "http://a:0", "http://[x]"],
)
def test_an_address_of_the_shop_that_makes_no_sense_locks_nobody_out(
    shop: SimpleNamespace, amina: Any, url: str
) -> None:
    with pytest.raises(Refused) as no:
        settings.change(base_url=url)
    assert no.value.field == "base_url"
    with pytest.raises(Misconfigured, match="TRACKER_BASE_URL"):
        configuration.load({"TRACKER_BASE_URL": url})
    assert amina.get("/").status_code == 200
