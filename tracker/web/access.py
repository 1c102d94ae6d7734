"""Who may see which page: every route declares what it needs, and what is not declared is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, current_app, g, redirect, request
from flask.typing import ResponseReturnValue

from tracker.errors import Busy, NotAllowed
from tracker.shop import roles, sessions, throttle, users
from tracker.web import stale

View = TypeVar("View", bound=Callable[..., Any])
Person = sessions.Person  # what the pages know of the one who is signed in
COOKIE = "ft_session"
_ALWAYS = ("/livez", "/healthz")  # answer before anybody is set up


@dataclass(frozen=True)
class Access:
    """What a route needs: nobody (`why` says why), anybody who is signed in, or an action."""

    kind: str  # "public", "signed_in" or "needs"
    action: str = ""
    why: str = ""


def public(why: str) -> Callable[[View], View]:
    """Open to strangers, because `why`; a test lists them all."""
    return _declare(Access("public", why=why))


def needs(action: str) -> Callable[[View], View]:
    """Only for roles that may do this action, e.g. `@needs("products.edit")`."""
    return _declare(Access("needs", action=action))


def signed_in(view: View) -> View:
    """For everybody who is signed in, whatever the role."""
    return _declare(Access("signed_in"))(view)


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


def find_person(token: str) -> Person | None:
    """Who holds this log-in token; None for a stranger, an expired or a revoked session. Notes that they are here."""
    person = sessions.find(token)
    if person is not None and "X-Poll" not in request.headers:  # a page that asks by itself keeps nobody signed in
        try:
            sessions.seen(person)
        except Busy:
            pass  # the page may be shown all the same; the next one notes it
    return person


def access_of(app: Flask, endpoint: str) -> Access | None:
    """What the route needs, as its view declared it. Flask's own static files are public."""
    if endpoint == "static":
        return Access("public", why="Style sheets, scripts and icons hold nothing of the shop.")
    return getattr(app.view_functions[endpoint], "access", None)


def check_declared(app: Flask) -> None:
    """A route without a declaration stops the program from starting."""
    bare = sorted(name for name in app.view_functions if access_of(app, name) is None)
    if bare:
        raise RuntimeError(f"These routes declare no access (see tracker/web/access.py): {', '.join(bare)}")


def guard(app: Flask) -> None:
    """Find out who asks, then refuse what was not allowed; runs after the checks of `tracker.web.security`."""

    @app.before_request
    def allow() -> ResponseReturnValue | None:
        endpoint = request.endpoint
        if endpoint in ("static", "livez.livez") or (request.routing_exception is not None and is_set_up()):
            return None
        if not is_set_up() and request.blueprint != "setup" and request.path not in _ALWAYS:
            return _elsewhere("/setup")
        access = access_of(app, endpoint or "") if endpoint else None
        if access is None:
            raise NotAllowed("Nobody may open this page.")
        if access.kind == "public":
            return None
        if g.person is None:
            return to_login()
        if access.kind == "needs" and not g.person.can(access.action):
            raise NotAllowed(who_may(access.action))
        return None


def is_set_up() -> bool:
    """Whether somebody exists. Asked of the books until the answer is yes: there is no way back."""
    if not current_app.extensions.get("is_set_up"):
        current_app.extensions["is_set_up"] = users.is_anybody()
    return bool(current_app.extensions["is_set_up"])


def to_login() -> ResponseReturnValue:
    """Send a stranger to the log-in page; a typed form is kept and shown again afterwards."""
    return _elsewhere("/login?" + urlencode({"next": stale.keep_for_later()}))


def _elsewhere(target: str) -> ResponseReturnValue:
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": target}  # htmx would put a redirect's page into the middle of this one
    return redirect(target, 303)


def who_may(action: str) -> str:
    """The sentence of the 403 page."""
    return f"This is for the role of {roles.who_may(action)}. Yours is {g.person.role}. Ask the owner of the shop."


def address() -> str:
    """Where the request comes from, as far as that is sure: behind a proxy that we don't know it is not."""
    if any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")):
        return "behind a proxy"
    return request.remote_addr or ""


def at_this_pc() -> bool:
    """Whether whoever asks sits at the shop's PC."""
    return throttle.is_this_pc(address())
