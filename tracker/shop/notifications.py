"""What people are told in the app: one row per recipient, written with its cause; and the mail for those who want one.

In-app notices never depend on mail. While a notice about a subject is unread, a newer one takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import peewee

from tracker import clock, db
from tracker.shop import outbox, users
from tracker.shop.users import User

KEPT_DAYS = 30  # read notices; unread ones stay for ever
_CHUNK = 100  # rows per INSERT, well below SQLite's limit of variables


class Notification(db.Model):
    """One notice for one person."""

    user = peewee.ForeignKeyField(User)
    kind = peewee.TextField()
    severity = peewee.TextField()
    subject = peewee.TextField(default="")
    message = peewee.TextField()
    link = peewee.TextField(default="")
    created_at = db.InstantField()
    read_at = db.InstantField(null=True)


@dataclass(frozen=True)
class Notice:
    """What is said about one subject, e.g. subject `product:7`, link `/products/7`."""

    subject: str
    message: str
    link: str = ""
    severity: str = "info"


@dataclass(frozen=True)
class Told:
    """How many notices and mails were written."""

    notices: int = 0
    mails: int = 0

    def __add__(self, other: Told) -> Told:
        return Told(self.notices + other.notices, self.mails + other.mails)


def tell(kind: str, notice: Notice, mail: Callable[[User], dict[str, Any]] | None = None) -> Told:
    """Tell everyone who wants this kind one thing, in the caller's transaction; `mail` gives each person's context."""
    return tell_all(kind, [notice], mail, subject=notice.subject)


def tell_all(
    kind: str,
    notices: Iterable[Notice],
    mail: Callable[[User], dict[str, Any]] | None = None,
    subject: str = "all",
    again: bool = False,
    run_id: int | None = None,
) -> Told:
    """Tell everyone who wants this kind several things, and mail them once about all of it.

    The mail's key holds kind, subject, local day and person, so telling twice a day mails once unless `again`.
    """
    told = Told()
    things = list(notices)
    expires = clock.day_bounds(clock.today())[1]
    with db.write():
        for user, in_app, by_mail in users.audience(kind):
            if in_app:
                told += Told(notices=write(user.id, kind, things))
            if by_mail and mail:
                key = outbox.day_key(kind, subject, user.id, again)
                sent = outbox.put(kind, key, mail(user), user, expires_at=expires, run_id=run_id)
                told += Told(mails=int(sent is not None))
    return told


def write(user_id: int, kind: str, notices: list[Notice]) -> int:
    """Notices for one person. Returns how many are new; an unread one about the same subject is brought up to date."""
    before = _last_id()
    now = db.instant_text(clock.now())
    for start in range(0, len(notices), _CHUNK):
        chunk = notices[start : start + _CHUNK]
        values = [v for n in chunk for v in (user_id, kind, n.severity, n.subject, n.message[:500], n.link, now)]
        db.books.execute_sql(
            "INSERT INTO notification (user_id, kind, severity, subject, message, link, created_at) VALUES "
            + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(chunk))
            + " ON CONFLICT (user_id, kind, subject) WHERE read_at IS NULL AND subject <> '' DO UPDATE SET"
            " severity = excluded.severity, message = excluded.message, link = excluded.link,"
            " created_at = excluded.created_at",
            values,
        )
    # Counted by id, not by what is unread: that may be a hundred thousand. NOT INDEXED = by the table's own ids.
    return int(db.rows("SELECT count(*) FROM notification NOT INDEXED WHERE id > ?", before)[0][0])


def _last_id() -> int:
    return int(db.rows("SELECT ifnull(max(id), 0) FROM notification")[0][0])


class Standing(NamedTuple):
    """What stands around every page: unread notices, counted up to 100; why all mail waits, empty when it does not."""

    unread: int
    mail_waits: str


def standing(user_id: int) -> Standing:
    """Both in one statement, because every page asks it."""
    sql = """SELECT (SELECT count(*) FROM (SELECT 1 FROM notification WHERE user_id = ? AND read_at IS NULL LIMIT 100)),
        (SELECT sentence FROM mail_pause)"""
    unread, sentence = db.rows(sql, user_id)[0]
    return Standing(unread, sentence or "")


def latest(user_id: int, limit: int = 50, offset: int = 0, only_unread: bool = False) -> list[Notification]:
    """One person's notices, newest first."""
    where = Notification.user == user_id
    if only_unread:
        where &= Notification.read_at.is_null()
    return list(Notification.select().where(where).order_by(Notification.id.desc()).limit(limit).offset(offset))


def mark_read(user_id: int, notification_id: int) -> None:
    """Somebody else's notice is not found, and nothing happens."""
    with db.write():
        mine = (Notification.id == notification_id) & (Notification.user == user_id) & Notification.read_at.is_null()
        Notification.update(read_at=clock.now()).where(mine).execute()


def mark_all_read(user_id: int, up_to_id: int | None = None) -> int:
    """All of this person's, or those up to the newest one that the page showed."""
    where = (Notification.user == user_id) & Notification.read_at.is_null()
    if up_to_id:
        where &= Notification.id <= up_to_id
    with db.write():
        return int(Notification.update(read_at=clock.now()).where(where).execute())


# --- clean-up ----------------------------------------------------------------------------------------------------


def old_read_ids(limit: int, now: datetime | None = None) -> list[int]:
    """The next read notices whose *read* time is more than KEPT_DAYS ago, in the order of the index."""
    border = db.instant_text((now or clock.now()) - timedelta(days=KEPT_DAYS))
    sql = "SELECT id FROM notification WHERE read_at IS NOT NULL AND read_at < ? ORDER BY read_at LIMIT ?"
    return [row[0] for row in db.rows(sql, border, limit)]


def count_old_read(now: datetime | None = None) -> int:
    """How many a clean-up would take away now."""
    border = db.instant_text((now or clock.now()) - timedelta(days=KEPT_DAYS))
    return int(db.rows("SELECT count(*) FROM notification WHERE read_at IS NOT NULL AND read_at < ?", border)[0][0])


def delete_old_read(ids: list[int], now: datetime | None = None) -> int:
    """Delete those of `ids` that still are old and read; one short transaction. Unread ones can't be hit."""
    border = db.instant_text((now or clock.now()) - timedelta(days=KEPT_DAYS))
    with db.write():
        marks = ", ".join("?" * len(ids))
        cursor = db.books.execute_sql(
            f"DELETE FROM notification WHERE id IN ({marks}) AND read_at IS NOT NULL AND read_at < ?", [*ids, border]
        )
        return int(cursor.rowcount)
