"""The people of the shop, what each role may do, and what each of them wants to be told."""

from __future__ import annotations

from typing import Any

import peewee

from tracker import clock, db, text
from tracker.errors import NotFound, Refused
from tracker.shop import audit, links, passwords, roles, sessions, settings

ROLES = roles.ROLES
ACTIONS = roles.ACTIONS

# What people are told of, in the order of the page. `needs_me`: part of "Only what needs me".
# (kind, words, needs_me, mailed unless chosen otherwise, only for these roles)
KINDS: tuple[tuple[str, str, bool, bool, frozenset[str]], ...] = (
    ("debt_reminder", "Debts that are overdue", True, True, roles.READERS),
    ("reorder_alert", "Products to order, once a day", True, True, roles.READERS),
    ("low_stock_notification", "A product just ran low", True, False, roles.ALL),
    ("problem", "Something went wrong (jobs, mail, backups)", True, False, roles.OFFICE),
    ("account", "Your own account (password, new log-in)", True, False, roles.ALL),
    ("news", "Good to know (a job ran late, a backup was made)", False, False, roles.OFFICE),
)


class User(db.Model):
    """Someone who may log in. Never deleted: disabled."""

    username = peewee.TextField()
    username_key = peewee.TextField(unique=True)
    name = peewee.TextField()
    email = peewee.TextField(null=True)
    email_key = peewee.TextField(null=True, unique=True)
    role = peewee.TextField()
    password_hash = peewee.TextField(null=True)
    is_active = peewee.BooleanField(default=True)
    theme = peewee.TextField(default="auto")
    notices = peewee.TextField(default="needs_me")
    created_at = db.InstantField()
    password_changed_at = db.InstantField(null=True)

    def can(self, action: str) -> bool:
        """Whether this person's role may do it. An unknown action is a bug and raises KeyError."""
        return roles.may(self.role, action)

    @property
    def actor(self) -> audit.Actor:
        return audit.Actor(self.id, self.name)


class NoticeChoice(db.Model):
    """What one person chose for one kind of notice ("Choose myself")."""

    user = peewee.ForeignKeyField(User)
    kind = peewee.TextField()
    in_app = peewee.BooleanField()
    by_mail = peewee.BooleanField()


def add(username: str, name: str, role: str, email: str = "") -> User:
    """A new person without a password: it is set by a one-time link or at the PC. Raises Refused at the field."""
    values = _checked(username=username, name=name, role=role, email=email)
    with db.write():
        _refuse_taken(values, but=None)
        user = User.create(**values, notices="needs_me", created_at=clock.now())
        audit.note("user.add", f"user:{user.id}", username=user.username, role=role)
    return user


def edit(user_id: int, **changes: str) -> User:
    """Change name, username, e-mail or role. The last active admin keeps the role. Raises Refused, NotFound."""
    values = _checked(**changes)
    with db.write():
        user = get(user_id)
        _refuse_taken(values, but=user_id)
        if values.get("role", user.role) != roles.ADMIN:
            _refuse_last_admin(user, "role")
        changed = {key: value for key, value in values.items() if getattr(user, key) != value}
        if changed:
            User.update(**changed).where(User.id == user_id).execute()
            if {"role", "email"} & set(changed):
                links.end_all(user_id)
            if "role" in changed:
                sessions.end_all(user_id)
            audit.note("user.edit", f"user:{user_id}", **{k: v for k, v in changed.items() if not k.endswith("_key")})
    return get(user_id)


def disable(user_id: int) -> None:
    """They can't log in any more and are signed out everywhere; what they did stays."""
    with db.write():
        user = get(user_id)
        _refuse_last_admin(user, "username")
        User.update(is_active=False).where(User.id == user_id).execute()
        sessions.end_all(user_id)
        links.end_all(user_id)
        audit.note("user.disable", f"user:{user_id}")


def enable(user_id: int) -> None:
    with db.write():
        get(user_id)
        User.update(is_active=True).where(User.id == user_id).execute()
        audit.note("user.enable", f"user:{user_id}")


def hash_for(user: User, password: str) -> str:
    """The hash of a password that is good enough for this person. Raises Refused at "password"."""
    passwords.checked(password, user.username, user.name, user.email or "", settings.current().shop_name)
    return passwords.hashed(password)


def store_password(user_id: int, stored: str, keep_session: int | None = None) -> None:
    """Take over a hash from `hash_for`: all links of this person die, all sessions end (but `keep_session`)."""
    with db.write():
        user = get(user_id)
        if not user.is_active:
            raise Refused(f"{user.name} is disabled. Enable the account first.", "username")
        User.update(password_hash=stored, password_changed_at=clock.now()).where(User.id == user_id).execute()
        links.end_all(user_id)
        sessions.end_all(user_id, but=keep_session)
        audit.note("user.password", f"user:{user_id}")


