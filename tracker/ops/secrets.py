"""The keys that sign cookies and queue rows, and the mail server's password: private files in `data/secret/`."""

from __future__ import annotations

import secrets
from pathlib import Path

from tracker.config import Config
from tracker.errors import DataError, Refused
from tracker.files import private_folder, write_once, write_private


def secret_key(config: Config) -> bytes:
    """32 random bytes that sign cookies and links; made once."""
    return _made_once(config, "secret_key")


def queue_key(config: Config) -> bytes:
    """32 random bytes that sign the rows of the queue; made once."""
    return _made_once(config, "queue_key")


def smtp_password(config: Config) -> str:
    """The mail server's password: the environment's where it names one, else the stored one, else empty."""
    if config.smtp.password:
        return config.smtp.password
    try:
        return (config.secret / "smtp_password").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise DataError(f"The mail password in {config.secret} can't be read: {error.strerror}.") from error


def set_smtp_password(config: Config, password: str) -> None:
    """Store the password as it was typed; an empty one forgets it. Raises Refused when it can't be one."""
    if len(password) > 500 or not password.isprintable():
        raise Refused("A password is one line of at most 500 characters.", "smtp_password")
    if not password:
        forget_smtp_password(config)
        return
    write_private(private_folder(config.secret) / "smtp_password", password.encode())


def forget_smtp_password(config: Config) -> None:
    (config.secret / "smtp_password").unlink(missing_ok=True)


def _made_once(config: Config, name: str) -> bytes:
    path: Path = config.secret / name
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = write_once(private_folder(config.secret) / name, secrets.token_bytes(32))
    except OSError as error:
        raise DataError(f"The key {path} can't be read: {error.strerror}.") from error
    if len(found) < 32:
        raise DataError(f"The key {path} is damaged. Delete it while the shop is stopped; everybody logs in again.")
    return found
