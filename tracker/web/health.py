"""The Health page: is all well, what needs fixing, then what the technician wants to know; and `/healthz`."""

from __future__ import annotations

import peewee
from flask import Blueprint, current_app, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from tracker import config, db
from tracker.ops import backups, overview, problems, processes, recovery, snapshots
from tracker.shop import outbox, users
from tracker.web import chrome, htmx
from tracker.web.access import Person, needs, public
from tracker.web.chrome import Banner

page = Blueprint("health", __name__)


@page.get("/health")
@needs("health.see")
def index() -> ResponseReturnValue:
    settings = current_config()
    jobs = overview.rows()
    return htmx.page(
        "health/index.html",
        "live",
        problems=problems.problems(settings),
        jobs=jobs,
        coming=overview.next_reminder(),
        busy=any(row.active for row in jobs),
        mail=outbox.counts(),
        mail_is_open=outbox.is_open(),
        pause=outbox.paused(),
        backups=backups.listing(settings),
        snapshots=snapshots.listing(settings),
        processes=processes.listing(settings),
        facts=processes.facts(settings),
        logs=processes.LOGS,
    )


@page.post("/health/processes/<name>/restart")
@needs("processes.restart")
def restart(name: str) -> ResponseReturnValue:
    processes.restart(current_config(), name)
    return htmx.see_other("/health", f"{name.capitalize()} is being restarted.")


@page.post("/health/start/dismiss")
@needs("backups.make")
def dismiss_start() -> ResponseReturnValue:
    """What an unusual start found was read; the sentence stays in the log."""
    recovery.dismiss(current_config())
    return htmx.see_other("/health")


@page.get("/health/logs/<name>")
@needs("processes.restart")
def log_tail(name: str) -> ResponseReturnValue:
    return render_template("health/log.html", name=name, lines=processes.log_tail(current_config(), name))


@page.get("/healthz")
@public("a monitor asks it; it says nothing but ok or degraded")
def healthz() -> ResponseReturnValue:
    """200 while all is well (or nobody is set up yet, or no worker is wanted), else 503."""
    try:
        is_set_up, database = users.is_anybody(), "ok"
    except (peewee.DatabaseError, db.sqlite3.Error):
        is_set_up, database = True, "failed"
    worker = processes.worker_state()
    wanted = is_set_up and not current_config().no_jobs
    well = database == "ok" and (worker == "ok" or not wanted)
    answer = jsonify(status="ok" if well else "degraded", database=database, worker=worker)
    answer.status_code = 200 if well else 503
    return answer


def current_config() -> config.Config:
    return current_app.config["SHOP_CONFIG"]  # type: ignore[no-any-return]


def _worker_banner(person: Person) -> Banner | None:
    if current_config().no_jobs or request.path == "/health":  # there it is the first problem
        return None
    if "worker_state" not in g:
        g.worker_state = processes.worker_state()
    if g.worker_state == "ok":
        return None
    words = "silent" if g.worker_state == "silent" else "not running"
    link = ("/health", "See why") if person.can("health.see") else ("", "")
    return Banner("bad", f"The worker is {words}: no reminder, alert or mail goes out by itself.", *link)


chrome.banner(_worker_banner)
