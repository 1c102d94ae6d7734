"""What the tests of copies share: books with something in them, a look at them, commands in other processes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tracker import db
from tracker.config import ROOT, Config
from tracker.money import Money
from tracker.shop import books, cash, settings, users

PROGRAMS = Path(__file__).parent / "programs"


def set_up_books() -> None:
    """Amina, a till, and three entries."""
    settings.change(shop_name="Amina's shop", country="KE", currency="KES", is_set_up=True)
    users.add("amina", "Amina", "admin", "amina@shop.example")
    cash.add_account("Till", "till")
    book(3)


def book(times: int = 1) -> None:
    for _ in range(times):
        cash.take(1, Money(100))


def entries() -> int:
    """How many cash entries the open books have."""
    return int(db.rows("SELECT count(*) FROM cash_entry")[0][0])


def is_sound() -> bool:
    return not books.verify()


def at(folder: Path) -> Config:
    return Config(root=ROOT, data=folder)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file of the books in a (closed) data folder."""
    return {path.name: path.read_bytes() for path in folder.glob("*.sqlite3*")}


def run(program: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of tests/ops/programs to its end, with a time limit."""
    return subprocess.run(
        [sys.executable, str(PROGRAMS / f"{program}.py"), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def copy_folder(source: Path, target: Path) -> Path:
    """A plain copy, as a person makes it."""
    shutil.copytree(source, target)
    return target
