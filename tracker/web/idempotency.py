"""A form sent twice is booked once: the second gets the first's answer.

Every form carries a random `request_key`. Documents hand it to their verb, which stores it in its own transaction;
for all other forms this module remembers where the first one led, and makes a second one wait while the first runs.
"""

from __future__ import annotations

import logging
import re
import threading

from flask import Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue

from tracker.errors import Busy
from tracker.shop import request_keys

log = logging.getLogger(__name__)

_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_PATIENCE = 20.0  # seconds that a second click waits for the first
_running: set[str] = set()
_changed = threading.Condition()


def install(app: Flask) -> None:
    app.before_request(_answer_again)
    app.after_request(_remember)
    app.teardown_request(_let_go)


def key() -> str:
    """The key of the form that was sent; empty when it has none or a malformed one."""
    found = request.form.get("request_key", "") if request.method == "POST" else ""
    return found if _KEY.fullmatch(found) else ""


def _answer_again() -> ResponseReturnValue | None:
    if request.endpoint is None or not key() or g.person is None:
        return None
    mine = f"{g.person.id}:{key()}"
    with _changed:
        if not _changed.wait_for(lambda: mine not in _running, timeout=_PATIENCE):
            raise Busy("This was sent already and is still being saved. Look before you send it again.")
        _running.add(mine)
    g.running_key = mine
    location = request_keys.location_of(mine)
    if location is None:
        return None
    if request.headers.get("HX-Request"):
        return "", 204, {"HX-Redirect": location}
    return redirect(location, 303)


def _remember(response: Response) -> Response:
    location = g.get("done_location")
    if location and "running_key" in g:
        try:
            request_keys.keep(g.running_key, location)
        except Exception:  # what was asked for is done: saying otherwise now would have it done twice
            log.exception("the key of a form that was done could not be kept")
    return response


def _let_go(_: BaseException | None) -> None:
    mine = g.pop("running_key", None)
    if mine is not None:
        with _changed:
            _running.discard(mine)
            _changed.notify_all()
