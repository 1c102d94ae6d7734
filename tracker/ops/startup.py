"""How every process opens the shop: folder, databases, tables, settings; in this order, once."""

from __future__ import annotations

import os

from tracker import db
from tracker.config import Config
from tracker.files import private_folder
from tracker.ops import migrations
from tracker.shop import settings


def open_shop(config: Config) -> None:
    """Open the books and the heartbeats of this data folder, migrated and ready.

    Raises DataError when the folder can't be used, Busy when another process keeps migrating. Calling it again for the
    same folder is harmless.
    """
    os.umask(0o077)
    private_folder(config.data)
    db.open_books(config.books)
    db.open_ops(config.ops)
    migrations.ensure(config)
    settings.load(config)
