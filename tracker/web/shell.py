"""The small pages that belong to no noun: the bell's number, search, and the shortcuts."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from tracker.web import chrome, htmx, search
from tracker.web.access import signed_in

page = Blueprint("shell", __name__)


@page.get("/bell")
@signed_in
def bell() -> str:
    return render_template("shell/bell.html", unread=chrome.Chrome().unread)


@page.get("/search")
@signed_in
def find() -> str:
    q = " ".join(request.args.get("q", "").split())[:100]
    return htmx.page("shell/search.html", "results", q=q, groups=search.find(q))


@page.get("/shortcuts")
@signed_in
def shortcuts() -> str:
    return render_template("shell/shortcuts.html")
