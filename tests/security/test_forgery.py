"""Requests from elsewhere do nothing, looking changes nothing, and nobody reaches what is another's. Budget: 20 s."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from flask import Flask

from tests.security.conftest import dump
from tests.security.walker import pages, unsafe_headers
from tracker import db
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import incoming, notifications, products, sessions, stock, users

HERE = {"Origin": "http://localhost:8000"}
LISTS = ("/products", "/suppliers", "/debts", "/payments", "/cash", "/stock/low", "/notifications", "/health/mail")


def posts(app: Flask, shop: SimpleNamespace) -> list[str]:
    """An address for every route that takes a POST."""
    known = {"movement_id": shop.movement, "order_id": shop.order, "user_id": shop.people["juma"], "mail_id": shop.mail}
    known |= {"job": "backup", "way": "in", "name": "worker", "session_id": 1, "notification_id": 1}
    return [
        re.sub(r"<([^>]+)>", lambda part: str(known.get(part[1].rpartition(":")[2], 1)), rule.rule)
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
    ]


def state() -> dict[str, Any]:
    """All that the books hold, but for when somebody was last seen."""
    found = dump(leave_out=("session",))
    found["session"] = db.rows("SELECT id, token_hash, user_id, created_at, ended_at FROM session")
    return found


def test_no_form_from_elsewhere_does_anything(
    app: Flask, shop: SimpleNamespace, amina: Any, browser_of: Callable[[str], Any]
) -> None:
    token, foreign = amina.token, browser_of("wanjiru").token
    wrong, before = [], state()
    for path in posts(app, shop):
        for fields, headers in (
            ({}, HERE),
            ({}, {}),
            ({}, {**HERE, "HX-Request": "true"}),
            ({"csrf_token": token}, {"Origin": "http://evil.example"}),
            ({"csrf_token": token}, {"Origin": "null"}),
            ({"csrf_token": token}, {"Origin": "http://localhost:8001"}),
            ({"csrf_token": token}, {"Referer": "http://evil.example/products"}),
            ({"csrf_token": foreign}, HERE),
            ({"csrf_token": token[:-1]}, HERE),
        ):
            code = amina.post(
                path, data={**fields, "name": "x", "theme": "dark", "reason": "x"}, headers=headers
            ).status_code
            if code != 403:
                wrong.append(f"{path} {list(fields)} {headers}: {code}")
    assert not wrong, "\n".join(wrong)
    assert state() == before


def test_looking_changes_nothing(app: Flask, shop: SimpleNamespace, browser_of: Callable[[str], Any]) -> None:
    amina = browser_of("amina")
    asked = [*pages(app, shop), *(f"{path}?format={kind}&q=a" for path in LISTS for kind in ("csv", "xlsx"))]
    asked += ["/products?sort=value&dir=desc&page=2", "/search?q=chai", "/debts?state=overdue", "/nothing"]
    before, wrong = state(), []
    for name in ("amina", "juma", "zawadi"):
        client = browser_of(name) if name != "amina" else amina
        before = state()
        for path in asked:
            for method in ("GET", "HEAD", "OPTIONS"):
                answer = client.open(path, method=method, headers={"HX-Request": "true"} if method == "HEAD" else {})
                wrong += [f"{name} {path}: {words}" for words in unsafe_headers(answer)]
                if answer.status_code >= 500 and path != "/healthz":
                    wrong.append(f"{name} {method} {path}: {answer.status_code}")
        after = state()
        wrong += [f"{name} changed {table}" for table in before if before[table] != after[table]]
    assert not wrong, "\n".join(wrong)


def test_no_route_answers_under_another_name(app: Flask, shop: SimpleNamespace, amina: Any) -> None:
    before = state()
    for path in {*pages(app, shop), *posts(app, shop)}:
        for host in ("evil.example", "evil.example:8000", "localhost.evil.example"):
            assert amina.get(path, headers={"Host": host}).status_code == 400, path
            assert amina.post(path, headers={"Host": host, "Origin": f"http://{host}"}).status_code == 400, path
    assert state() == before


def test_an_odd_path_leads_nowhere_else(shop: SimpleNamespace, amina: Any, zawadi: Any) -> None:
    said = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    odd = ("//evil.example/products", "/\\evil.example", "//evil.example", "///evil.example/", "/%0d%0aX-Evil:1")
    for path in odd:
        for client in (amina, zawadi):
            answer = client.get("http://localhost:8000" + path, headers=said)
            assert answer.status_code in (303, 308, 404) and not unsafe_headers(answer), answer.headers


# --- what is another's ------------------------------------------------------------------------------------------------


def test_another_persons_notice_and_session_are_not_found(
    app: Flask, shop: SimpleNamespace, amina: Any, juma: Any
) -> None:
    hers = notifications.latest(shop.people["amina"])[0]
    assert juma.send(f"/notifications/{hers.id}/read").status_code == 404
    assert notifications.latest(shop.people["amina"])[0].read_at is None
    assert f"/notifications/{hers.id}/" not in juma.get("/notifications").text
    her_session = sessions.active(shop.people["amina"], "admin")[0].id
    juma.send(f"/me/sessions/{her_session}/end")
    assert amina.get("/me").status_code == 200, "the cashier signed the owner out"
    juma.send("/me/sessions/end")
    assert amina.get("/me").status_code == 200


def test_an_id_under_another_thing_is_not_found(shop: SimpleNamespace, amina: Any) -> None:
    other = stock.receive(2, Quantity.of(1), Money(100))
    order = incoming.mark_ordered(2, Quantity.of(4))
    before = state()
    assert amina.send(f"/products/1/movements/{other.id}/void", reason="x").status_code == 404
    assert amina.send(f"/products/1/orders/{order.id}/cancel").status_code == 404
    foreign_debt = db.rows("SELECT id FROM payable WHERE supplier_id <> 1 AND left_to_pay > 0")[0][0]
    fields = {"amount": "1", "account": shop.till, "paid_on": "2026-01-05"}
    assert amina.send(f"/payments/new?supplier=1&debt={foreign_debt}", **fields, reference="z" * 61).status_code == 422
    assert amina.send("/payments/new?supplier=1", amount="1", **{f"part-{foreign_debt}": "1"}).status_code == 422
    assert state() == before


def test_a_waiting_file_is_for_the_one_who_brought_it(
    shop: SimpleNamespace, amina: Any, browser_of: Callable[[str], Any]
) -> None:
    import io

    brought = {"kind": "suppliers", "file": (io.BytesIO(b"name\nKimani\n"), "list.csv"), "csrf_token": amina.token}
    place = amina.post("/imports", data=brought, headers=HERE).headers["Location"]
    assert amina.get(place).status_code == 200
    wanjiru = browser_of("wanjiru")
    assert wanjiru.get(place).status_code == 404 and wanjiru.send(place).status_code == 404
    for name in ("../secret/secret_key", "..%2fsecret%2fsecret_key", "%2e%2e/shop.sqlite3", "C:shop.sqlite3"):
        assert amina.get(f"/imports/{name}").status_code == 404


def test_fields_that_no_form_offers_change_nothing(shop: SimpleNamespace, amina: Any, juma: Any) -> None:
    cast = shop.people["juma"]
    more = {
        "role": "admin",
        "id": "1",
        "is_active": "0",
        "username": "owner",
        "user_id": "1",
        "created_at": "2020-01-01",
    }
    assert juma.send("/me", name="Juma", email="", **more).status_code == 303
    assert juma.send("/me/theme", theme="dark", role="admin").status_code == 303
    assert juma.send("/me/notices", notices="nothing", **more).status_code == 303
    person = users.get(cast)
    assert (person.role, person.username, person.is_active) == ("cashier", "juma", True)
    before = products.get(1)
    fields = {"name": before.name, "sku": before.sku, "unit": "piece", "unit_decimals": "0", "reorder_level": "3"}
    more = {"on_hand": "999", "stock_value": "999", "on_order": "99", "archived_at": "2020-01-01", "id": "2"}
    assert amina.send("/products/1", **fields, **more).status_code == 303
    after = products.get(1)
    assert (after.on_hand, after.stock_value, after.on_order) == (before.on_hand, before.stock_value, before.on_order)
    assert after.archived_at is None


def test_the_till_never_sees_what_goods_cost(app: Flask, shop: SimpleNamespace, juma: Any, amina: Any) -> None:
    stock.receive(1, Quantity.of(7), Money(7 * 7_391_13))
    products.edit(1, reorder_level=Quantity.of(999))
    signs = ("7,391.13", "7391.13", "739113", str(products.get(1).stock_value), products.get(1).stock_value.plain())
    asked = [*pages(app, shop), "/search?q=a", "/products?sort=value", "/products?sort=cost", "/stock/low?sort=cost"]
    asked += [f"{path}?format=csv" for path in LISTS]
    leaks = [(path, sign) for path in asked for sign in signs if sign in juma.get(path).text]
    assert not leaks
    assert any(sign in amina.get("/products/1").text for sign in signs), (
        "nothing to see for anybody: this proves nothing"
    )
