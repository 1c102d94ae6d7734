"""A busy shop: `selling.py DATA SECONDS` books until its stdin ends, and says each entry once it is committed."""

import sys
import threading
import time
from pathlib import Path

from tests.ops.copying import entries
from tracker import clock, db
from tracker.config import ROOT, Config
from tracker.money import Money
from tracker.ops import snapshots, startup
from tracker.shop import audit, cash

config, until = Config(root=ROOT, data=Path(sys.argv[1])), time.monotonic() + float(sys.argv[2])
startup.open_shop(config)
with db.write():
    for _ in range(1000):
        audit.note("test.old", "cash_account:1", basket="rice " * 300)
db.books.pragma("wal_autocheckpoint", 60)  # a day's checkpoints in seconds: each can tear a copy
snapshots.take(config, "the first", even_unchanged=True)
taken, ended = time.monotonic(), threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
print(entries(), flush=True)
while time.monotonic() < until and not ended.is_set():
    with db.write():
        cash.take(1, Money(100))
        audit.note("test.sale", "cash_account:1", basket="maize flour " * 100)
    print(entries(), flush=True)
    time.sleep(0.001)  # a very busy shop, not a benchmark
    if time.monotonic() - taken > 2:
        snapshots.take(config, f"at {clock.now()}", even_unchanged=True)
        taken = time.monotonic()
startup.close_shop(leave_snapshot=True)
