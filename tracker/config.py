"""Settings read once from the environment and `.env`: typed, frozen, loud about nonsense.

Source of the names and defaults: `docs/interfaces.md`. An empty variable counts as unset. What the shopkeeper may
change on a page lives in `tracker.shop.settings`; where both exist, the environment wins and the page says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from tracker.errors import Misconfigured

ROOT = Path(__file__).resolve().parent.parent

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


@dataclass(frozen=True)
class Smtp:
    """The mail server as fixed by the environment; `host` is empty when the environment does not fix it."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""  # "starttls", "ssl" or "plain"; empty = ssl on port 465, else starttls
    sender: str = ""


@dataclass(frozen=True)
class Config:
    """Everything the environment decides. Paths are absolute, sizes in bytes, times in seconds."""

    root: Path = ROOT
    data: Path = ROOT / "data"
    host: str = "127.0.0.1"
    port: int = 8000
    base_url: str = ""
    supervisor_port: int = 9001
    timezone: str = ""
    log_max_bytes: int = 50_000_000
    log_backups: int = 10
    smtp: Smtp = Smtp()
    smtp_probe_seconds: int = 300
    smtp_timeout_seconds: int = 20
    trusted_hosts: tuple[str, ...] = ()
    no_jobs: bool = False  # `run.py dev --no-jobs`: no worker is wanted, so none is missed
    fixed: frozenset[str] = frozenset()  # names of the variables that the environment sets

    @property
    def books(self) -> Path:
        """The one file that must never be lost."""
        return self.data / "shop.sqlite3"

    @property
    def ops(self) -> Path:
        """Huey's queue and the heartbeats; may be deleted while the shop is stopped."""
        return self.data / "ops.sqlite3"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def secret(self) -> Path:
        return self.data / "secret"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    @property
    def snapshots(self) -> Path:
        return self.data / "snapshots"

    @property
    def url(self) -> str:
        """The address people type, without a slash at its end."""
        return self.base_url or f"http://{self.host_for_url}:{self.port}"

    @property
    def host_for_url(self) -> str:
        if self.host in ("0.0.0.0", "::", ""):  # every address: the PC itself uses loopback
            return "127.0.0.1"
        return f"[{self.host}]" if ":" in self.host else self.host


def load(environ: Mapping[str, str] | None = None, root: Path = ROOT) -> Config:
    """Read the environment over `.env` beside run.py.

    Raises Misconfigured naming the variable. Relative paths count from run.py's folder.
    """
    sources = (read_env_file(root / ".env"), os.environ if environ is None else environ)  # what is empty hides nothing
    env = {name: value.strip() for source in sources for name, value in source.items() if value.strip()}
    if "DATABASE_URL" in env:
        raise Misconfigured(
            "DATABASE_URL is set, but this version keeps its books in data/shop.sqlite3 only. Unset it."
        )
    host = env.get("TRACKER_HOST", "127.0.0.1")
    port = _number(env, "TRACKER_PORT", 8000, 1, 65535)
    return Config(
        root=root,
        data=(root / env.get("TRACKER_DATA", "data")).resolve(),
        host=host,
        port=port,
        base_url=_url(env, "TRACKER_BASE_URL"),
        supervisor_port=_number(env, "TRACKER_SUPERVISOR_PORT", 9001, 1, 65535),
        timezone=_zone(env, "TRACKER_TIMEZONE"),
        log_max_bytes=_number(env, "TRACKER_LOG_MAX_BYTES", 50_000_000, 1_000, 10**12),
        log_backups=_number(env, "TRACKER_LOG_BACKUPS", 10, 1, 1000),
        smtp=Smtp(
            host=env.get("SMTP_HOST", ""),
            port=_number(env, "SMTP_PORT", 0, 0, 65535),
            user=env.get("SMTP_USER", ""),
            password=env.get("SMTP_PASSWORD", ""),
            tls=_choice(env, "SMTP_TLS", ("starttls", "ssl", "plain")),
            sender=_sender(env, "SMTP_FROM"),
        ),
        smtp_probe_seconds=_number(env, "SMTP_PROBE_SECONDS", 300, 1, 86_400),
        smtp_timeout_seconds=_number(env, "SMTP_TIMEOUT_SECONDS", 20, 1, 600),
        trusted_hosts=tuple(part.strip() for part in env.get("TRACKER_TRUSTED_HOSTS", "").split(",") if part.strip()),
        no_jobs=flag(env, "TRACKER_NO_JOBS"),
        fixed=frozenset(name for name in env if name.startswith(("TRACKER_", "SMTP_"))),
    )


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines; `#` starts a comment line; one pair of quotes around a value is taken off."""
    if not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path.name} is not UTF-8 text. Save it again with the encoding UTF-8.") from error
    found: dict[str, str] = {}
    for number, raw in enumerate(lines, start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise Misconfigured(f"{path.name}, line {number}: expected NAME=value.")
        value = value.strip()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found


def flag(env: Mapping[str, str], name: str, default: bool = False) -> bool:
    """A yes-or-no variable. Raises Misconfigured on anything else."""
    value = env.get(name, "").strip().lower()
    if not value:
        return default
    if value in _TRUE | _FALSE:
        return value in _TRUE
    raise Misconfigured(f"{name} must be yes or no, not {value!r}.")


def _number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise Misconfigured(f"{name} must be a whole number from {low} to {high}, not {text!r}.")
    return int(text)


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    text = env.get(name, "").lower()
    if text and text not in choices:
        raise Misconfigured(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
    return text


def _sender(env: Mapping[str, str], name: str) -> str:
    """The address alone: the shop's own name stands before it in a mail, whatever name was written here."""
    text = env.get(name, "")
    found = [address for _, address in getaddresses([text])] if text else [""]
    if text and (len(found) != 1 or not re.fullmatch(r"[^@\s]+@[^@\s]+", found[0])):
        raise Misconfigured(f"{name} must be one e-mail address, like shop@example.com, not {text!r}.")
    return found[0]


def is_sound(url: str) -> bool:
    """Whether an address has a host and a possible port: every request is compared with it."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _url(env: Mapping[str, str], name: str) -> str:
    text = env.get(name, "").rstrip("/")
    if text and not text.startswith(("http://", "https://")):
        raise Misconfigured(f"{name} must begin with http:// or https://, not {text!r}.")
    if text and not is_sound(text):
        raise Misconfigured(f"{name} must be an address like http://192.168.1.20:8000, not {text!r}.")
    return text


def _zone(env: Mapping[str, str], name: str) -> str:
    text = env.get(name, "")
    if text:
        try:
            ZoneInfo(text)
        except (KeyError, ValueError, OSError) as error:
            raise Misconfigured(f"{name}: {text!r} is not a time zone. Example: Africa/Nairobi.") from error
    return text
