"""The delivering process is killed again and again: nothing is lost, nothing goes twice. Budget: 30 s.

The long version: TRACKER_CHAOS_MAILS=300 python -m pytest tests/mail/test_chaos.py (TRACKER_TEST_SEED: the same kills).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.mail.servers import Sink
from tracker import db
from tracker.config import ROOT, Config
from tracker.mail.samples import sample_context
from tracker.shop import outbox, settings

MAILS = int(os.environ.get("TRACKER_CHAOS_MAILS", "30"))


class SlowSink(Sink):
    """Accepts, then waits before it says so: the moment in which nobody can know."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        import asyncio

        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.03)
        return answer


@pytest.mark.slow
@pytest.mark.parametrize("again_by_itself", [False, True], ids=["reminders", "password mails"])
def test_nothing_is_lost_and_nothing_goes_twice(books: Config, start: Any, seed: int, again_by_itself: bool) -> None:
    chance = random.Random(seed)
    sink, port = start(SlowSink())
    settings.change(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="plain", smtp_from="shop@example.org")
    kind = "reset_password" if again_by_itself else "debt_reminder"
    for number in range(MAILS):
        outbox.put(kind, f"{kind}:{number}", sample_context(kind), to_address=f"p{number}@example.org")
    kills = _deliver_under_fire(books.data, sink, chance)
    got = Counter(sink.to)
    counts = outbox.counts()
    held = {mail.to_address for mail in outbox.listing(("held",), MAILS)}
    print(f"{MAILS} mails, {kills} kills: {counts}, {sum(got.values()) - len(got)} twice")
    assert kills >= 3
    assert counts["sent"] + counts["held"] == MAILS
    assert all(got[mail.to_address] == 1 or again_by_itself for mail in outbox.listing(("sent",), MAILS))
    assert all(got[address] <= 1 for address in held)
    assert len(set(got) | held) == MAILS
    if again_by_itself:
        assert counts["held"] == 0 and sum(got.values()) - MAILS <= kills  # at most one double for each kill
    else:
        assert max(got.values()) == 1 and counts["held"] <= kills


def _deliver_under_fire(data: Path, sink: Sink, chance: random.Random) -> int:
    kills = 0
    ends = time.monotonic() + 60 + MAILS / 2
    while any(outbox.counts()[state] for state in ("queued", "sending")) and time.monotonic() < ends:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.mail.chaos_worker", str(data), f"{kills}-worker"],
            cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
        ) as worker:  # fmt: skip
            assert worker.stdout and worker.stdout.readline() == b"ready\n"
            enough = len(sink.raw) + chance.randint(1, MAILS // 5)  # counted, not timed: a busy PC has no fewer kills
            while len(sink.raw) < enough and any(outbox.counts()[state] for state in ("queued", "sending")):
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.04))
            kills += 1
            worker.kill()
        db.release()
    return kills
