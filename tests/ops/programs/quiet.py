"""A little child: `quiet.py FILE` writes its pid as its first act and lives until the leash lets go."""

import os
import sys
import threading
from pathlib import Path

with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
    file.write(f"{os.getpid()}\n")

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tracker.ops import leash

ended = threading.Event()
leash.watch(ended.set)
ended.wait()
