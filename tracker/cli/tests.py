"""The tests: `run.py test` and whatever pytest should be told."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tracker import config
from tracker.cli import child


def register(add: Any) -> None:
    command = add("test", "run the tests; what follows goes to pytest", _test)
    command.prefix_chars = "\0"  # so that -k and its like stay pytest's
    command.add_argument("words", nargs="*")


def _test(arguments: argparse.Namespace) -> int:
    return child.run([sys.executable, "-m", "pytest", *arguments.words], cwd=config.ROOT)
