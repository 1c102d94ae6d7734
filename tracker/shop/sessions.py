"""Who is signed in: a random token in a cookie, its hash in the books, so that every session can be ended from here."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import peewee

from tracker import clock, db
from tracker.shop import audit, roles

LONGEST = timedelta(hours=12)  # then everybody signs in again
IDLE = timedelta(hours=1)
IDLE_AT_THE_TILL = timedelta(hours=12)  # a cashier's page is open all day
SEEN_EVERY = timedelta(minutes=1)  # "last seen" is written at most this often: the one write that a GET may do
_KEPT = timedelta(days=30)


class Session(db.Model):
    """One log-in on one device. `token_hash` is the SHA-256 of what the cookie holds."""

    token_hash = peewee.TextField(unique=True)
    user_id = peewee.IntegerField()
    created_at = db.InstantField()
    seen_at = db.InstantField()
    address = peewee.TextField(default="")
    agent = peewee.TextField(default="")
    ended_at = db.InstantField(null=True)


@dataclass(frozen=True)
class Person:
    """Who asks, as a request needs to know it."""

    id: int
    name: str
    role: str
    theme: str
    session_id: int
    seen_at: datetime

    def can(self, action: str) -> bool:
        """Whether this person's role may do it. An unknown action is a bug and raises KeyError."""
        return roles.may(self.role, action)

    @property
    def actor(self) -> audit.Actor:
        return audit.Actor(self.id, self.name)


def start(user_id: int, address: str = "", agent: str = "") -> str:
    """Sign somebody in and return the token for the cookie: 256 random bits that are stored nowhere."""
    token = secrets.token_urlsafe(32)
    with db.write():
        now = clock.now()
        Session.delete().where(Session.created_at < now - _KEPT).execute()
        Session.create(
            token_hash=_hash(token),
            user_id=user_id,
            created_at=now,
            seen_at=now,
            address=address[:60],
            agent=agent[:200],
        )
        audit.note("session.start", f"user:{user_id}", address=address[:60])
    return token


_FIND = """
SELECT s.id, s.created_at, s.seen_at, u.id, u.name, u.role, u.theme
FROM session s JOIN user u ON u.id = s.user_id
WHERE s.token_hash = ? AND s.ended_at IS NULL AND u.is_active = 1
"""


def find(token: str) -> Person | None:
    """Whose token this is, in one statement; None when it is unknown, ended or too old, or its owner is disabled."""
    if not 20 <= len(token) <= 100 or not token.isascii():
        return None
    found = db.rows(_FIND, _hash(token))
    if not found:
        return None
    session_id, created_at, seen_at, user_id, name, role, theme = found[0]
    seen = datetime.fromisoformat(seen_at)
    if not _is_alive(datetime.fromisoformat(created_at), seen, role):
        return None
    return Person(user_id, name, role, theme, session_id, seen)


def seen(person: Person) -> None:
    """Keep the session awake; written at most once a minute."""
    now = clock.now()
    if abs(now - person.seen_at) >= SEEN_EVERY:
        with db.write():
            Session.update(seen_at=now).where(Session.id == person.session_id).execute()


def end(session_id: int, user_id: int) -> None:
    """Sign out of one session, if it is this user's."""
    with db.write():
        mine = (Session.id == session_id) & (Session.user_id == user_id) & Session.ended_at.is_null()
        if Session.update(ended_at=clock.now()).where(mine).execute():
            audit.note("session.end", f"user:{user_id}")


def end_all(user_id: int, but: int | None = None) -> int:
    """Sign out everywhere (except `but`, the session that asks). Returns how many were ended."""
    with db.write():
        mine = (Session.user_id == user_id) & Session.ended_at.is_null()
        mine = mine & (Session.id != but) if but is not None else mine
        ended = Session.update(ended_at=clock.now()).where(mine).execute()
        if ended:
            audit.note("session.end_all", f"user:{user_id}", sessions=ended)
    return int(ended)


def active(user_id: int, role: str) -> list[Session]:
    """The sessions that still hold, the one used last first."""
    mine = (
        Session.select().where(Session.user_id == user_id, Session.ended_at.is_null()).order_by(Session.seen_at.desc())
    )
    return [session for session in mine if _is_alive(session.created_at, session.seen_at, role)]


def _is_alive(created_at: datetime, seen_at: datetime, role: str) -> bool:
    now = clock.now()
    idle = IDLE_AT_THE_TILL if role == roles.CASHIER else IDLE
    return now - created_at < LONGEST and now - seen_at < idle


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
