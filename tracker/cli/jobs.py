"""`run.py jobs` and `run.py job`: what runs by itself, when, how it went; run one now, or see what it would do."""

from __future__ import annotations

import argparse
from typing import Any

from tracker import config as settings
from tracker.cli.output import complain, document, say, table
from tracker.cli.shop import open_shop
from tracker.errors import NotFound, Refused


def register(add: Any) -> None:
    jobs = add("jobs", "what runs by itself: hours, next run, last run; change the hours", _jobs)
    jobs.add_argument("name", nargs="?", metavar="NAME|set", help="one job; or `set NAME …` to change its hours")
    jobs.add_argument("job", nargs="?", metavar="NAME")
    jobs.add_argument("--runs", action="store_true", help="its last 50 runs")
    jobs.add_argument("--json", action="store_true")
    jobs.add_argument("--at", metavar="HH:MM")
    jobs.add_argument("--days", metavar="mon,tue|every")
    jobs.add_argument("--cron", metavar="LINE")
    for name in ("pause", "resume", "default"):
        jobs.add_argument(f"--{name}", action="store_true")
    job = add("job", "run one job now and wait for it", _job, everyday=True)
    job.add_argument("name", metavar="NAME")
    job.add_argument("--preview", action="store_true", help="what would go out now, to whom and why; nothing is sent")
    job.add_argument("--again", action="store_true", help="also when it went out already today")
    job.add_argument("--no-wait", action="store_true")
    job.add_argument("--json", action="store_true")


def _open(arguments: argparse.Namespace) -> settings.Config:
    arguments.timetable()
    return open_shop()


def _known(name: str) -> str:
    from tracker.ops import timetable

    if name not in timetable.JOBS:
        raise NotFound(f"There is no job named {name}. They are: {', '.join(timetable.JOBS)}.")
    return name


# --- run.py jobs ---------------------------------------------------------------------------------------------------


def _jobs(arguments: argparse.Namespace) -> int:
    _open(arguments)
    if arguments.name == "set":
        return _set(arguments)
    if arguments.name is None:
        return _list(arguments.json)
    return _runs(_known(arguments.name), arguments.json) if arguments.runs else _list(arguments.json, arguments.name)


def _list(as_json: bool, only: str = "") -> int:
    from tracker import clock
    from tracker.ops import job_runs, schedules, timetable

    if only:
        _known(only)
    found = []
    for schedule in schedules.everything():
        if only in ("", schedule.job):
            upcoming = [] if schedule.is_paused else schedules.next_runs(schedule, 1)
            last = job_runs.last(schedule.job)
            found.append(
                {
                    "name": schedule.job,
                    "title": timetable.JOBS[schedule.job].title,
                    "schedule": schedule.words,
                    "paused": schedule.is_paused,
                    "changed_by": schedule.changed_by,
                    "next_run": upcoming[0] if upcoming else None,
                    "last_run": last.ended_at if last else None,
                    "last_state": (last.outcome or last.state) if last else None,
                    "last_result": (last.result or last.error or last.note) if last else "",
                }
            )
    if as_json:
        document(found)
        return 0
    rows = []
    for job in found:
        coming = (
            "paused" if job["paused"] else f"{clock.local(job['next_run']):%a %d %b %H:%M}" if job["next_run"] else "-"
        )
        ran = f"{clock.local(job['last_run']):%a %d %b %H:%M}" if job["last_run"] else "never"
        rows.append((job["name"], job["schedule"], coming, ran, job["last_result"][:80]))
    table(rows, ("JOB", "WHEN", "NEXT", "LAST", "RESULT"))
    return 0


