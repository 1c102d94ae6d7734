"""Who did what: the person acting now, and the append-only record of every privileged change."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import peewee

from tracker import clock, db


@dataclass(frozen=True)
class Actor:
    """The one who acts: a user, or the program itself (no id)."""

    id: int | None = None
    name: str = "Finance Tracker"


PROGRAM = Actor()
_actor: contextvars.ContextVar[Actor] = contextvars.ContextVar("actor", default=PROGRAM)


class Audit(db.Model):
    """One privileged change. Rows are never changed or removed."""

    at = db.InstantField()
    user_id = peewee.IntegerField(null=True)
    who = peewee.TextField()
    action = peewee.TextField()
    subject = peewee.TextField(default="")
    detail = peewee.TextField(default="")


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Everything inside is done by this person; the doors (web, cli, jobs) say who it is."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def act_as(actor: Actor) -> None:
    """From now on this thread acts for somebody: a command, which ends when it is done."""
    _actor.set(actor)


def actor() -> Actor:
    return _actor.get()


def note(action: str, subject: str = "", **detail: Any) -> None:
    """Record a change inside the caller's transaction: `note("user.disable", "user:3", reason="left")`. No secrets."""
    who = actor()
    Audit.insert(
        at=clock.now(),
        user_id=who.id,
        who=who.name,
        action=action,
        subject=subject,
        detail=json.dumps(detail, ensure_ascii=False, default=str, sort_keys=True) if detail else "",
    ).execute()


def of(subject: str) -> list[Audit]:
    """What was done to a thing, newest first."""
    return list(Audit.select().where(Audit.subject == subject).order_by(Audit.id.desc()))
