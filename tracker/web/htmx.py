"""Pages and their fragments: one template, and for an htmx request only the block that changes."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, current_app, flash, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse


def wanted() -> bool:
    """Whether htmx asks for a fragment (and not for a whole page out of the browser's history)."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def is_poll() -> bool:
    """A live view asking by itself: it must not keep a session alive."""
    return "X-Poll" in request.headers


def page(template: str, block: str, **context: Any) -> str:
    """The whole page, or its named block alone when htmx asks."""
    return fragment(template, block, **context) if wanted() else render_template(template, **context)


def fragment(template: str, block: str, **context: Any) -> str:
    """One block of a template, rendered as the page itself would."""
    found = current_app.jinja_env.get_or_select_template(template)
    current_app.update_template_context(context)
    return "".join(found.blocks[block](found.new_context(context)))


def toast(response: Response, message: str, kind: str = "ok") -> Response:
    """Let the page show a short message when this fragment arrives. Kinds: ok, info, warn, bad."""
    response.headers["HX-Trigger"] = json.dumps({"toast": {"message": message, "kind": kind}})
    return response


def see_other(location: str, message: str = "", kind: str = "ok") -> BaseResponse:
    """After something was done: go to its page (303; htmx is told to load it), with a message that is shown there once.

    The same form sent twice is answered with the first's location (see `tracker.web.idempotency`).
    """
    if message:
        flash(message, kind)
    g.done_location = location
    if wanted():
        response = make_response("", 204)
        response.headers["HX-Redirect"] = location
        return response
    return redirect(location, 303)