def _runs(name: str, as_json: bool) -> int:
    from tracker import clock
    from tracker.ops import job_runs

    runs = job_runs.history(name)
    if as_json:
        document(
            [
                run.as_json()
                | {
                    "started_at": run.started_at,
                    "ended_at": run.ended_at,
                    "attempt": run.attempt,
                    "asked_by": run.asked_by,
                    "note": run.note,
                    "error": run.error,
                }
                for run in runs
            ]
        )
        return 0
    for run in runs:
        at = clock.local(run.started_at or run.created_at)
        parts = [part for part in (run.result or run.error, run.note) if part]
        words = " ".join(f"{part[0].upper()}{part[1:].rstrip('.')}." for part in parts)
        say(f"{run.id:>6}  {at:%Y-%m-%d %H:%M:%S}  {run.state:<9} {run.trigger:<9} {words}")
    if not runs:
        say("It has not run yet.")
    return 0


def _set(arguments: argparse.Namespace) -> int:
    from tracker import clock
    from tracker.cli import WRONG_USAGE
    from tracker.ops import schedules

    wishes = (arguments.at or arguments.days, arguments.cron, arguments.pause, arguments.resume, arguments.default)
    if not arguments.job or sum(map(bool, wishes)) != 1:
        complain(
            "Name the job and one change: --at HH:MM, --days mon,tue, --cron LINE, --pause, --resume or --default."
        )
        return WRONG_USAGE
    job = _known(arguments.job)
    try:
        after = _changed(job, arguments)
    except Refused as nonsense:
        complain(nonsense.message)
        return WRONG_USAGE
    coming = ", ".join(f"{clock.local(moment):%a %d %b %H:%M}" for moment in schedules.next_runs(after))
    say(f"{job}: paused." if after.is_paused else f"{job}: {after.words}. Next: {coming}.")
    return 0


def _changed(job: str, arguments: argparse.Namespace) -> Any:
    from tracker.ops import schedules

    before = schedules.get(job)
    if arguments.default:
        return schedules.back_to_default(job)
    if arguments.pause or arguments.resume:
        return (schedules.pause if arguments.pause else schedules.resume)(job)
    if arguments.cron:
        return schedules.change(job, cron=arguments.cron)
    return schedules.change(job, at=arguments.at or before.at, days=arguments.days or before.days)


# --- run.py job ----------------------------------------------------------------------------------------------------


def _job(arguments: argparse.Namespace) -> int:
    from tracker.jobs import by_hand, runner

    config = _open(arguments)
    name = _known(arguments.name)
    if arguments.preview:
        found = runner.preview(name)
        document(found) if arguments.json else _show_preview(found)
        return 0
    run = by_hand.carry_out(config, name, arguments.again, wait=not arguments.no_wait)
    if arguments.json:
        document(run.as_json())
    elif arguments.no_wait and not run.is_over:
        say("Asked the worker to run it.")
    else:
        say(run.result or f"It failed: {run.error}")
        for mail in by_hand.not_sent(run):
            complain(f"{mail.word}, the mail for {mail.to_address}. {mail.error}".rstrip())
    return 1 if run.as_json()["state"] == "failed" else 0


def _show_preview(found: dict[str, Any]) -> None:
    say(found["sentence"])
    people = [p if isinstance(p, str) else p["mail"] or f"{p['name']} (in the app)" for p in found["recipients"]]
    if people or found.keys() & {"suppliers", "products"}:  # the other jobs tell nobody, so who is no question
        say(f"To: {', '.join(people) or 'nobody'}")
    for group in found.get("suppliers", ()):
        say(f"\n{group['supplier']}: {group['total']}")
        for debt in group["debts"]:
            say(
                f"  {debt['reference'] or '-':<16}{debt['left']:>14}"
                f"  due {debt['due_on']}, {debt['days_late']} days late"
            )
    for debt in found.get("due_soon", ()):
        say(f"  soon: {debt['supplier']} {debt['reference']} {debt['left']} due {debt['due_on']}")
    for row in found.get("quiet", ()):
        say(f"  quiet: {row['supplier']} {row['reference']}: {row['why']}")
    for row in found.get("products", ()):
        say(f"  {row['sku']:<12}{row['name'][:36]:<38}{row['on_hand']:>8} of {row['reorder_level']:<8}{row['state']}")
