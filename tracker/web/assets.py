"""Addresses of static files with the hash of their content, so that browsers may keep them for a year."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask

_known: dict[Path, tuple[int, int, str]] = {}


def install(app: Flask) -> None:
    """Give templates `asset('css/app.css')` and `icon_sheet`."""
    folder = Path(app.static_folder or "static")

    def asset(name: str) -> str:
        return f"{app.static_url_path}/{name}?v={fingerprint(folder / name)}"

    app.jinja_env.globals["asset"] = asset


def fingerprint(path: Path) -> str:
    """The first ten digits of the file's SHA-256; read again only when its time or size changed."""
    stat = path.stat()
    seen = _known.get(path)
    if seen is None or seen[:2] != (stat.st_mtime_ns, stat.st_size):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
        seen = _known[path] = (stat.st_mtime_ns, stat.st_size, digest)
    return seen[2]
