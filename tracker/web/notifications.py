"""What I was told: the bell's number, the list, read and all read."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, g, request
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import NotFound
from tracker.shop import notifications
from tracker.shop.notifications import Notification, Standing
from tracker.web import chrome, exports, htmx, listing
from tracker.web.access import Person, needs
from tracker.web.chrome import Banner

page = Blueprint("notifications", __name__)


@page.get("/notifications")
@needs("notices.own")
def index() -> ResponseReturnValue:
    view = listing.read(sorts=("id",), filters={"show": ("unread",)})
    only_unread = view.filters.get("show") == "unread"
    if view.format:
        found = notifications.latest(g.person.id, 100_000, only_unread=only_unread)
        rows = [(n.created_at, n.severity, n.message, n.read_at) for n in found]
        return exports.answer(view.format, "notices", ("at", "severity", "message", "read_at"), rows)
    found = notifications.latest(g.person.id, view.limit, view.offset, only_unread)
    mine = view.cut(found)
    days = [(day, list(group)) for day, group in groupby(mine, key=lambda one: clock.local(one.created_at).date())]
    return htmx.page(
        "notifications/index.html",
        "list",
        view=view,
        days=days,
        newest=mine[0].id if mine and not view.offset else 0,
        unread=chrome.Chrome().unread,
    )


@page.post("/notifications/<int:notification_id>/read")
@needs("notices.own")
def read(notification_id: int) -> ResponseReturnValue:
    """Marks it read and goes where it leads."""
    mine = Notification.get_or_none((Notification.id == notification_id) & (Notification.user == g.person.id))
    if mine is None:
        raise NotFound("There is no such notice.")
    notifications.mark_read(g.person.id, notification_id)
    return htmx.see_other(mine.link or "/notifications")


@page.post("/notifications/read")
@needs("notices.own")
def read_all() -> ResponseReturnValue:
    """Those that the page showed, not one that came a second ago."""
    marked = notifications.mark_all_read(g.person.id, listing.whole(request.form.get("newest")))
    return htmx.see_other("/notifications", f"{marked} marked as read." if marked else "")


def standing(person: Person) -> Standing:
    """What stands around every page, asked once a request: the bell's number, and whether mail waits."""
    if "standing" not in g:
        g.standing = notifications.standing(person.id)
    return g.standing  # type: ignore[no-any-return]


def _mail_banner(person: Person) -> Banner | None:
    """While the whole outbox waits: one banner instead of a failure per mail."""
    if not person.can("health.see") or request.path.startswith("/health"):
        return None
    sentence = standing(person).mail_waits
    return Banner("warn", f"Mail waits: {sentence}", "/health/mail", "See it") if sentence else None


chrome.bell(lambda person: standing(person).unread)
chrome.banner(_mail_banner)
