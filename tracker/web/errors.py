"""What a person sees when something can't be done: a sentence, what was kept, what to do now."""

from __future__ import annotations

import errno
import logging
import secrets
from dataclasses import dataclass

import peewee
from flask import Flask, Response, g, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from tracker import db
from tracker.errors import ShopError
from tracker.web import htmx

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trouble:
    """One error page."""

    status: int
    title: str
    sentence: str
    incident: str = ""


_TITLES = {
    400: "That did not work",
    403: "Not for your role",
    404: "There is no such page",
    405: "That did not work",
    409: "Busy just now",
    413: "Too large",
    422: "That can't be done",
    429: "Too many tries",
    503: "The books can't be used just now",
    507: "The disk is full",
}
_SENTENCES = {
    400: "The request could not be understood. Nothing was changed.",
    404: "It may have been moved, or the address has a typing error.",
    405: "This address can't be used that way. Nothing was changed.",
    413: "The file or form is larger than allowed. Nothing was saved.",
    429: "Wait a minute and try again.",
}


def install(app: Flask) -> None:
    app.register_error_handler(ShopError, _shop_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)


def _shop_error(error: ShopError) -> Response:
    if error.status >= 500:
        log.error("%s", error.message)
    return show(Trouble(error.status, _TITLES.get(error.status, "That did not work"), error.message))


def _http_error(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < 400:
        return make_response(error.get_response())
    own_words = error.description if "description" in vars(error) else ""
    sentence = own_words or _SENTENCES.get(error.code, "Nothing was changed.")
    return show(Trouble(error.code, _TITLES.get(error.code, "That did not work"), sentence))


def _bug(error: Exception) -> Response:
    """Faults of the disk get their own words; all else is a bug: logged in full, shown as a number."""
    known = _trouble_with_storage(error)
    if known is not None:
        log.error("%s: %s", known.title, error)
        return show(known)
    incident = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
    log.exception("incident %s at %s %s", incident, request.method, request.path, exc_info=error)
    sentence = "The program made a mistake. What was saved before is safe; this last step may not have been done."
    return show(Trouble(500, "Something went wrong", sentence, incident))


def _trouble_with_storage(error: Exception) -> Trouble | None:
    words = str(error).lower()
    if isinstance(error, OSError):
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
    elif isinstance(error, (peewee.DatabaseError, db.sqlite3.Error)):
        full = "disk is full" in words
    else:
        return None
    if full:
        return Trouble(507, _TITLES[507], "Nothing was saved. Make room on the disk of the shop PC, then try again.")
    for sign, sentence in _STORAGE:
        if sign in words and not isinstance(error, OSError):
            return Trouble(503, _TITLES[503], sentence)
    return None


_STORAGE = (
    ("readonly", "The shop's folder can't be written to. Nothing was saved. Free it for writing, then try again."),
    ("locked", "Another program holds the books. Nothing was saved; try again in a moment."),
    ("unable to open", "The books' file can't be opened. Look at Health, or restore the last backup."),
    ("malformed", "The books' file is damaged. Stop the program and restore the last backup."),
    ("not a database", "The books' file is damaged. Stop the program and restore the last backup."),
    ("disk i/o", "The disk of the shop PC reports faults. Nothing was saved. Make a copy of the data folder."),
)


def show(trouble: Trouble) -> Response:
    """The trouble as a page, or for htmx as a message on the page that is there."""
    if htmx.wanted():
        words = f"{trouble.sentence} (Number {trouble.incident})" if trouble.incident else trouble.sentence
        response = htmx.toast(make_response("", trouble.status), words, "bad")
        response.headers["HX-Reswap"] = "none"
    else:
        response = make_response(_page(trouble), trouble.status)
    if trouble.status == 503:
        response.headers["Retry-After"] = "10"
    return response


def _page(trouble: Trouble) -> str:
    """Storage faults and bugs get the bare layout: the menu's numbers would ask the books again."""
    framed = g.get("person") is not None and trouble.status < 500
    layout = "base.html" if framed else "bare.html"
    return render_template("errors/page.html", trouble=trouble, layout=layout)
