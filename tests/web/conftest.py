"""The shop's pages under test: an application on a fresh shop, and a browser-like client for each of the cast."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tracker import db
from tracker.config import Config
from tracker.shop import sessions, users
from tracker.web import create_app
from tracker.web.security import login_cookie

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Browser(FlaskClient):
    """A client that comes to the shop's own address and sends forms as a page of ours would."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("base_url", "http://localhost:8000")
        return super().open(*args, **kwargs)

    @property
    def token(self) -> str:
        """A token as any page of this client holds it."""
        found = TOKEN.search(self.get("/shortcuts").text) or TOKEN.search(self.get("/login").text)
        assert found, "no page shows a token"
        return found[1]

    def send(self, path: str, /, **fields: Any) -> TestResponse:
        """POST a form with a good token from our own origin."""
        return self.post(path, data={"csrf_token": self.token, **fields}, headers={"Origin": "http://localhost:8000"})


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    made = create_app(config)
    made.test_client_class = Browser
    yield made
    db.close()


@pytest.fixture
def people(app: Flask) -> dict[str, int]:
    """The ids of Amina (admin), Wanjiru (manager), Juma (cashier) and Vera (viewer). None of them has a password."""
    cast = (
        ("amina", "Amina", "admin"),
        ("wanjiru", "Wanjiru", "manager"),
        ("juma", "Juma", "cashier"),
        ("vera", "Vera", "viewer"),
    )
    return {key: int(users.add(key, name, role).id) for key, name, role in cast}


@pytest.fixture
def browser_of(app: Flask, people: dict[str, int]) -> Callable[[str], Browser]:
    """`browser_of("juma")`: a client that is signed in; `browser_of("zawadi")` is a stranger."""

    def start(name: str) -> Browser:
        client = app.test_client()
        if name in people:
            client.set_cookie(login_cookie(app), sessions.start(people[name]), domain="localhost")
        return client  # type: ignore[return-value]

    return start


@pytest.fixture
def amina(browser_of: Callable[[str], Browser]) -> Browser:
    return browser_of("amina")


@pytest.fixture
def juma(browser_of: Callable[[str], Browser]) -> Browser:
    return browser_of("juma")


@pytest.fixture
def zawadi(browser_of: Callable[[str], Browser]) -> Browser:
    return browser_of("zawadi")


@contextmanager
def _counting() -> Iterator[list[str]]:
    """The statements that the books are asked inside."""
    asked: list[str] = []
    original = db.books.execute_sql

    def execute_sql(sql: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(sql)
        return original(sql, *args, **kwargs)

    db.books.execute_sql = execute_sql  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        del db.books.execute_sql  # type: ignore[method-assign]


@pytest.fixture
def statements() -> Callable[[], Any]:
    """`with statements() as asked: …; assert len(asked) <= 5`"""
    return _counting
