"""The shop as a command opens it: what it does is done by whoever sits at the PC."""

from __future__ import annotations

from tracker import config as environment
from tracker.config import Config


def open_shop(config: Config | None = None) -> Config:
    """Open the books of the environment's data folder; `tracker.cli.main` closes them. Returns the settings it used."""
    from tracker.ops import startup
    from tracker.shop import audit

    config = config or environment.load()
    startup.open_shop(config)
    audit.act_as(audit.Actor(None, _who()))
    return config


def _who() -> str:
    import getpass

    try:
        return f"{getpass.getuser()} at the PC"
    except (OSError, KeyError, ImportError):  # no such user, or (on Windows) no name in the environment
        return "somebody at the PC"
