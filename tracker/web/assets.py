"""Addresses of static files with the hash of their content, so that browsers may keep them for a year."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask
from markupsafe import Markup

from tracker import clock

_LOOK_AGAIN = 1.0  # seconds until a file's time and size are looked at again: a page names one sheet thirty times
_known: dict[Path, tuple[float, int, int, str]] = {}


def install(app: Flask) -> None:
    """Give templates `asset('css/app.css')` and `icon('bell')`, which is `ui.icon` too."""
    folder, url = Path(app.static_folder or "static"), app.static_url_path
    paths: dict[str, Path] = {}

    def asset(name: str) -> str:
        path = paths.get(name) or paths.setdefault(name, folder / name)
        return f"{url}/{name}?v={fingerprint(path)}"

    def icon(name: str, label: str = "") -> Markup:
        """A symbol of static/icons.svg; without a label it is hidden from screen readers."""
        return _icon(asset("icons.svg"), name, label)

    app.jinja_env.globals.update(asset=asset, icon=icon)


@lru_cache(maxsize=1000)
def _icon(sheet: str, name: str, label: str) -> Markup:
    about = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon" {}><use href="{}#{}"></use></svg>').format(about, sheet, name)


def fingerprint(path: Path) -> str:
    """The first ten digits of the file's SHA-256; read again only when its time or size changed."""
    seen, now = _known.get(path), clock.monotonic()
    if seen is not None and now - seen[0] < _LOOK_AGAIN:
        return seen[3]
    stat = path.stat()
    if seen is None or seen[1:3] != (stat.st_mtime_ns, stat.st_size):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    else:
        digest = seen[3]
    _known[path] = (now, stat.st_mtime_ns, stat.st_size, digest)
    return digest
