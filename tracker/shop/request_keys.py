"""Keys of forms that were done: which page the first sending led to, so that a second one is answered the same."""

from __future__ import annotations

import peewee

from tracker import clock, db
from tracker.errors import Refused


class RequestKey(db.Model):
    """One form that was done, or one document that was recorded under its key."""

    id = None  # type: ignore[assignment]
    key = peewee.TextField(primary_key=True)
    document = peewee.TextField()
    at = db.InstantField()


def location_of(key: str) -> str | None:
    """Where the first sending of this page form led; None when there was none."""
    found = db.rows("SELECT document FROM request_key WHERE key = ?", f"page:{key}")
    return str(found[0][0]) if found else None


def keep(key: str, location: str) -> None:
    """Remember where a form led; the first one stays."""
    with db.write():
        RequestKey.insert(key=f"page:{key}", document=location, at=clock.now()).on_conflict_ignore().execute()


def made(key: str, kind: str) -> int | None:
    """The number of the document recorded under this key, e.g. 12 for "payment:12"; None for a new or an empty key.

    Raises Refused when the key made a document of another kind: a page was mixed up, nothing may be booked from it.
    """
    found = db.rows("SELECT document FROM request_key WHERE key = ?", key) if key else []
    if not found:
        return None
    name, _, number = found[0][0].partition(":")
    if name != kind:
        raise Refused("This form was used for something else before. Open it again and type it once more.")
    return int(number)


def keep_document(key: str, document: str) -> None:
    """Remember, inside the caller's transaction, what the key made. An empty key is not remembered."""
    if key:
        RequestKey.insert(key=key, document=document, at=clock.now()).execute()
