"""Signing in and out, the forgotten password, and the one-time links that new people get."""

from __future__ import annotations

import logging

from flask import Blueprint, current_app, g, make_response, render_template, request, session
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from tracker.errors import NotFound, Refused
from tracker.shop import accounts, links, sessions, throttle, users
from tracker.web import access, htmx, stale
from tracker.web.access import public
from tracker.web.fields import LineField, PasswordField
from tracker.web.forms import Form

page = Blueprint("auth", __name__)
log = logging.getLogger(__name__)


class LogIn(Form):
    username = LineField("User name", required=True, longest=254)
    password = PasswordField("Password", required=True)


class Forgot(Form):
    username = LineField("User name or e-mail", required=True, longest=254)


class NewPassword(Form):
    password = PasswordField("New password", required=True, help="At least 10 characters: three words are good.")
    again = PasswordField("The same once more", required=True)

    def is_twice_the_same(self) -> bool:
        if self.password.data != self.again.data:
            self.again.errors = ["This is not the same password. Type it again."]
        return self.password.data == self.again.data


# --- in and out ------------------------------------------------------------------------------------------------------


@page.get("/login")
@public("Strangers sign in here.")
def new() -> ResponseReturnValue:
    if g.person is not None:
        return htmx.see_other(_next())
    return render_template("auth/login.html", form=LogIn())


@page.post("/login")
@public("Strangers sign in here.")
def create() -> ResponseReturnValue:
    form = LogIn()
    if not form.validate():
        return render_template("auth/login.html", form=form), 422
    gates = throttle.for_login(form.username.data, access.address())
    wait = throttle.take(gates)
    if wait:
        return too_many("auth/login.html", form, wait)
    user = users.log_in(form.username.data, form.password.data)
    if user is None:
        log.warning("a log-in failed, from %s", access.address())
        form.complaint = "That user name and password don't belong together."
        return render_template("auth/login.html", form=form), 422
    throttle.forgive(gates)
    return signed_in_response(user.id, _next())


@page.post("/logout")
@public("Signing out needs no rights; it ends the session of whoever asks.")
def delete() -> ResponseReturnValue:
    if g.person is not None:
        sessions.end(g.person.session_id, g.person.id)
    session.clear()
    return _without_cookie(htmx.see_other("/login", "You are signed out."))


@page.get("/logout")
@public("An address that people type; it only shows the button, because a GET changes nothing.")
def ask() -> ResponseReturnValue:
    return render_template("auth/logout.html") if g.person is not None else htmx.see_other("/login")


def signed_in_response(user_id: int, target: str, message: str = "") -> Response:
    """Start a session of its own for whoever just proved who they are, and go on to `target`."""
    if g.person is not None:
        sessions.end(g.person.session_id, g.person.id)
    token = sessions.start(user_id, access.address(), request.user_agent.string)
    response = htmx.see_other(target, message)
    _put_cookie(response, token, int(sessions.LONGEST.total_seconds()))
    return response


def too_many(template: str, form: Form, wait: int, **context: object) -> ResponseReturnValue:
    """The same form with how long to wait; nothing was tried."""
    form.complaint = f"Too many tries. Wait {wait} second{'s' if wait != 1 else ''}, then try again."
    response = make_response(render_template(template, form=form, **context), 429)
    response.headers["Retry-After"] = str(wait)
    return response


def _next() -> str:
    target = stale.safe_path(request.args.get("next"))
    return "/" if target.partition("?")[0] in ("/login", "/logout") else target


def _cookie_name() -> str:
    from tracker.web.security import login_cookie

    return login_cookie(current_app)


def _put_cookie(response: Response, token: str, max_age: int) -> None:
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(_cookie_name(), token, max_age=max_age, httponly=True, samesite="Lax", secure=secure, path="/")


def _without_cookie(response: Response) -> Response:
    _put_cookie(response, "", 0)
    return response


# --- forgotten -------------------------------------------------------------------------------------------------------


@page.get("/password/forgot")
@public("Who forgot the password can't sign in.")
def forgot() -> ResponseReturnValue:
    return render_template("auth/forgot.html", form=Forgot(), is_sent=False)


@page.post("/password/forgot")
@public("Who forgot the password can't sign in.")
def ask_for_link() -> ResponseReturnValue:
    form = Forgot()
    if not form.validate():
        return render_template("auth/forgot.html", form=form, is_sent=False), 422
    wait = throttle.take(throttle.for_reset(form.username.data, access.address()))
    if wait:
        return too_many("auth/forgot.html", form, wait, is_sent=False)
    accounts.forgot(form.username.data)
    return render_template("auth/forgot.html", form=form, is_sent=True)


# --- one-time links --------------------------------------------------------------------------------------------------


@page.get("/password/reset/<token>")
@public("The link of a mail; it only moves its token out of the address.")
def reset(token: str) -> ResponseReturnValue:
    return _hide_token(links.RESET, token)


@page.get("/welcome/<token>")
@public("The link for a new person; it only moves its token out of the address.")
def welcome(token: str) -> ResponseReturnValue:
    return _hide_token(links.NEW_ACCOUNT, token)


@page.get("/password/new")
@public("Who holds a one-time link chooses a password here.")
def choose() -> ResponseReturnValue:
    kind, token = _token()
    try:
        user = users.get(links.find(kind, token).user_id)
    except NotFound as gone:
        return render_template("auth/gone.html", sentence=gone.message), 404
    return render_template("auth/choose.html", form=NewPassword(), user=user, kind=kind)


@page.post("/password/new")
@public("Who holds a one-time link chooses a password here.")
def consume() -> ResponseReturnValue:
    form = NewPassword()
    kind, token = _token()
    gates = (throttle.Gate(f"link:{access.address()}", free=10),)
    wait = throttle.take(gates)
    try:
        user = users.get(links.find(kind, token).user_id)
        if wait:
            return too_many("auth/choose.html", form, wait, user=user, kind=kind)
        throttle.forgive(gates)
        if form.validate() and form.is_twice_the_same():
            user = accounts.choose_password(kind, token, form.password.data)
            session.pop("link", None)
            if kind == links.NEW_ACCOUNT:
                return signed_in_response(user.id, "/", f"Welcome, {user.name}. Your password is set.")
            return _without_cookie(htmx.see_other("/login", "Your new password is set. Sign in with it."))
    except NotFound as gone:
        return render_template("auth/gone.html", sentence=gone.message), 404
    except Refused as no:
        form.refuse(no)
    return render_template("auth/choose.html", form=form, user=user, kind=kind), 422


def _hide_token(kind: str, token: str) -> ResponseReturnValue:
    """The token leaves the address at once: addresses are logged, kept in histories and sent on as referrers."""
    session["link"] = [kind, token[:100]]
    return htmx.see_other("/password/new")


def _token() -> tuple[str, str]:
    kind, token = session.get("link") or (links.RESET, "")
    return str(kind), str(token)
