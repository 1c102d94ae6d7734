"""One-time links: a new person's first password, a forgotten one. The books hold a hash and a nonce, never the token.

The token is HMAC(key, kind | id | nonce): the worker can write it into a mail, who only reads the books can't.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import timedelta

import peewee

from tracker import clock, db
from tracker.errors import NotFound
from tracker.shop import audit, settings

NEW_ACCOUNT, RESET = "new_account", "reset_password"
LIFE = {NEW_ACCOUNT: timedelta(days=7), RESET: timedelta(minutes=20)}
_PATH = {NEW_ACCOUNT: "/welcome/", RESET: "/password/reset/"}
_GONE = "This link is used up or too old. Ask for a new one."

_secret = b""
_own_url = ""


class OneTimeLink(db.Model):
    """One link; `used_at` also marks one that was replaced or called back."""

    kind = peewee.TextField()
    user_id = peewee.IntegerField()
    nonce = peewee.TextField()
    token_hash = peewee.TextField(unique=True)
    created_at = db.InstantField()
    expires_at = db.InstantField()
    used_at = db.InstantField(null=True)


def use_key(key: bytes, own_url: str) -> None:
    """Told once by each process at its start: the data folder's secret, and the PC's own address for links."""
    global _secret, _own_url
    _secret = hmac.digest(key, b"one-time links", "sha256")
    _own_url = own_url.rstrip("/")


def make(kind: str, user_id: int) -> OneTimeLink:
    """A fresh link; older ones of this kind for this person die."""
    with db.write():
        _end(user_id, OneTimeLink.kind == kind)
        # The token depends on the id, and its hash stands in the same row. Rows are never removed, so this id is new.
        link_id = (OneTimeLink.select(peewee.fn.MAX(OneTimeLink.id)).scalar() or 0) + 1
        now = clock.now()
        link = OneTimeLink(id=link_id, kind=kind, user_id=user_id, nonce=secrets.token_hex(16), created_at=now)
        link.expires_at = now + LIFE[kind]
        link.token_hash = _hash(token(link))
        link.save(force_insert=True)
        audit.note("link.make", f"user:{user_id}", kind=kind)
    return link


def token(link: OneTimeLink) -> str:
    """The secret part of the link's address."""
    if not _secret:
        raise RuntimeError("links.use_key was not called")
    digest = hmac.digest(_secret, f"{link.kind}|{link.id}|{link.nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def url(link_id: int) -> str:
    """The whole address, from the shop's base URL, never from a request. Raises NotFound when the link is dead."""
    link = OneTimeLink.get_or_none(OneTimeLink.id == link_id)
    if link is None or not is_live(link):
        raise NotFound(_GONE)
    return f"{settings.current().base_url or _own_url}{_PATH[link.kind]}{token(link)}"


def find(kind: str, given: str) -> OneTimeLink:
    """The live link with this token. Raises NotFound in the same words whatever is wrong with it."""
    link = OneTimeLink.get_or_none((OneTimeLink.token_hash == _hash(given)) & (OneTimeLink.kind == kind))
    if link is None or not is_live(link):
        raise NotFound(_GONE)
    return link


def use(link: OneTimeLink) -> None:
    """Consume it, inside the caller's transaction. Raises NotFound when somebody was quicker."""
    now = clock.now()
    alive = (OneTimeLink.id == link.id) & OneTimeLink.used_at.is_null() & (OneTimeLink.expires_at > now)
    if not OneTimeLink.update(used_at=now).where(alive).execute():
        raise NotFound(_GONE)


def end_all(user_id: int) -> None:
    """Password, e-mail or role changed, or the person was disabled: no link of theirs works any more."""
    with db.write():
        _end(user_id)


def is_live(link: OneTimeLink) -> bool:
    # One made "later" than now was made before the clock was set back; its life must not grow by that.
    return link.used_at is None and link.created_at - timedelta(minutes=5) <= clock.now() < link.expires_at


def live(user_id: int, kind: str) -> OneTimeLink | None:
    """This person's link of this kind that still works, if there is one."""
    mine = (OneTimeLink.user_id == user_id) & (OneTimeLink.kind == kind) & OneTimeLink.used_at.is_null()
    return next((link for link in OneTimeLink.select().where(mine) if is_live(link)), None)


def _end(user_id: int, *only: object) -> None:
    theirs = (OneTimeLink.user_id == user_id) & OneTimeLink.used_at.is_null()
    OneTimeLink.update(used_at=clock.now()).where(theirs, *only).execute()


def _hash(given: str) -> str:
    return hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
