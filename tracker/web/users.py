"""The people of the shop: who may sign in, with which role, and the link with which a new one chooses a password."""

from __future__ import annotations

from flask import Blueprint, render_template, session
from flask.typing import ResponseReturnValue

from tracker import text
from tracker.errors import NotFound, Refused
from tracker.shop import accounts, links, outbox, sessions, users
from tracker.shop.users import User
from tracker.web import htmx, network, qr
from tracker.web.access import needs
from tracker.web.fields import ChoiceField, EmailField, LineField
from tracker.web.forms import Form

page = Blueprint("users", __name__)
ROLE_WORDS = {
    "admin": "Admin: everything, also people and settings",
    "manager": "Manager: buys, pays, corrects stock",
    "cashier": "Cashier: the till; sees no cost or profit",
    "viewer": "Viewer: reads, changes nothing",
}


class Someone(Form):
    name = LineField("Name", required=True, longest=text.NAME)
    username = LineField("User name", required=True, longest=60, help="Short, for signing in. No @.")
    email = EmailField("E-mail", longest=254, help="Without one they get a link to scan instead of a mail.")
    role = ChoiceField("Role", tuple(ROLE_WORDS.items()), required=True)

    @property
    def values(self) -> dict[str, str]:
        return {name: str(self[name].data) for name in ("name", "username", "email", "role")}


@page.get("/users")
@needs("users.edit")
def index() -> str:
    people = [(user, _state(user)) for user in users.everybody()]
    return render_template("users/index.html", people=people)


@page.get("/users/new")
@needs("users.edit")
def new() -> str:
    return render_template("users/new.html", form=Someone(data={"role": "cashier"}), is_mail_open=outbox.is_open())


@page.post("/users")
@needs("users.edit")
def create() -> ResponseReturnValue:
    form = Someone()
    if form.validate():
        try:
            user, mailed = accounts.invite(**form.values)
        except Refused as no:
            form.refuse(no)
        else:
            return _after_link(user, mailed)
    return render_template("users/new.html", form=form, is_mail_open=outbox.is_open()), 422


@page.get("/users/<int:user_id>")
@needs("users.edit")
def edit(user_id: int) -> str:
    user = users.get(user_id)
    values = {"name": user.name, "username": user.username, "email": user.email or "", "role": user.role}
    return _show(user, Someone(data=values))


@page.post("/users/<int:user_id>")
@needs("users.edit")
def update(user_id: int) -> ResponseReturnValue:
    user, form = users.get(user_id), Someone()
    if form.validate():
        try:
            users.edit(user_id, **form.values)
            return htmx.see_other("/users", f"{form.name.data} is saved.")
        except Refused as no:
            form.refuse(no)
    return _show(user, form), 422


@page.post("/users/<int:user_id>/disable")
@needs("users.edit")
def disable(user_id: int) -> ResponseReturnValue:
    user = users.get(user_id)
    try:
        users.disable(user_id)
    except Refused as no:
        return htmx.see_other(f"/users/{user_id}", no.message, "bad")
    return htmx.see_other("/users", f"{user.name} can’t sign in any more and is signed out everywhere.")


@page.post("/users/<int:user_id>/enable")
@needs("users.edit")
def enable(user_id: int) -> ResponseReturnValue:
    user = users.get(user_id)
    users.enable(user_id)
    return htmx.see_other("/users", f"{user.name} can sign in again.")


@page.post("/users/<int:user_id>/sign-out")
@needs("users.edit")
def sign_out(user_id: int) -> ResponseReturnValue:
    user = users.get(user_id)
    sessions.end_all(user_id)
    return htmx.see_other(f"/users/{user_id}", f"{user.name} is signed out everywhere.")


@page.post("/users/<int:user_id>/link")
@needs("users.edit")
def send_link(user_id: int) -> ResponseReturnValue:
    user = users.get(user_id)
    return _after_link(user, accounts.send_link(user_id))


@page.get("/users/<int:user_id>/link")
@needs("users.edit")
def show_link(user_id: int) -> ResponseReturnValue:
    """The link on the screen, once: another look needs another link."""
    user = users.get(user_id)
    try:
        address = links.url(int(session.pop("show_link", 0)))
    except NotFound:
        return htmx.see_other(f"/users/{user_id}")
    only_here = network.is_loopback(address)
    return render_template("users/link.html", user=user, address=address, qr=qr.image(address), only_here=only_here)


def _after_link(user: User, mailed: bool) -> ResponseReturnValue:
    if mailed:
        return htmx.see_other("/users", f"A link to choose a password is on its way to {user.email}.")
    link = links.live(user.id, links.NEW_ACCOUNT)
    session["show_link"] = link.id if link else 0
    return htmx.see_other(f"/users/{user.id}/link")


def _show(user: User, form: Someone) -> str:
    signed_in = sessions.active(user.id, user.role)
    mailable = outbox.is_open() and bool(user.email)
    return render_template(
        "users/edit.html", user=user, form=form, state=_state(user), sessions=signed_in, mailable=mailable
    )


def _state(user: User) -> tuple[str, str]:
    """A word and its colour."""
    if not user.is_active:
        return "Disabled", "plain"
    return ("Active", "ok") if user.password_hash else ("No password yet", "warn")
