"""The tests: `run.py test` and whatever pytest should be told."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tracker import config
from tracker.cli import child

# Two processes, each file in one of them: its fixtures are made once. With words of one's own pytest gets just those.
WHOLE_SUITE = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]


def register(add: Any) -> None:
    command = add("test", "run the tests; what follows goes to pytest", _test)
    command.prefix_chars = "\0"  # so that -k and its like stay pytest's
    command.add_argument("words", nargs="*")


def _test(arguments: argparse.Namespace) -> int:
    words = arguments.words or WHOLE_SUITE
    return child.run([sys.executable, "-m", "pytest", *words], cwd=config.ROOT)
