"""What is wrong just now, as sentences with a fix: for the morning page, the Health page and `run.py doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import peewee

from tracker import clock
from tracker.config import Config
from tracker.files import Lock
from tracker.ops import doctor, health, heartbeats, job_runs, schedules, timetable
from tracker.ops.doctor import Check
from tracker.shop import books, outbox, settings, users

SILENT = 180.0  # seconds without a heartbeat
LATE = timedelta(minutes=10)
_SEVERITY = {"warn": "warning", "fail": "critical"}


@dataclass(frozen=True)
class Problem:
    """A card: `severity` is critical or warning; `link` leads to where it is mended."""

    id: str
    severity: str
    sentence: str
    fix: str
    link: str


def problems(config: Config) -> list[Problem]:
    """What needs somebody, the worst first; quick enough for every page. Before set-up there is nothing to mend."""
    if not settings.current().is_set_up:
        return []
    found = [check for check in checks(config) if check.status != "ok"]
    found.sort(key=lambda check: check.status != "fail")
    return [Problem(check.id, _SEVERITY[check.status], check.sentence, check.fix, check.link) for check in found]


def checks(config: Config, thoroughly: bool = False) -> list[Check]:
    """Everything that is looked at, good or bad. `thoroughly` also reads every page of the books and adds them up."""
    installation, runs = doctor.quick(config), last_runs()
    if thoroughly:
        installation[0] = doctor.database_thoroughly(config)
        installation += [added_up(), web(config)]
    else:
        installation.append(last_books_check(runs.get("books_check")))
    return [
        *installation,
        worker(config),
        *schedule(),
        *failed_jobs(runs),
        *mail_settings(),
        *waiting_mail(),
        reachable(),
    ]


# --- the books and the processes -------------------------------------------------------------------------------------


def added_up() -> Check:
    faults = books.verify(thorough=False)
    if not faults:
        return Check("books_check", "ok", "Stock, debts and cash add up.")
    more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
    return Check("books_check", "fail", faults[0].sentence + more, _BOOKS_FIX)


def last_books_check(run: job_runs.JobRun | None) -> Check:
    """What the nightly check found."""
    if run is None:
        return Check("books_check", "ok", "The books are checked tonight for the first time.")
    if run.state == "failed" or run.outcome == "failed":
        return Check("books_check", "fail", run.result or run.error, _BOOKS_FIX)
    return Check("books_check", "ok", run.result or "Stock, debts and cash add up.")


_BOOKS_FIX = "Book nothing by hand. Keep a copy of the data folder and ask for help, or restore the last good backup."


def worker(config: Config) -> Check:
    if config.no_jobs:
        return Check("worker", "ok", "No worker is wanted: this is `run.py dev --no-jobs`.")
    age = heartbeats.age("worker")
    if age is not None and age <= SILENT:
        return Check("worker", "ok", "The worker is alive: alerts and mail go out by themselves.")
    if age is not None and Lock(config.data / "worker.lock").is_held():
        sentence = f"The worker has been silent for {int(age // 60)} minutes: no alert and no mail goes out."
        return Check("worker", "fail", sentence, "Restart it under Health, or: python3 run.py restart worker.")
    sentence = "The worker is not running: no alert and no mail goes out by itself."
    return Check("worker", "warn", sentence, "Start it: python3 run.py start worker.")


def web(config: Config) -> Check:
    if health.web_probe(config)():
        return Check("web", "ok", f"The pages answer at {config.url}/.")
    return Check("web", "warn", f"The pages don't answer at {config.url}/.", "Start them: python3 run.py.", "/")


# --- the jobs --------------------------------------------------------------------------------------------------------


def schedule() -> Iterator[Check]:
    """Whether each job has hours, is not paused and had its turn."""
    rows = schedules.everything()
    if not rows:
        yield Check(
            "schedule", "warn", "The schedule is made when the worker starts first.", "Start it: python3 run.py."
        )
        return
    paused = [timetable.JOBS[row.job].title for row in rows if row.is_paused and row.job in timetable.JOBS]
    late = [row for row in rows if not row.is_paused and _is_late(row)]
    if late:
        titles = ", ".join(timetable.JOBS[row.job].title for row in late)
        fix = "Look whether the worker runs; it catches up by itself."
        yield Check("schedule", "fail", f"Not done at its hour: {titles}.", fix)
    elif paused:
        fix = "Resume it under Health when you want it again."
        yield Check("schedule", "warn", f"Paused: {', '.join(paused)}.", fix)
    else:
        yield Check("schedule", "ok", "Every job had its turn.")


def _is_late(row: schedules.Schedule) -> bool:
    job = timetable.JOBS.get(row.job)
    if job is None or job.only_when_needed:
        return False
    return bool(schedules.slots(row, row.seen_until, clock.now() - LATE - job.after_start))


def last_runs() -> dict[str, job_runs.JobRun]:
    """The newest run of each job that is over, in one statement: pages ask this."""
    run = job_runs.JobRun
    over = run.select(peewee.fn.MAX(run.id)).where(run.state.in_(("done", "failed", "missed"))).group_by(run.job)
    return {found.job: found for found in run.select().where(run.id.in_(over))}


def failed_jobs(runs: dict[str, job_runs.JobRun]) -> Iterator[Check]:
    """A card for each job whose last run failed or was missed. (The books check has its own.)"""
    for name, job in timetable.JOBS.items():
        run = runs.get(name) if name != "books_check" else None
        if run is None or (run.state == "done" and run.outcome != "failed"):
            continue
        when = f"{clock.local(run.ended_at or run.due_at):%Y-%m-%d %H:%M}"
        if run.state == "missed":
            words = f"“{job.title}” was missed on {when}: {(run.note or run.result).rstrip('.')}."
            yield Check(f"job_{name}", "warn", words, "Run it now under Health if it is still wanted.")
        else:
            words = f"“{job.title}” failed on {when}: {(run.error or run.result).rstrip('.')}."
            yield Check(f"job_{name}", "fail", words, "Mend what it names, then press Retry under Health.")


# --- mail ------------------------------------------------------------------------------------------------------------


def mail_settings() -> Iterator[Check]:
    chosen = settings.current()
    fix = "Enter the e-mail address and its password under Settings, then send a test message."
    if not chosen.smtp_host:
        sentence = "No mail server is set up: alerts appear on the pages only."
        yield Check("mail_settings", "warn", sentence, fix, "/settings")
    elif not (chosen.smtp_from or chosen.smtp_user):
        yield Check("mail_settings", "fail", "The mail server has no sender address.", fix, "/settings")
    else:
        yield Check("mail_settings", "ok", f"Mail goes out through {chosen.smtp_host}.")


def waiting_mail() -> Iterator[Check]:
    """Mail that does not go: all of it, or single ones."""
    pause = outbox.paused()
    if pause is not None:
        since = f"{clock.local(pause.since_at):%Y-%m-%d %H:%M}"
        words = f"Mail waits since {since}: {pause.sentence}"
        yield Check("outbox", "fail", words, "It goes on by itself when the server answers.", "/health")
    counted = outbox.counts()
    if counted["failed"]:
        yield Check("mail_failed", "warn", f"Not sent: {_mails(counted['failed'])}.", "Look at each under Health.")
    if counted["held"]:
        words = f"Unsure whether sent: {_mails(counted['held'])}."
        yield Check("mail_held", "warn", words, "Send again or cancel each under Health.")


def _mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count} mails"


def reachable() -> Check:
    """Whether an alert would reach somebody who can act on it."""
    told = [row for kind in ("debt_reminder", "reorder_alert") for row in users.audience(kind)]
    fix = "Give an admin an e-mail address under Users, and look at Notices there."
    if not told:
        return Check("admins_reachable", "fail", "An alert would reach nobody: everybody turned it off.", fix, "/users")
    if settings.current().smtp_host and not any(by_mail and user.email for user, _, by_mail in told):
        sentence = "No admin gets alerts by mail: there is no e-mail address, or mail is turned off."
        return Check("admins_reachable", "warn", sentence, fix, "/users")
    names = ", ".join(dict.fromkeys(user.name for user, *_ in told))
    return Check("admins_reachable", "ok", f"Alerts reach {names}.")
