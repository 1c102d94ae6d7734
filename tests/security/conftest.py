"""A demo shop with everybody in it, for those who attack it; no mail server outside this PC can be reached from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from tests.jobs.timetable import hours_of_tasks
from tests.ports import free_port
from tests.web.conftest import Browser, amina, browser_of, juma, people, statements, zawadi
from tracker import clock, db
from tracker.config import Config, Smtp
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import cash, demo, incoming, notifications, outbox, payables, payments, settings, stock, users
from tracker.shop.notifications import Notice
from tracker.web import create_app

__all__ = ["amina", "browser_of", "juma", "people", "statements", "zawadi"]


@pytest.fixture
def config(config: Config) -> Config:
    """The environment names a mail server that nobody runs: no test knocks at a real one."""
    return replace(config, smtp=Smtp("127.0.0.1", free_port(), "shop", "", "plain", "shop@example.org"))


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    made = create_app(config)
    made.test_client_class = Browser
    yield made
    db.close()


@pytest.fixture
def shop(app: Flask, people: dict[str, int]) -> SimpleNamespace:
    """The demo shop's goods and debts, and one of everything that has a page."""
    settings.change(is_set_up=True, shop_name="Mama Amina's", country="KE", currency="KES", timezone="Africa/Nairobi")
    users.edit(people["amina"], email="amina@shop.example")
    hours_of_tasks()
    demo.load()
    settings.change(is_demo=False)  # so that nobody can take it away with one click
    product, supplier = 1, 1
    stock.receive(product, Quantity.of(5), Money(50_00))
    movement = stock.adjust(product, Quantity.of(-1), "damage", "fell down")
    order = incoming.mark_ordered(product, Quantity.of(3))
    debt = payables.owe(supplier, Money(900_00), clock.today(), reference="EXTRA-1")
    till = next(account for account in cash.balances() if account.kind == "till")
    entry = cash.take(till.id, Money(5_000_00), note="sales of Saturday")
    paid = payments.record(supplier, till.id, Money(100_00), clock.today(), parts={debt.id: Money(100_00)})
    for name, user_id in people.items():
        notifications.write(user_id, "low_stock_notification", [Notice("product:1", f"For {name}.", "/products/1")])
    mail = outbox.put("test_email", "test:1", {"sent_by": "Amina"}, to_address="somebody@shop.example")
    return SimpleNamespace(
        product=product, supplier=supplier, movement=movement.id, order=getattr(order, "id", 1), debt=debt.id,
        till=till.id, entry=entry.id, payment=paid.id, mail=getattr(mail, "id", mail), people=people,
    )  # fmt: skip


def dump(leave_out: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the books."""
    tables = [name for (name,) in db.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {name: db.rows(f'SELECT * FROM "{name}"') for name in tables if name not in leave_out}
