"""Files that people bring wait in `data/uploads` under a name of ours, for an hour, for the one who brought them."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path

from flask import current_app, g

from tracker import clock
from tracker.errors import NotFound, Refused
from tracker.files import private_folder, write_private

HOUR = 3600
MOST = 5  # files of one person that may wait at the same time
_NAME = re.compile(r"[0-9]{1,12}-[0-9a-f]{32}")


def keep(content: bytes) -> str:
    """Put a file aside; returns the name it waits under. What waited for longer than an hour goes."""
    mine = _sweep()
    if len(mine) >= MOST:
        mine[0].unlink(missing_ok=True)  # the oldest: somebody tries one file after the other
    name = f"{g.person.id}-{secrets.token_hex(16)}"
    write_private(private_folder(_folder()) / name, content)
    return name


def take(name: str) -> bytes:
    """A file that this person brought. Raises NotFound when it is not theirs, or gone."""
    _sweep()
    if _NAME.fullmatch(name) and name.startswith(f"{g.person.id}-"):
        with suppress(FileNotFoundError):
            return (_folder() / name).read_bytes()
    raise NotFound("This file is not here any more: files wait for an hour. Choose it again.")


def forget(name: str) -> None:
    """The file is not needed any more."""
    if _NAME.fullmatch(name) and name.startswith(f"{g.person.id}-"):
        with suppress(OSError):  # on Windows somebody else may be reading it: the sweep finds it later
            (_folder() / name).unlink(missing_ok=True)


def refuse_empty(content: bytes) -> bytes:
    """The content, when there is any. Raises Refused."""
    if not content:
        raise Refused("Choose a file.", "file")
    return content


def _folder() -> Path:
    folder: Path = current_app.config["SHOP_CONFIG"].data / "uploads"
    return folder


def _sweep() -> list[Path]:
    """Remove what is older than an hour; returns this person's own, oldest first."""
    now, mine = clock.now().timestamp(), []
    for path in _folder().glob("*") if _folder().is_dir() else ():
        with suppress(OSError):
            at = path.stat().st_mtime
            if now - at > HOUR:
                path.unlink(missing_ok=True)
            elif path.name.startswith(f"{g.person.id}-"):
                mine.append((at, path))
    return [path for _, path in sorted(mine)]
