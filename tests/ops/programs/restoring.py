"""Restore a backup: `restoring.py DATA FILE`; CRASH_AT in the environment kills it on the way."""

import sys
from pathlib import Path

from tracker.config import ROOT, Config
from tracker.errors import ShopError
from tracker.ops.restore import restore

try:
    print(restore(Config(root=ROOT, data=Path(sys.argv[1])), sys.argv[2], yes=True))
except ShopError as error:
    sys.exit(error.message)
