"""Open a shop with other migration scripts: `migrating.py DATA SCRIPTS`."""

import sys
from pathlib import Path

from tracker import db
from tracker.config import ROOT, Config
from tracker.errors import ShopError
from tracker.ops import migrations, startup

migrations.SCRIPTS = Path(sys.argv[2])
try:
    startup.open_shop(Config(root=ROOT, data=Path(sys.argv[1])))
    print(migrations.applied()[-1], db.rows("SELECT count(*) FROM cash_entry")[0][0])
    startup.close_shop()
except ShopError as error:
    sys.exit(error.message)
