"""The jobs' pages, parts of Health: run now, preview, hours, history, one run."""

from __future__ import annotations

from datetime import datetime, time

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from tracker import clock
from tracker.errors import Busy, NotFound, Refused
from tracker.jobs import runner
from tracker.ops import job_runs, overview, schedules, timetable
from tracker.ops.schedules import DAYS, Schedule
from tracker.web import htmx
from tracker.web.access import needs
from tracker.web.fields import ChoiceField, LineField, TimeField
from tracker.web.forms import Form

page = Blueprint("jobs", __name__)
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class HoursForm(Form):
    """When a job runs. The ticked days come as `day_mon` … beside it."""

    way = ChoiceField(
        "When",
        choices=[("every", "Every day"), ("days", "On these days"), ("cron", "By a cron line (for technicians)")],
    )
    at = TimeField("At", help="In the shop's time.")
    cron = LineField(
        "Cron line", help="Minute, hour, day, month, weekday. 30 7 * * 1-5 is half past seven on workdays."
    )


@page.get("/health/jobs/<job>")
@needs("health.see")
def show(job: str) -> ResponseReturnValue:
    schedule = _schedule(job)
    way = "cron" if schedule.cron else "every" if schedule.days == "every" else "days"
    form = HoursForm(way=way, at=time.fromisoformat(schedule.at or "08:00"), cron=schedule.cron)
    return _page(schedule, form, set(DAYS if schedule.days == "every" else schedule.days.split(",")))


@page.post("/health/jobs/<job>")
@needs("jobs.edit")
def update(job: str) -> ResponseReturnValue:
    """Saves, or only shows the next runs when the button says so: nothing is saved before they were seen."""
    schedule, form = _schedule(job), HoursForm()
    ticked = {day for day in DAYS if request.form.get(f"day_{day}")}
    if not form.validate():
        return _page(schedule, form, ticked), 422
    way = form.way.data
    days = "every" if way == "every" else ",".join(day for day in DAYS if day in ticked)
    at = "" if way == "cron" or form.at.data is None else form.at.data.strftime("%H:%M")
    hours = {"at": at, "days": days, "cron": form.cron.data if way == "cron" else ""}
    try:
        if way == "cron" and not hours["cron"]:
            raise Refused("Write a cron line, or choose days.", "cron")
        if "look" in request.form:
            return _page(schedule, form, ticked, schedules.next_runs(schedules.checked(**hours)))
        changed = schedules.change(job, **hours)
    except Refused as refusal:
        form.refuse(Refused(refusal.message, "way") if refusal.field == "days" else refusal)
        return _page(schedule, form, ticked), 422
    return htmx.see_other(f"/health/jobs/{job}", f"{timetable.JOBS[job].title}: {changed.words}.")


@page.post("/health/jobs/<job>/run")
@needs("jobs.run")
def run(job: str) -> ResponseReturnValue:
    """Asks the worker; a second click while it runs is told so."""
    _schedule(job)
    try:
        asked = job_runs.request(job, again="again" in request.form)
    except Busy as busy:
        return htmx.see_other("/health", busy.message, "warn")
    return htmx.see_other(f"/health/runs/{asked.id}", "The worker takes it up now.")


@page.post("/health/jobs/<job>/pause")
@needs("jobs.edit")
def pause(job: str) -> ResponseReturnValue:
    schedules.pause(_schedule(job).job)
    return htmx.see_other(f"/health/jobs/{job}", "Paused. It does not run until you resume it.")


@page.post("/health/jobs/<job>/resume")
@needs("jobs.edit")
def resume(job: str) -> ResponseReturnValue:
    schedules.resume(_schedule(job).job)
    return htmx.see_other(f"/health/jobs/{job}", "It goes on with its next turn.")


@page.post("/health/jobs/<job>/default")
@needs("jobs.edit")
def default(job: str) -> ResponseReturnValue:
    back = schedules.back_to_default(_schedule(job).job)
    return htmx.see_other(f"/health/jobs/{job}", f"Back to the default: {back.words}.")


@page.get("/health/jobs/<job>/preview")
@needs("health.see")
def preview(job: str) -> ResponseReturnValue:
    _schedule(job)
    return render_template("health/preview.html", job=timetable.JOBS[job], found=runner.preview(job))


@page.get("/health/runs/<int:run_id>")
@needs("health.see")
def show_run(run_id: int) -> ResponseReturnValue:
    found = job_runs.get(run_id)
    job = timetable.JOBS.get(found.job)
    if job is None:
        raise NotFound("There is no such run.")
    return htmx.page("health/run.html", "run", run=found, job=job, mails=job_runs.mails(run_id))


@page.post("/health/runs/<int:run_id>/retry")
@needs("jobs.run")
def retry(run_id: int) -> ResponseReturnValue:
    try:
        again = job_runs.retry(run_id)
    except Busy as busy:
        return htmx.see_other(f"/health/runs/{run_id}", busy.message, "warn")
    return htmx.see_other(f"/health/runs/{again.id}", "The worker takes it up now.")


@page.post("/health/runs/<int:run_id>/cancel")
@needs("jobs.run")
def cancel(run_id: int) -> ResponseReturnValue:
    job_runs.cancel(run_id)
    return htmx.see_other(f"/health/runs/{run_id}", "Cancelled.")


def _schedule(job: str) -> Schedule:
    return schedules.get(job)


def _page(schedule: Schedule, form: HoursForm, ticked: set[str], coming: list[datetime] | None = None) -> str:
    upcoming = coming if coming is not None else [] if schedule.is_paused else schedules.next_runs(schedule)
    return render_template(
        "health/job.html",
        job=timetable.JOBS[schedule.job],
        schedule=schedule,
        form=form,
        days=[(day, name, day in ticked) for day, name in zip(DAYS, DAY_NAMES, strict=True)],
        coming=[clock.local(moment) for moment in upcoming],
        looked=coming is not None,
        runs=overview.runs(schedule.job),
    )
