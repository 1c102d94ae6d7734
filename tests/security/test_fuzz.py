"""Whatever is sent, by whomever: no answer is a fault, and what was refused changed nothing. Budget: 25 s.

TRACKER_FUZZ_REQUESTS=50000 makes it the long version; TRACKER_TEST_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
from types import SimpleNamespace

import pytest
from flask import Flask

from tests.security.walker import Walker
from tracker.shop import books

REQUESTS = int(os.environ.get("TRACKER_FUZZ_REQUESTS", "3000"))


@pytest.mark.timeout(60 + REQUESTS // 20)
def test_no_request_is_answered_with_a_fault_and_a_refused_one_changes_nothing(
    app: Flask, shop: SimpleNamespace, seed: int
) -> None:
    walker = Walker(app, shop, random.Random(seed))
    walker.start()
    assert len(walker.forms) > 25, "the vandal found too few forms"
    for _ in range(REQUESTS):
        walker.step()
    assert not walker.wrong, f"seed {seed}, {walker.codes}\n" + "\n".join(walker.wrong[:40])
    done = sum(count for code, count in walker.codes.items() if code < 400)
    assert done > REQUESTS / 10, f"too little was let through for this to mean much: {walker.codes}"
    assert books.verify() == []
