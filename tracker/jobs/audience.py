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
        at = clock.local(already[0].created_at)
        return Work(f"{facts}. Already sent today at {at:%H:%M}; nothing was sent twice.", "nothing", counts)
    if not users.audience(kind):
        return Work(f"{facts}, but nobody is set to be told. Choose who on the users page.", "failed", counts)
    return Work(f"{facts}. {_people(kind, told)}", "done", counts)


def _people(kind: str, told: Told) -> str:
    mailed = f"{told.mails} mail{'s' if told.mails != 1 else ''} to send"
    if told.mails:
        return f"{mailed}."
    if not outbox.is_open():
        return "Shown in the app; no mail server is set up."
    if not any(person["mail"] for person in recipients(kind)):
        return "Shown in the app; nobody has an e-mail address."
    return "Shown in the app."
