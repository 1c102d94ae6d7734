"""The outbox as people see it: what went out as it went out, each try in the server's words, send again, cancel."""

from __future__ import annotations

from flask import Blueprint, make_response
from flask.typing import ResponseReturnValue

from tracker.errors import NotFound
from tracker.shop import outbox
from tracker.web import exports, htmx, listing
from tracker.web.access import needs

page = Blueprint("mails", __name__)

GROUPS = {
    "waiting": ("queued", "sending"),
    "sent": ("sent",),
    "not_sent": ("failed", "expired", "cancelled"),
    "unsure": ("held",),
}
KINDS = {
    "debt_reminder": "Debt reminder",
    "reorder_alert": "Reorder alert",
    "low_stock_notification": "Low stock",
    "new_account": "New account",
    "reset_password": "New password",
    "test_email": "Test message",
}
# The mail's own look needs its own styles, and nothing else: no script, no address of another host, no frame.
BODY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"


@page.get("/health/mail")
@needs("mail.see")
def index() -> ResponseReturnValue:
    view = listing.read(sorts=("id",), filters={"state": tuple(GROUPS)})
    states = GROUPS.get(view.filters.get("state") or "", outbox.STATES)
    if view.format:
        rows = [
            (m.created_at, KINDS[m.kind], m.to_name, m.to_address, m.word, m.subject, m.sent_at, m.attempt, m.error)
            for m in outbox.listing(states, limit=100_000)
        ]
        header = ("queued_at", "kind", "name", "address", "state", "subject", "sent_at", "tries", "error")
        return exports.answer(view.format, "mail", header, rows)
    counts = outbox.counts()
    groups = {name: sum(counts[state] for state in members) for name, members in GROUPS.items()}
    mails = view.cut(outbox.listing(states, limit=view.limit, offset=view.offset))
    return htmx.page(
        "health/mail.html",
        "list",
        view=view,
        mails=mails,
        groups=groups,
        kinds=KINDS,
        pause=outbox.paused(),
        is_open=outbox.is_open(),
    )


@page.get("/health/mail/<int:mail_id>")
@needs("mail.see")
def show(mail_id: int) -> ResponseReturnValue:
    mail = outbox.get(mail_id)
    return htmx.page(
        "health/mail_show.html", "mail", mail=mail, kind=KINDS[mail.kind], attempts=outbox.attempts(mail_id)
    )


@page.get("/health/mail/<int:mail_id>/body")
@needs("mail.see")
def body(mail_id: int) -> ResponseReturnValue:
    """The HTML part exactly as it went out, on a page of its own that can do nothing."""
    mail = outbox.get(mail_id)
    if not mail.html:
        raise NotFound("This mail has not gone out, so there is nothing to show yet.")
    answer = make_response(mail.html)
    answer.headers["Content-Security-Policy"] = BODY_POLICY
    return answer


@page.post("/health/mail/<int:mail_id>/again")
@needs("mail.resend")
def again(mail_id: int) -> ResponseReturnValue:
    new = outbox.send_again(mail_id)
    return htmx.see_other(f"/health/mail/{new.id}", "It waits to be sent once more.")


@page.post("/health/mail/<int:mail_id>/cancel")
@needs("mail.resend")
def cancel(mail_id: int) -> ResponseReturnValue:
    outbox.cancel(mail_id)
    return htmx.see_other(f"/health/mail/{mail_id}", "Cancelled: it will not be sent.")


@page.post("/health/mail/resume")
@needs("mail.resend")
def resume() -> ResponseReturnValue:
    outbox.resume()
    return htmx.see_other("/health/mail", "The server is tried again now.")
