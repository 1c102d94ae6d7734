"""Open a shop and say how many entries its till has: `opening.py DATA [snapshot|backup|stay|sqlite-with-the-fault]`."""

import sys
from pathlib import Path

from tracker import db
from tracker.config import ROOT, Config
from tracker.errors import ShopError
from tracker.ops import backups, snapshots, startup

config, then = Config(root=ROOT, data=Path(sys.argv[1])), sys.argv[2:]
if "sqlite-with-the-fault" in then:  # the switch that an old SQLite throws by itself
    db.wal_is_safe = lambda version=(): False
try:
    startup.open_shop(config)
    print(db.rows("SELECT count(*) FROM cash_entry")[0][0], db.books.pragma("journal_mode"), flush=True)
    if "snapshot" in then:
        snapshots.take(config, "a test", even_unchanged=True)
    if "backup" in then:
        backups.back_up(config, "a test")
    if "stay" in then:
        sys.stdin.readline()
    startup.close_shop()
except ShopError as error:
    sys.exit(error.message)
