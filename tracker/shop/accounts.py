"""How people get in: a one-time link for a new person, one for a forgotten password, and the password they choose."""

from __future__ import annotations

from tracker import db
from tracker.errors import Refused
from tracker.shop import audit, links, notifications, outbox, passwords, users
from tracker.shop.users import User


def invite(username: str, name: str, role: str, email: str = "") -> tuple[User, bool]:
    """A new person and a link to choose a password with; whether it went out by mail. Raises Refused at the field."""
    with db.write():
        user = users.add(username, name, role, email)
        mailed = send_link(user.id)
    return user, mailed


def send_link(user_id: int) -> bool:
    """Make this person's link anew and mail it; False where there is no address or no mail server (then show it)."""
    with db.write():
        user = users.get(user_id)
        if not user.is_active:
            raise Refused(f"{user.name} is disabled. Enable the account first.")
        link = links.make(links.NEW_ACCOUNT, user.id)
        facts = {
            "person": user.name,
            "user_name": user.username,
            "role": user.role.capitalize(),
            "invited_by": audit.actor().name,
            "expires_at": db.instant_text(link.expires_at),
            "link_id": link.id,
        }
        return outbox.put(link.kind, f"{link.kind}:{link.id}", facts, user, expires_at=link.expires_at) is not None


def link_to_show(user_id: int) -> str:
    """A fresh link for somebody without e-mail, shown once: an earlier one stops working. Never stored."""
    return links.url(links.make(links.NEW_ACCOUNT, user_id).id)


def forgot(login: str) -> None:
    """Mail a link to this person, if there is one with an address; the same work, and no word of it, if not."""
    user = users.find(login)
    with db.write():
        audit.note("password.forgot")
        if user is None or not user.is_active or not user.email or not outbox.is_open():
            return
        link = links.make(links.RESET, user.id)
        minutes = int(links.LIFE[links.RESET].total_seconds() // 60)
        facts = {"person": user.name, "user_name": user.username, "minutes": minutes, "link_id": link.id}
        outbox.put(link.kind, f"{link.kind}:{link.id}", facts, user, expires_at=link.expires_at)


def set_password(user_id: int, password: str, keep_session: int | None = None) -> None:
    """A new password, by an admin at the PC or by the person. Everybody signed in as this person is signed out."""
    user = users.get(user_id)
    stored = users.hash_for(user, password)
    with db.write():
        users.store_password(user_id, stored, keep_session)
        _tell(user, "Your password was changed. If that was not you, tell the owner of the shop.")


def change_password(user_id: int, current: str, password: str, keep_session: int | None = None) -> bool:
    """The person's own change, which needs the current password; False when that is wrong."""
    user = users.get(user_id)
    if not passwords.matches(user.password_hash, current):
        return False
    set_password(user_id, password, keep_session)
    return True


def choose_password(kind: str, token: str, password: str) -> User:
    """Use a one-time link. Raises NotFound when it is dead, Refused at "password" (the link lives on then)."""
    link = links.find(kind, token)
    user = users.get(link.user_id)
    stored = users.hash_for(user, password)
    with db.write():
        links.use(link)
        users.store_password(user.id, stored)
        if kind == links.RESET:
            _tell(
                user, "Your password was changed with a mailed link. If that was not you, tell the owner of the shop."
            )
    return user


def _tell(user: User, sentence: str) -> None:
    if users.wishes(user, "account")[0]:
        notifications.write(user.id, "account", [notifications.Notice("password", sentence, "/me", "warning")])
