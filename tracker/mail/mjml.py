"""The compiled mails: made from their sources into `templates/email/build`, and read from there while they are current.

Missing or stale ones are compiled in memory; Node is never needed. What compiling means: `tracker.mail.shield`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tracker import config
from tracker.errors import DataError
from tracker.mail.shield import BrokenTemplate, Source, compile_source, read

__all__ = ["FOLDER", "BrokenTemplate", "Built", "build", "check", "load", "names", "stale"]

FOLDER = config.ROOT / "templates" / "email"


@dataclass(frozen=True)
class Built:
    """One compiled mail: where it stands, how large it is, and whether it had to be made anew."""

    name: str
    path: Path
    size: int
    changed: bool


def names(folder: Path = FOLDER) -> list[str]:
    """The mails that have a source, in alphabetical order."""
    return sorted(path.stem for path in (folder / "src").glob("*.mjml"))


def build(only: Iterable[str] | None = None, folder: Path = FOLDER) -> list[Built]:
    """Compile the named mails (default: all) into build/NAME.html; what is up to date is left alone.

    Raises NotFound for a name without a source, BrokenTemplate with file and line, DataError when it can't be written.
    """
    built = []
    for name in only or names(folder):
        source, path = read(name, folder), folder / "build" / f"{name}.html"
        html = _current(source, path)
        if changed := html is None:
            html = compile_source(source)
            _write(path, f"<!-- made from {name}.mjml sha256:{source.digest} -->\n{html}")
        built.append(Built(name, path, len(html.encode()), changed))
    return built


def stale(name: str, folder: Path = FOLDER) -> bool:
    """Whether the compiled file is missing or was made from another source or another mjml."""
    return _current(read(name, folder), folder / "build" / f"{name}.html") is None


def check(only: Iterable[str] | None = None, folder: Path = FOLDER) -> list[str]:
    """One sentence for each mail that is stale or broken; an empty list means all is well."""
    faults = []
    for name in only or names(folder):
        try:
            source = read(name, folder)
            compile_source(source)
            if _current(source, folder / "build" / f"{name}.html") is None:
                faults.append(f"{source.origin[0][0]}, line 1: the compiled mail is missing or older than its source.")
        except BrokenTemplate as error:
            faults.append(error.message)
    return faults


def load(name: str, folder: Path = FOLDER) -> str:
    """The compiled mail with its Jinja: from build/ if current, else compiled in memory; kept until a file changes."""
    kept = _kept.get((folder, name))
    if kept and kept[0] == _signature(kept[1]):
        return kept[2]
    source, path = read(name, folder), folder / "build" / f"{name}.html"
    files = [*source.files, path]
    signature = _signature(files)
    html = _current(source, path) or compile_source(source)
    _kept[(folder, name)] = (signature, files, html)
    return html


_kept: dict[tuple[Path, str], tuple[list[tuple[int, int]], list[Path], str]] = {}


def _signature(files: list[Path]) -> list[tuple[int, int]]:
    found = []
    for file in files:
        try:
            stat = file.stat()
            found.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append((0, -1))
    return found


def _current(source: Source, path: Path) -> str | None:
    try:
        first, _, html = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return html if first == f"<!-- made from {source.name}.mjml sha256:{source.digest} -->" and html else None


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(exist_ok=True)
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    except OSError as error:
        raise DataError(f"The compiled mail can't be written to {path}: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            beside.unlink()