def log_in(login: str, password: str) -> User | None:
    """The active person with this name (or e-mail address) and password; unknown names take just as long."""
    user = find(login)
    able = user is not None and user.is_active
    if not passwords.matches(user.password_hash if user is not None and able else None, password) or user is None:
        return None
    if passwords.is_old(user.password_hash or ""):
        stored = passwords.hashed(password)
        with db.write():
            unchanged = (User.id == user.id) & (User.password_hash == user.password_hash)
            User.update(password_hash=stored).where(unchanged).execute()
    return user


def choose_theme(user_id: int, theme: str) -> None:
    """light, dark or auto."""
    if theme not in ("auto", "light", "dark"):
        raise Refused("Choose one of the three.", "theme")
    with db.write():
        User.update(theme=theme).where(User.id == user_id).execute()


def get(user_id: int) -> User:
    """Raises NotFound."""
    user = User.get_or_none(User.id == user_id)
    if user is None:
        raise NotFound("There is no such person.")
    return user


def find(login: str) -> User | None:
    """By user name, or by e-mail address; spelling of capitals does not matter."""
    key = text.key(login)
    return User.get_or_none((User.username_key == key) | (User.email_key == key)) if key else None


def everybody() -> list[User]:
    return list(User.select().order_by(User.is_active.desc(), User.name))


def is_anybody() -> bool:
    """Whether the shop has been set up: at least one person exists."""
    return bool(db.rows("SELECT 1 FROM user LIMIT 1"))


# --- notices -------------------------------------------------------------------------------------------------------


def choose_notices(user_id: int, level: str, choices: dict[str, tuple[bool, bool]] | None = None) -> None:
    """Set "everything", "needs_me", "nothing", or "chosen" with {kind: (in the app, by mail)}."""
    if level not in ("everything", "needs_me", "nothing", "chosen"):
        raise Refused("Choose one of the four.", "notices")
    known = {kind for kind, *_ in KINDS}
    with db.write():
        get(user_id)
        User.update(notices=level).where(User.id == user_id).execute()
        if level == "chosen":
            NoticeChoice.delete().where(NoticeChoice.user == user_id).execute()
            for kind, (in_app, by_mail) in (choices or {}).items():
                if kind in known:
                    NoticeChoice.create(user=user_id, kind=kind, in_app=in_app, by_mail=by_mail)


def wishes(user: User, kind: str) -> tuple[bool, bool]:
    """(in the app, by mail): what this person wants of this kind, as far as the role may see it."""
    _, _, needs_me, mailed, for_roles = next(row for row in KINDS if row[0] == kind)
    if user.role not in for_roles or not user.is_active:
        return False, False
    if user.notices == "chosen":
        choice = NoticeChoice.get_or_none((NoticeChoice.user == user.id) & (NoticeChoice.kind == kind))
        return (choice.in_app, choice.by_mail) if choice else (False, False)
    if user.notices == "nothing":
        return False, False
    # On by default for admins; the others get the daily alerts only when they asked for everything.
    wanted = user.notices == "everything" or (
        needs_me and (user.role == roles.ADMIN or kind in ("account", "low_stock_notification"))
    )
    return wanted, wanted and (mailed or user.notices == "everything")


def audience(kind: str) -> list[tuple[User, bool, bool]]:
    """Everyone who is told of this kind of thing: (person, in the app, by mail)."""
    people = User.select().where(User.is_active == True).order_by(User.id)  # noqa: E712
    told = ((user, *wishes(user, kind)) for user in people)
    return [row for row in told if row[1] or row[2]]


# --- checks --------------------------------------------------------------------------------------------------------


def _checked(**values: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "username" in values:
        found["username"] = text.line(values["username"], "username", "user name", 60, required=True)
        if "@" in found["username"]:
            raise Refused("A user name has no @ in it; the e-mail address goes into its own field.", "username")
        found["username_key"] = text.key(found["username"])
    if "name" in values:
        found["name"] = text.line(values["name"], "name", "name", required=True)
    if "email" in values:
        found["email"] = settings.address(values["email"]) or None
        found["email_key"] = text.key(found["email"]) if found["email"] else None
    if "role" in values:
        if values["role"] not in ROLES:
            raise Refused("Choose a role from the list.", "role")
        found["role"] = values["role"]
    return found


def _refuse_taken(values: dict[str, Any], but: int | None) -> None:
    for key, field, words in (("username_key", "username", "user name"), ("email_key", "email", "e-mail address")):
        if values.get(key) and User.select().where(getattr(User, key) == values[key], User.id != but).exists():
            raise Refused(f"Somebody else has this {words} already.", field)


def _refuse_last_admin(user: User, field: str) -> None:
    others = User.select().where(User.role == roles.ADMIN, User.is_active == True, User.id != user.id)  # noqa: E712
    if user.role == roles.ADMIN and user.is_active and not others.exists():
        raise Refused(f"{user.name} is the only admin. Make somebody else an admin first.", field)
