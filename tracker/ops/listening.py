"""The pages' port: taken with a sentence for each way in which it can't be had."""

from __future__ import annotations

import errno
import socket
import sys

from tracker.config import Config
from tracker.errors import Busy, Misconfigured


def bind(config: Config) -> socket.socket:
    """The listening socket. Raises Busy naming the port when it is taken, Misconfigured when we lack the address."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":  # there, SO_REUSEADDR would let two programs answer on one port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((config.host, config.port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise _why_not(error, config) from error
    return sock


def _why_not(error: OSError, config: Config) -> Busy | Misconfigured:
    if error.errno == errno.EADDRINUSE or getattr(error, "winerror", 0) in (10013, 10048):
        return Busy(
            f"Port {config.port} is taken by another program. Stop that program, or choose another port with "
            f"TRACKER_PORT, for example TRACKER_PORT={config.port % 65000 + 1}."
        )
    if error.errno == errno.EACCES:
        return Misconfigured(f"TRACKER_PORT: port {config.port} needs the system's permission. Choose one above 1023.")
    return Misconfigured(f"TRACKER_HOST: this computer has no address {config.host} ({error.strerror or error}).")
