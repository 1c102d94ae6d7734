"""A mail server to send to, and a shop that is set up to use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.mail import servers
from tests.mail.servers import Line, Scripted, Sink
from tracker import clock, money, quantity
from tracker.mail.compose import Letter
from tracker.mail.render import Rendered, ShopFacts
from tracker.mail.transport import MailServer

SHOP = ShopFacts.of("Mama Amina’s", "http://192.168.1.20:8000", "en_KE")


@pytest.fixture(autouse=True)
def _in_nairobi() -> None:
    money.use("KES", 2, "en_KE")
    quantity.use("en_KE")
    clock.use("Africa/Nairobi")


@pytest.fixture
def shop() -> ShopFacts:
    return SHOP


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[Sink, int]]]:
    """Starts real servers: `sink, port = start(...)`."""
    running = []

    def begin(sink: Sink | None = None, **how: Any) -> tuple[Sink, int]:
        sink = sink or Sink()
        controller = servers.start(sink, **how)
        running.append(controller)
        return sink, controller.port

    yield begin
    for controller in running:
        controller.stop()


@pytest.fixture
def scripted() -> Iterator[Callable[[Callable[[Line], None]], Scripted]]:
    """Starts servers that misbehave as their script says."""
    running: list[Scripted] = []

    def begin(script: Callable[[Line], None]) -> Scripted:
        running.append(Scripted(script))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


def plain_server(port: int, **more: Any) -> MailServer:
    facts: dict[str, Any] = {
        "tls": "plain",
        "sender": "shop@example.org",
        "sender_name": "Mama Amina’s",
        "timeout": 2.0,
    }
    return MailServer("127.0.0.1", port, **{**facts, **more})


def letter(to: str = "amina@example.org", name: str = "Amina", **more: Any) -> Letter:
    rendered = more.pop("rendered", None) or Rendered("3 debts overdue", "You owe.\n", "<p>You owe.</p>\n")
    sender = more.pop("sender", ("shop@example.org", "Mama Amina’s"))
    return Letter(
        rendered, more.pop("kind", "debt_reminder"), (to, name), sender, "<1@finance-tracker.invalid>", **more
    )
