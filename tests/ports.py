"""Ports for tests: of the loopback only, free a moment ago, and no other test's."""

from __future__ import annotations

import os
import random
import socket

# Below what systems hand out to connections (32768 on Linux, 49152 on Windows), and apart for each of the processes
# that share the suite: what was free a moment ago is still free when the test's own program takes it.
_FIRST, _EACH = 20_000, 3_000
_drawn = random.SystemRandom()


def free_port() -> int:
    """A port of the loopback that nobody has just now."""
    mine = int("".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", "0"))) or 0) % 4
    while True:
        port = _FIRST + mine * _EACH + _drawn.randrange(_EACH)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
