"""A shop that was set up and has something in its books, for the tests of copies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ops.copying import set_up_books
from tracker.config import Config
from tracker.ops.startup import close_shop, open_shop


@pytest.fixture
def shop(config: Config) -> Iterator[Config]:
    """Amina's shop, set up, open, with a till and three entries in it."""
    open_shop(config)
    set_up_books()
    yield config
    close_shop()
