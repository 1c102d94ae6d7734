"""The outbox: every mail is a row written with its cause, sent by the worker, once unless a double is harmless.

States: queued, sending, sent, failed, expired, held ("may have been sent"), cancelled. While sending, the stage says
how far it got: `connect` (surely not sent) or `data` (unknown after a crash, so it is held for a person to decide).
"""

from __future__ import annotations

import json
import random
import secrets
from datetime import datetime, timedelta
from typing import Any

import peewee

from tracker import clock, db
from tracker.errors import NotFound, Refused
from tracker.shop import audit, settings
from tracker.shop.users import User

STATES = ("queued", "sending", "sent", "failed", "expired", "held", "cancelled")
# One word each for people: Waiting, Sent, Not sent, Unsure.
WORDS = {"queued": "Waiting", "sending": "Waiting", "sent": "Sent", "held": "Unsure"}
PAUSES = (1, 2, 4, 8, 15, 30, 60)  # minutes between tries; the last one repeats
ATTEMPTS = 20
HARMLESS_TWICE = ("reset_password",)


class Mail(db.Model):
    """One message to one address."""

    key = peewee.TextField(unique=True)
    kind = peewee.TextField()
    user = peewee.ForeignKeyField(User, null=True)
    to_address = peewee.TextField()
    to_name = peewee.TextField(default="")
    context = peewee.TextField()  # JSON: what the template is filled with
    message_id = peewee.TextField(unique=True)
    state = peewee.TextField()
    stage = peewee.TextField(null=True)
    attempt = peewee.IntegerField(default=0)
    owner = peewee.TextField(null=True)
    due_at = db.InstantField()
    expires_at = db.InstantField(null=True)
    created_at = db.InstantField()
    sent_at = db.InstantField(null=True)
    run_id = peewee.IntegerField(null=True)
    again_of_id = peewee.IntegerField(null=True)
    subject = peewee.TextField(default="")  # subject, html and text: as it went out, without one-time links
    html = peewee.TextField(default="")
    text = peewee.TextField(default="")
    reply = peewee.TextField(default="")  # the server's last words
    error = peewee.TextField(default="")  # ours, for the shopkeeper

    @property
    def facts(self) -> dict[str, Any]:
        """The context as it was when the mail was decided."""
        return json.loads(self.context)

    @property
    def word(self) -> str:
        return WORDS.get(self.state, "Not sent")


class MailAttempt(db.Model):
    """One try, in the server's words. Never changed or removed."""

    mail = peewee.ForeignKeyField(Mail)
    at = db.InstantField()
    stage = peewee.TextField()
    result = peewee.TextField()
    words = peewee.TextField(default="")


class MailPause(db.Model):
    """While the server can't be used at all the whole outbox waits, with one sentence instead of a failure per mail."""

    since_at = db.InstantField()
    probe_at = db.InstantField()
    sentence = peewee.TextField()
    words = peewee.TextField(default="")


# --- writing -----------------------------------------------------------------------------------------------------


def is_open() -> bool:
    """Whether a mail server is set up; without one nothing is queued."""
    return bool(settings.current().smtp_host)


def day_key(kind: str, subject: str, user_id: int, again: bool = False) -> str:
    """Kind, subject, local day, recipient: a re-run, a second schedule time or a restart adds nothing."""
    repeat = f":again-{secrets.token_hex(4)}" if again else ""
    return f"{kind}:{subject}:{clock.today()}:{user_id}{repeat}"


def put(
    kind: str,
    key: str,
    context: dict[str, Any],
    user: User | None = None,
    to_address: str = "",
    expires_at: datetime | None = None,
    run_id: int | None = None,
) -> Mail | None:
    """Queue a mail inside the caller's transaction. None when no server is set up, the person has no address, or the
    key is there already. `context` must be plain JSON: the template's facts at this moment.
    """
    address = to_address or (user.email if user and user.email else "")
    if not address or not is_open():
        return None
    now = clock.now()
    with db.write():
        added = (
            Mail.insert(
                key=key,
                kind=kind,
                user=user.id if user else None,
                to_address=address,
                to_name=user.name if user else "",
                context=json.dumps(context, ensure_ascii=False),
                message_id=_message_id(),
                state="queued",
                due_at=now,
                expires_at=expires_at,
                created_at=now,
                run_id=run_id,
            )
            .on_conflict_ignore()
            .as_rowcount()
            .execute()
        )
        if not added:
            return None
        mail = Mail.get(Mail.key == key)
        db.wake("mail", mail.id)
    return mail


