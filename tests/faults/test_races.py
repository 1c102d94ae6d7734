"""Many at once on one thing: one wins, the others are told, the books add up (F20). Budget: 15 s."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from flask import Flask

from tracker import clock, db
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import books, cash, payables, products

HERE = {"Origin": "http://localhost:8000"}


def all_at_once(many: int, do: Callable[[int], Any]) -> list[Any]:
    """Each in a thread of its own, all let go at the same moment; what each brought back, faults included."""
    start, found = threading.Barrier(many), [None] * many

    def one(number: int) -> None:
        start.wait()
        try:
            found[number] = do(number)
        except Exception as error:
            found[number] = error
        finally:
            db.books.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


class Clicks:
    """Clients that are signed in as one person, with their tokens fetched before the race begins."""

    def __init__(self, browser_of: Callable[[str], Any], many: int, name: str = "amina") -> None:
        self.clients = [browser_of(name) for _ in range(many)]
        self.tokens = [client.token for client in self.clients]

    def send(self, number: int, path: str, **fields: Any) -> int:
        form = {"csrf_token": self.tokens[number], **fields}
        return int(self.clients[number].post(path, data=form, headers=HERE).status_code)


def key() -> str:
    return secrets.token_urlsafe(16)


def test_twenty_pay_the_same_debt_and_it_is_paid_once(shop: SimpleNamespace, browser_of: Callable[[str], Any]) -> None:
    debt = payables.owe(5, Money(3_991_00), clock.today())
    cash.take(shop.till, Money(100_000_00))
    before = db.rows("SELECT COUNT(*) FROM payment")[0][0]
    clicks = Clicks(browser_of, 20)
    form = {"amount": "3991", "account": shop.till, "paid_on": clock.today().isoformat()}
    codes = all_at_once(
        20, lambda n: clicks.send(n, f"/payments/new?supplier=5&debt={debt.id}", **form, request_key=key())
    )
    assert sorted(codes) == [303] + [422] * 19
    assert db.rows("SELECT COUNT(*) FROM payment")[0][0] == before + 1
    assert payables.get(debt.id).left_to_pay == Money(0) and books.verify() == []


def test_one_form_sent_twenty_times_at_once_is_done_once(
    shop: SimpleNamespace, browser_of: Callable[[str], Any]
) -> None:
    cash.take(shop.till, Money(100_000_00))
    today = clock.today().isoformat()
    forms: dict[str, tuple[str, dict[str, Any]]] = {
        "payment": ("/payments/new?supplier=1", {"amount": "1", "account": shop.till, "paid_on": today}),
        "payable": ("/debts", {"supplier": 1, "issued_on": today, "amount": "10"}),
        "cash_entry": ("/cash/in", {"account": shop.till, "amount": "5", "note": "x", "moved_on": today}),
        "stock_movement": ("/products/2/receive", {"quantity": "3"}),
        "incoming": ("/products/3/order", {"quantity": "3"}),
        "supplier": ("/suppliers", {"name": "Twice"}),
        "product": ("/products", {"name": "Twice", "unit": "piece", "unit_decimals": "0"}),
        "cash_account": ("/cash/accounts", {"name": "Twice", "kind": "till"}),
        "user": ("/users", {"name": "Twice", "username": "twice", "role": "viewer"}),
        "mail": (f"/health/mail/{shop.mail}/again", {}),
    }
    db.books.execute_sql("UPDATE mail SET state = 'failed' WHERE id = ?", (shop.mail,))
    clicks = Clicks(browser_of, 20)
    for number, (table, (path, fields)) in enumerate(forms.items()):
        before = db.rows(f"SELECT COUNT(*) FROM {table}")[0][0]
        sent = {**fields, "request_key": key()}
        # Four at a time: the creating forms; all twenty for money, where it counts.
        many = 20 if number == 0 else 4
        codes = all_at_once(many, lambda n, path=path, sent=sent: clicks.send(n, path, **sent))  # type: ignore[misc]
        assert codes == [303] * many, (table, codes)
        assert db.rows(f"SELECT COUNT(*) FROM {table}")[0][0] == before + 1, table
    assert books.verify() == []


def test_thirty_receive_count_and_void_one_product_and_the_sums_hold(
    app: Flask, shop: SimpleNamespace, browser_of: Callable[[str], Any]
) -> None:
    clicks = Clicks(browser_of, 30)

    def work(number: int) -> list[int]:
        ways = (
            ("receive", {"quantity": "2"}),
            ("adjust", {"quantity": "1", "reason": "damage"}),
            ("count", {"counted": "9"}),
        )
        done = []
        for step in range(4):
            way, fields = ways[(number + step) % 3]
            done.append(clicks.send(number, f"/products/1/{way}", **fields, request_key=key()))
            latest = db.rows("SELECT MAX(id) FROM stock_movement WHERE product_id = 1")[0][0]
            done.append(clicks.send(number, f"/products/1/movements/{latest}/void", reason="race"))
        return done

    found = all_at_once(30, work)
    codes = {code for one in found for code in (one if isinstance(one, list) else [one])}
    assert codes <= {303, 404, 409, 422}, codes
    on_hand, moved = db.rows(
        "SELECT p.on_hand, SUM(m.quantity) FROM product p JOIN stock_movement m ON m.product_id = p.id WHERE p.id = 1"
    )[0]
    assert on_hand == moved and products.get(1).on_hand >= Quantity(0)
    assert books.verify() == []


def test_a_void_and_a_payment_of_the_same_debt_never_both_hold(
    shop: SimpleNamespace, browser_of: Callable[[str], Any]
) -> None:
    cash.take(shop.till, Money(100_000_00))
    clicks = Clicks(browser_of, 2)
    for _ in range(6):
        debt = payables.owe(6, Money(50_00), clock.today())
        paying = {"amount": "50", "account": shop.till, "paid_on": clock.today().isoformat(), "request_key": key()}
        ways = (f"/payments/new?supplier=6&debt={debt.id}", paying), (f"/debts/{debt.id}/void", {"reason": "wrong"})
        codes = all_at_once(2, lambda n, ways=ways: clicks.send(n, ways[n][0], **ways[n][1]))  # type: ignore[misc]
        assert sorted(codes) == [303, 422], codes
        assert payables.get(debt.id).left_to_pay == Money(0)
    assert books.verify() == []
