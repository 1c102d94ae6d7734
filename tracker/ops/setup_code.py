"""The six digits that let somebody set the shop up who does not sit at its PC: printed at the start, gone after use."""

from __future__ import annotations

import hmac
import secrets

from tracker.config import Config
from tracker.files import private_folder, write_once
from tracker.shop import users


def setup_code(config: Config) -> str | None:
    """The code while nobody is set up (the same for every process), else None. The books must be open."""
    path = config.secret / "setup_code"
    if users.is_anybody():
        forget(config)
        return None
    private_folder(config.secret)
    return write_once(path, f"{secrets.randbelow(10**6):06d}".encode()).decode()


def is_right(config: Config, given: str) -> bool:
    """Whether this is the code; spaces between the digits don't matter."""
    code = setup_code(config)
    return code is not None and hmac.compare_digest("".join(given.split()).encode(), code.encode())


def forget(config: Config) -> None:
    """Somebody is set up: the code opens nothing any more."""
    (config.secret / "setup_code").unlink(missing_ok=True)
