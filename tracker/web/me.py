"""My account: name and e-mail, password, theme, notices, and where I am signed in."""

from __future__ import annotations

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from tracker import text
from tracker.errors import Refused
from tracker.shop import accounts, passwords, sessions, throttle, users
from tracker.shop.users import User
from tracker.web import access, auth, htmx, stale
from tracker.web.access import needs, signed_in
from tracker.web.fields import ChoiceField, EmailField, LineField, PasswordField
from tracker.web.forms import Form

page = Blueprint("me", __name__)
LEVELS = (
    ("everything", "Everything"),
    ("needs_me", "Only what needs me"),
    ("nothing", "Nothing"),
    ("chosen", "Choose myself"),
)


class Me(Form):
    name = LineField("Name", required=True, longest=text.NAME)
    email = EmailField("E-mail", longest=254, help="For reminders, and for a forgotten password.")
    current = PasswordField("Current password", help="Only needed when the e-mail address changes.")


class Password(auth.NewPassword):
    current = PasswordField("Current password", required=True)


class Notices(Form):
    notices = ChoiceField("Tell me", LEVELS, required=True)


@page.get("/me")
@signed_in
def show() -> str:
    return _show()


@page.post("/me")
@signed_in
def update() -> ResponseReturnValue:
    user, form = users.get(g.person.id), Me()
    if not form.validate():
        return _show(form=form), 422
    try:
        if form.email.data != (user.email or "") and not _is_me(user, form.current.data):
            raise Refused("To change the e-mail address, type your current password.", "current")
        users.edit(user.id, name=form.name.data, email=form.email.data)
    except Refused as no:
        form.refuse(no)
        return _show(form=form), 422
    return htmx.see_other("/me", "Saved.")


@page.get("/me/password")
@signed_in
def password() -> str:
    return render_template("me/password.html", form=Password(), user=users.get(g.person.id))


@page.post("/me/password")
@signed_in
def change_password() -> ResponseReturnValue:
    user, form = users.get(g.person.id), Password()
    try:
        if form.validate() and form.is_twice_the_same():
            if not _is_me(user, form.current.data):
                raise Refused("That is not your current password.", "current")
            accounts.set_password(user.id, form.password.data)
            return auth.signed_in_response(user.id, "/me", "Your password is changed. Other devices are signed out.")
    except Refused as no:
        form.refuse(no)
    return render_template("me/password.html", form=form, user=user), 422


@page.post("/me/theme")
@signed_in
def theme() -> ResponseReturnValue:
    users.choose_theme(g.person.id, request.form.get("theme", ""))
    before = stale.address(request.referrer)
    return htmx.see_other(stale.safe_path(before.path) if before.netloc == request.host else "/me")


@page.get("/me/notices")
@needs("notices.own")
def notices() -> str:
    user = users.get(g.person.id)
    return _notices(user, Notices(data={"notices": user.notices}))


@page.post("/me/notices")
@needs("notices.own")
def choose_notices() -> ResponseReturnValue:
    user, form = users.get(g.person.id), Notices()
    if not form.validate():
        return _notices(user, form), 422
    ticked = request.form
    choices = {kind: (f"app_{kind}" in ticked, f"mail_{kind}" in ticked) for kind, _ in _kinds(user)}
    users.choose_notices(user.id, form.notices.data, choices)
    return htmx.see_other("/me/notices", "Saved.")


@page.post("/me/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> ResponseReturnValue:
    sessions.end(session_id, g.person.id)
    return htmx.see_other("/me", "That device is signed out.")


@page.post("/me/sessions/end")
@signed_in
def end_sessions() -> ResponseReturnValue:
    ended = sessions.end_all(g.person.id, but=g.person.session_id)
    return htmx.see_other("/me", f"{ended} other device{'s are' if ended != 1 else ' is'} signed out.")


def _show(form: Me | None = None) -> str:
    user = users.get(g.person.id)
    form = form or Me(data={"name": user.name, "email": user.email or ""})
    found = [(one, device(one.agent), one.id == g.person.session_id) for one in sessions.active(user.id, user.role)]
    return render_template("me/show.html", user=user, form=form, sessions=found, level=dict(LEVELS)[user.notices])


def _is_me(user: User, given: str) -> bool:
    """Whether whoever sits here knows the password; guesses count like those at the log-in."""
    gates = throttle.for_login(user.username, access.address())
    wait = throttle.take(gates)
    if wait:
        raise Refused(f"Too many tries. Wait {wait} seconds, then try again.", "current")
    right = passwords.matches(user.password_hash, given)
    if right:
        throttle.forgive(gates)
    return right


def _kinds(user: User) -> list[tuple[str, str]]:
    return [(kind, words) for kind, words, _, _, roles in users.KINDS if user.role in roles]


def _notices(user: User, form: Notices) -> str:
    rows = [(kind, words, users.wishes(user, kind)) for kind, words in _kinds(user)]
    return render_template("me/notices.html", form=form, rows=rows, has_address=bool(user.email))


def device(agent: str) -> str:
    """A browser's own description in two words, as far as it can be read: "Firefox on Windows"."""
    browsers = (("Edg/", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox/", "Firefox"))
    browsers += (("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"))
    systems += (("Mac OS X", "Mac"), ("Linux", "Linux"))
    browser = next((name for sign, name in browsers if sign in agent), "A browser")
    system = next((name for sign, name in systems if sign in agent), "")
    return f"{browser} on {system}" if system else browser
