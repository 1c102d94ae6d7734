"""A real shop with a mail server, set up, with one overdue debt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.jobs.real import RealShop
from tests.mail import servers
from tests.mail.servers import Sink
from tracker import clock
from tracker import config as configuration
from tracker.config import Config
from tracker.money import Money
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import payables, settings, suppliers, users


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server that takes everything; `sink.port` is where."""
    found = Sink()
    controller = servers.start(found)
    found.port = controller.port  # type: ignore[attr-defined]
    yield found
    controller.stop()


@pytest.fixture
def shop(config: Config, sink: Sink) -> Iterator[RealShop]:
    """Amina's shop: KES, Nairobi, she has an address; nothing is due and no worker runs yet."""
    smtp = configuration.Smtp("127.0.0.1", sink.port, tls="plain", sender="shop@example.org")  # type: ignore[attr-defined]
    config = replace(config, smtp=smtp)
    open_shop(config)
    settings.change(shop_name="Mama Amina's", country="KE", currency="KES", timezone="Africa/Nairobi", is_set_up=True)
    users.add("amina", "Amina", "admin", "amina@example.org")
    real = RealShop(config, sink.port)  # type: ignore[attr-defined]
    yield real
    real.close()
    close_shop()


@pytest.fixture
def overdue(shop: RealShop) -> None:
    """One debt to Kimani Wholesale, three days late."""
    today = clock.today()
    kimani = int(suppliers.add("Kimani Wholesale").id)
    payables.owe(kimani, Money(5240000), today - timedelta(days=33), today - timedelta(days=3), reference="INV-1180")