def _message_id() -> str:
    """One for life, at the sender's own domain (RFC 5322, 3.6.4)."""
    domain = settings.current().smtp_from.rpartition("@")[2].strip("> ")
    return f"<{secrets.token_hex(16)}@{domain or 'finance-tracker.invalid'}>"


def send_again(mail_id: int) -> Mail:
    """A person's choice: the same mail once more under a new key. Raises Refused while it still waits."""
    old = get(mail_id)
    if old.state in ("queued", "sending"):
        raise Refused("This mail still waits to be sent.")
    if not is_open():
        raise Refused("No mail server is set up. Add one on the settings page first.")
    with db.write():
        now = clock.now()
        mail = Mail.create(
            key=f"{old.key.split(':again-')[0]}:again-{secrets.token_hex(4)}",
            kind=old.kind,
            user=old.user,
            to_address=old.to_address,
            to_name=old.to_name,
            context=old.context,
            message_id=_message_id(),
            state="queued",
            due_at=now,
            created_at=now,
            again_of_id=old.id,
        )
        audit.note("mail.again", f"mail:{old.id}", new=mail.id)
        db.wake("mail", mail.id)
    return mail


def cancel(mail_id: int) -> None:
    """Take a waiting or unsure mail back. Raises Refused when it is too late."""
    with db.write():
        done = _change(Mail.id == mail_id, Mail.state.in_(("queued", "held")), state="cancelled")
        if not done:
            get(mail_id)
            raise Refused("It is too late: this mail no longer waits.")
        audit.note("mail.cancel", f"mail:{mail_id}")


# --- delivering (the worker) -------------------------------------------------------------------------------------


def waiting(now: datetime | None = None) -> bool:
    """Whether something is due and the outbox may try (not paused, or time for a probe)."""
    moment = now or clock.now()
    pause = paused()
    if pause and pause.probe_at > moment:
        return False
    return Mail.select().where(Mail.state == "queued", Mail.due_at <= moment).exists()


def claim(owner: str, limit: int = 50) -> list[Mail]:
    """Take the due mails for this worker: stage `connect`, the attempt counted first. One mail while paused."""
    now = clock.now()
    pause = paused()
    if pause:
        if pause.probe_at > now:
            return []
        limit = 1
    with db.write():
        _change(Mail.state == "queued", Mail.expires_at <= now, state="expired", error="Not sent within its day.")
        due = Mail.select(Mail.id).where(Mail.state == "queued", Mail.due_at <= now).order_by(Mail.due_at, Mail.id)
        ids = [mail.id for mail in due.limit(limit)]
        if not ids:
            return []
        _change(Mail.id.in_(ids), state="sending", stage="connect", owner=owner, attempt=Mail.attempt + 1)
        return list(Mail.select().where(Mail.id.in_(ids)).order_by(Mail.due_at, Mail.id))


def entering_data(mail: Mail, subject: str, html: str, text: str) -> bool:
    """Commit that the body goes out now; False when the mail is no longer this worker's (then it must not go)."""
    with db.write():
        return _mine(mail, "connect", stage="data", subject=subject, html=html, text=text)


def mark_sent(mail: Mail, reply: str) -> None:
    with db.write():
        if _mine(mail, "data", state="sent", stage=None, sent_at=clock.now(), reply=reply, error=""):
            _attempted(mail, "data", "sent", reply)


def mark_failed(mail: Mail, stage: str, sentence: str, words: str = "") -> None:
    """For good: a bad address, a 5xx, out of tries."""
    with db.write():
        if _mine(mail, None, state="failed", stage=None, error=sentence, reply=words):
            _attempted(mail, stage, "failed", words or sentence)


def back_off(mail: Mail, stage: str, sentence: str, words: str = "") -> None:
    """Try again later (1, 2, 4 … 60 minutes, a little scattered), or fail after ATTEMPTS tries."""
    if mail.attempt >= ATTEMPTS:
        return mark_failed(mail, stage, sentence, words)
    minutes = PAUSES[min(mail.attempt, len(PAUSES)) - 1]
    due = clock.now() + timedelta(seconds=minutes * 60 * random.uniform(0.9, 1.1))
    with db.write():
        if _mine(mail, None, state="queued", stage=None, owner=None, due_at=due, error=sentence, reply=words):
            _attempted(mail, stage, "later", words or sentence)


