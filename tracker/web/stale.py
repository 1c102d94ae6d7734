"""What was typed is never lost: a form that came too late is kept, shown again, and sent only by its writer."""

from __future__ import annotations

import json
from urllib.parse import SplitResult, urlsplit

from flask import render_template, request, session
from werkzeug.datastructures import MultiDict

_OWN = {"csrf_token", "request_key", "form_name"}
_SECRET = {"again", "current", "pin", "token"}  # and every name with "password" in it; a test holds all forms to this
_ROOM = 2_500  # bytes that a cookie has left for it
_SAFE = {"GET", "HEAD", "OPTIONS"}


def safe_path(target: str | None) -> str:
    """A path of our own pages, fit for a redirect; anything else (another host, `//host`, `/\\host`) becomes `/`."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return "/"
    if any(ord(c) < 33 or c == "\\" or ord(c) == 127 for c in target):
        return "/"
    return target


def address(said: str | None) -> SplitResult:
    """The parts of an address that a browser or a stranger said; all empty when it makes no sense."""
    try:
        return urlsplit(said or "")
    except ValueError:
        return urlsplit("")


def typed() -> list[tuple[str, str]]:
    """The fields of this request as they were typed, without secrets and without our own hidden ones."""
    return [(name, value) for name, value in request.form.items(multi=True) if name not in _OWN and not is_secret(name)]


def is_secret(name: str) -> bool:
    """Whether a field of this name (with or without a form's prefix) holds what is never shown again."""
    return "password" in name.lower() or name.lower().rpartition("-")[2] in _SECRET


def keep_for_later() -> str:
    """Remember the typed form until its writer has signed in again; returns the path of the page it was typed on."""
    if request.method in _SAFE:
        return _full_path()
    back = page_of_form()
    kept = {"for": back, "form": request.form.get("form_name", ""), "typed": typed()}
    if kept["typed"] and len(json.dumps(kept)) < _ROOM:
        session["kept"] = kept
    return back


def take_back(form_name: str) -> MultiDict[str, str] | None:
    """What was typed into this form of this page before its writer had to sign in; given once."""
    kept = session.get("kept")
    if request.method != "GET" or not kept or kept["form"] != form_name or kept["for"] != _full_path():
        return None
    session.pop("kept")
    return MultiDict(kept["typed"])


def show_again() -> tuple[str, int]:
    """The page for a form whose token no longer holds: what was typed, and a button that sends it anew."""
    shown = [(name, name.replace("_", " ").capitalize(), value) for name, value in typed()]
    hidden = [(name, value) for name, value in request.form.items(multi=True) if name in ("request_key", "form_name")]
    return render_template("errors/stale.html", shown=shown, hidden=hidden, action=_full_path()), 403


def _full_path() -> str:
    return request.full_path.rstrip("?")


def page_of_form() -> str:
    """The path of our page that this request was sent from, `/` when nobody says."""
    parts = address(request.referrer)
    if parts.netloc != request.host:
        return "/"
    return safe_path(parts.path + (f"?{parts.query}" if parts.query else ""))
