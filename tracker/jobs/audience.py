"""Who is told by a reminder or alert, and the sentence that says what came of it."""

from __future__ import annotations

from typing import Any

from tracker import clock
from tracker.ops.job_runs import Work
from tracker.shop import outbox, users
from tracker.shop.notifications import Told
from tracker.shop.outbox import Mail


def recipients(kind: str) -> list[dict[str, Any]]:
    """Everyone who is told: by mail only when they have an address and a mail server is set up."""
    return [
        {"name": user.name, "in_app": in_app, "mail": user.email if by_mail and user.email and outbox.is_open() else ""}
        for user, in_app, by_mail in users.audience(kind)
    ]


def work(kind: str, told: Told, already: list[Mail], facts: str, again: bool) -> Work:
    """How a reminder or alert ended: what it says, how many were told; "already sent" when today's mail is out."""
    counts = {"mails": told.mails, "notices": told.notices}
    if not told.mails and already and not again:
        return Work(f"{facts}. {_what_became_of(already)}", "nothing", counts)
    if not users.audience(kind):
        return Work(f"{facts}, but nobody is set to be told. Choose who on the users page.", "failed", counts)
    return Work(f"{facts}. {_people(kind, told)}", "done", counts)


def _what_became_of(mails: list[Mail]) -> str:
    """Today's mails of this kind are there already: out, on their way, or (which must not pass for sent) neither."""
    out = [mail.sent_at for mail in mails if mail.sent_at]
    if out:
        return f"Already sent today at {clock.local(min(out)):%H:%M}; nothing was sent twice."
    if any(mail.state in ("queued", "sending") for mail in mails):
        return f"Today's mail waits to be sent since {clock.local(mails[0].created_at):%H:%M}; nothing was added."
    return f"Today's mail was not sent. {mails[-1].error or 'It was cancelled.'} Send it again from the outbox."


def _people(kind: str, told: Told) -> str:
    mailed = f"{told.mails} mail{'s' if told.mails != 1 else ''} to send"
    if told.mails:
        return f"{mailed}."
    if not outbox.is_open():
        return "Shown in the app; no mail server is set up."
    if not any(person["mail"] for person in recipients(kind)):
        return "Shown in the app; nobody has an e-mail address."
    return "Shown in the app."