def put_back(mail: Mail) -> None:
    """Untried: the connection ended before this mail's turn. The try does not count."""
    with db.write():
        _mine(mail, "connect", state="queued", stage=None, owner=None, attempt=Mail.attempt - 1)


def hold(mail: Mail, words: str) -> None:
    """The line broke while the body went out: it may have been sent. Harmless doubles are sent again by themselves."""
    if mail.kind in HARMLESS_TWICE:
        return back_off(mail, "data", "The connection broke while it was being sent.", words)
    sentence = "It may have been sent: the connection broke at the last moment. Ask, or send it again."
    with db.write():
        if _mine(mail, None, state="held", stage=None, error=sentence, reply=words):
            _attempted(mail, "data", "unsure", words)


def recover(owner: str) -> int:
    """At a worker's start: what another worker was sending when it died. Returns how many rows moved."""
    others = (Mail.state == "sending") & (Mail.owner != owner)
    with db.write():
        lost = list(Mail.select().where(others))
        for mail in lost:
            if mail.stage == "connect" or mail.kind in HARMLESS_TWICE:
                change = {"state": "queued", "stage": None, "owner": None}
                _attempted(mail, mail.stage, "interrupted", "The worker stopped before it was sent.")
            else:
                change = {
                    "state": "held",
                    "stage": None,
                    "error": "It may have been sent: the computer stopped at the last moment. Ask, or send it again.",
                }
                _attempted(mail, mail.stage, "unsure", "The worker stopped while it was being sent.")
            _change(Mail.id == mail.id, **change)
    return len(lost)


def pause(sentence: str, words: str, probe_seconds: int) -> bool:
    """The server can't be used: everything waits until a probe gets through. True when this is news."""
    now = clock.now()
    with db.write():
        before = paused()
        MailPause.replace(
            id=1,
            since_at=before.since_at if before else now,
            probe_at=now + timedelta(seconds=probe_seconds),
            sentence=sentence,
            words=words,
        ).execute()
    return before is None


def resume() -> None:
    """The server answers again, or its settings changed."""
    with db.write():
        MailPause.delete().execute()


def paused() -> MailPause | None:
    return MailPause.get_or_none(MailPause.id == 1)


# --- questions ---------------------------------------------------------------------------------------------------


def get(mail_id: int) -> Mail:
    """Raises NotFound."""
    mail = Mail.get_or_none(Mail.id == mail_id)
    if mail is None:
        raise NotFound("There is no such mail.")
    return mail


def counts() -> dict[str, int]:
    """How many mails are in each state, zeros included."""
    found = dict(db.rows("SELECT state, count(*) FROM mail GROUP BY state"))
    return {state: found.get(state, 0) for state in STATES}


def listing(states: tuple[str, ...] = STATES, limit: int = 100, offset: int = 0) -> list[Mail]:
    """Newest first."""
    return list(Mail.select().where(Mail.state.in_(states)).order_by(Mail.id.desc()).limit(limit).offset(offset))


def attempts(mail_id: int) -> list[MailAttempt]:
    """Every try of one mail, oldest first."""
    return list(MailAttempt.select().where(MailAttempt.mail == mail_id).order_by(MailAttempt.id))


def of_day(kind: str, subject: str) -> list[Mail]:
    """What was queued today of this kind and subject, to whomever."""
    start = f"{kind}:{subject}:{clock.today()}"
    # A range (";" follows ":"): LIKE would walk through all the mails there ever were.
    return list(Mail.select().where(Mail.key > f"{start}:", Mail.key < f"{start};").order_by(Mail.id))


def _change(*where: Any, **values: Any) -> int:
    return int(Mail.update(**values).where(*where).execute())


def _mine(mail: Mail, at_stage: str | None, /, **values: Any) -> bool:
    """Change a mail that this worker still holds: a thread that wakes late can't overwrite what came after."""
    where = (Mail.id == mail.id) & (Mail.state == "sending") & (Mail.owner == mail.owner)
    if at_stage:
        where &= Mail.stage == at_stage
    return bool(_change(where & (Mail.attempt == mail.attempt), **values))


def _attempted(mail: Mail, stage: str | None, result: str, words: str) -> None:
    MailAttempt.insert(mail=mail.id, at=clock.now(), stage=stage or "", result=result, words=words[:2000]).execute()
