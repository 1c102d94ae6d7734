"""What every request must pass: a known host, our own origin, a token; and the headers of every answer."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect, validate_csrf
from wtforms import ValidationError

from tracker import clock, db, log
from tracker.config import Config
from tracker.errors import NotAllowed
from tracker.files import private_folder, write_once
from tracker.shop import audit, settings
from tracker.web import access, stale

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make Chromium send `Origin: null` with our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
MOST_BYTES = 2_000_000
SETTINGS_KEPT = 1.0  # seconds
_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


def configure(app: Flask, config: Config) -> None:
    """Flask's settings that keep a shop safe; the defaults they replace are listed in docs/web.md."""
    secure = config.url.startswith("https://")
    app.config.update(
        SECRET_KEY=write_once_key(config),
        SESSION_COOKIE_NAME="__Host-shop" if secure else "shop",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=500_000,
        MAX_FORM_PARTS=1000,
        PROPAGATE_EXCEPTIONS=False,
        DEBUG=False,
        WTF_CSRF_TIME_LIMIT=None,  # a till page stays open all day
        WTF_CSRF_CHECK_DEFAULT=False,  # `_check_origin_and_token` checks, for every route
        WTF_I18N_ENABLED=False,
        SHOP_CONFIG=config,
    )
    app.debug = False


def write_once_key(config: Config) -> bytes:
    """The key that signs cookies: made at the first start, the same for every process of this data folder."""
    path = private_folder(config.secret) / "secret_key"
    return path.read_bytes() if path.exists() else write_once(path, secrets.token_bytes(32))


def install(app: Flask) -> None:
    """Attach the checks, in the order in which they run."""
    CSRFProtect(app)
    app.extensions.setdefault("find_person", access.find_person)
    app.before_request(_begin)
    app.before_request(_check_host)
    app.before_request(_know_the_person)
    app.before_request(_check_origin_and_token)
    app.after_request(_add_headers)
    app.teardown_request(_end)


def takes(size: int) -> Callable[[access.View], access.View]:
    """Let people who are signed in send more than 2 MB to this route: `@takes(20_000_000)`, under the route's line."""

    def mark(view: access.View) -> access.View:
        view.takes = size  # type: ignore[attr-defined]
        return view

    return mark


def login_cookie(app: Flask) -> str:
    """The name of the cookie that holds the log-in token, apart from Flask's own session."""
    return f"__Host-{access.COOKIE}" if app.config["SESSION_COOKIE_SECURE"] else access.COOKIE


def is_static() -> bool:
    return request.endpoint == "static"


def _begin() -> None:
    g.person = None
    g.request_id = secrets.token_hex(4)
    g.acting = None
    log.context.set(g.request_id)


def _check_host() -> None:
    if not host_is_known(request.environ.get("HTTP_HOST", ""), current_app.config["SHOP_CONFIG"]):
        abort(400, "This address is not one of the shop's. Open the address that the shop PC shows.")


def host_is_known(host: str, config: Config) -> bool:
    """Whether a Host header may be ours. Addresses in digits may: rebinding a name to us needs a name."""
    match = _HOST.fullmatch(host)
    if not match:
        return False
    name = match["name"].lower().rstrip(".")
    try:
        ipaddress.ip_address(name.strip("[]"))
        return True
    except ValueError:
        pass
    ours = {"localhost", config.host.lower(), *(known.lower().partition(":")[0] for known in config.trusted_hosts)}
    ours |= {urlsplit(url).hostname or "" for url in (config.url, settings.current().base_url)}
    return bool(name) and name in ours


def _know_the_person() -> None:
    if is_static() or request.endpoint == "livez.livez":  # the probe must not hang on the books
        return
    _refresh_settings()
    token = request.cookies.get(login_cookie(current_app))
    if token:
        g.person = current_app.extensions["find_person"](token)
    if g.person is not None:
        g.acting = audit.acting(audit.Actor(g.person.id, g.person.name))
        g.acting.__enter__()


def _refresh_settings() -> None:
    """Another process may have changed them: look at most once a second."""
    now = clock.monotonic()
    if now - current_app.extensions.get("settings_read", -SETTINGS_KEPT) >= SETTINGS_KEPT:
        settings.load()
        current_app.extensions["settings_read"] = now


def _check_origin_and_token() -> ResponseReturnValue | None:
    if request.method in SAFE_METHODS or request.endpoint is None:
        return None
    if not _from_ourselves():
        raise NotAllowed("This was sent from another site, so nothing was done.")
    if g.person is not None:  # before anything reads the form
        request.max_content_length = getattr(current_app.view_functions[request.endpoint], "takes", MOST_BYTES)
    token = request.headers.get("X-CSRFToken") or request.form.get("csrf_token")
    if not token:
        raise NotAllowed(
            "This was sent without the shop's own token, so nothing was done. Open the page and try again."
        )
    try:
        validate_csrf(token)
    except ValidationError:
        if g.person is None and access.access_of(current_app, request.endpoint).kind != "public":  # type: ignore[union-attr]
            return access.to_login()  # an expired log-in: the form waits until its writer is back
        if request.headers.get("HX-Request"):
            raise NotAllowed("This page was open for too long. Load it again; nothing was saved.") from None
        return stale.show_again()
    g.csrf_valid = True
    return None


def _from_ourselves() -> bool:
    source = request.headers.get("Origin") or request.headers.get("Referer")
    if not source:
        return True  # an old browser or a script: the token decides
    ours = {request.host.lower(), urlsplit(current_app.config["SHOP_CONFIG"].url).netloc.lower()}
    return stale.address(source).netloc.lower() in ours


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("X-Request-Id", g.get("request_id", "-"))
    if is_static() and response.status_code in (200, 304):
        # A vendored file has its version in its folder's name: the font is asked for by a style sheet, without ?v=.
        versioned = "v" in request.args or request.path.startswith("/static/vendor/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if versioned else "no-cache"
    else:
        response.headers["Cache-Control"] = "no-store"
    return response


def _end(_: BaseException | None) -> None:
    acting = g.pop("acting", None)
    if acting is not None:
        acting.__exit__(None, None, None)
    db.release()
    log.context.set("-")
