"""`/livez`: this web process answers. The supervisor probes only this, so it asks no database."""

from __future__ import annotations

from flask import Blueprint, Response

from tracker.web.access import public

page = Blueprint("livez", __name__)


@page.get("/livez")
@public("The supervisor probes it without a log-in; it says nothing but ok.")
def livez() -> Response:
    return Response("ok\n", content_type="text/plain; charset=utf-8")
