"""The first start: five short steps from nobody to a shop; only for someone at the PC, or with the printed code."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from tracker import text
from tracker.errors import Refused
from tracker.ops import schedules, setup_code, timetable
from tracker.shop import countries, outbox, set_up, settings, throttle, users
from tracker.web import access, auth, htmx, mail_form
from tracker.web.access import needs, public
from tracker.web.fields import ChoiceField, EmailField, LineField, PasswordField
from tracker.web.forms import Form
from tracker.web.later import Later

page = Blueprint("setup", __name__)
STEPS = ("The shop", "You", "Mail", "Products", "Done")
_WHY = "While nobody exists nobody can sign in; afterwards it is closed for ever."


_USUAL = ("", "As the country has it")


class Code(Form):
    code = LineField("Set-up code", required=True, longest=20, help="Six digits, printed where the program runs.")


class Shop(Form):
    shop_name = LineField("Name of the shop", required=True, longest=100)
    country = ChoiceField("Country", Later(lambda: [("", "Choose…"), *countries.listing()]), required=True)
    currency = ChoiceField("Currency", Later(lambda: [_USUAL, *countries.currencies()]))
    timezone = ChoiceField("Time zone", Later(lambda: [_USUAL, *((zone, zone) for zone in countries.timezones())]))
    week_starts = ChoiceField("The week begins on", [_USUAL, *countries.WEEKDAYS.items()])


class You(Form):
    name = LineField("Your name", required=True, longest=text.NAME)
    username = LineField("User name", required=True, longest=60, help="Short, for signing in. No @.")
    email = EmailField("E-mail", longest=254, help="For reminders, and for a forgotten password.")
    password = PasswordField("Password", required=True, help="At least 10 characters: three words are good.")


@page.before_request
def _only_while_nobody_exists() -> ResponseReturnValue | None:
    endpoint = str(request.endpoint)
    if access.access_of(current_app, endpoint).kind != "public":  # type: ignore[union-attr]
        return None  # the steps after the owner exists, which need the owner
    if access.is_set_up():
        return htmx.see_other("/" if g.person is not None else "/login")
    if not access.at_this_pc() and not session.get("knows_code") and endpoint not in ("setup.ask", "setup.check"):
        return redirect("/setup/code", 303)
    return None


# --- whoever is not at the PC ----------------------------------------------------------------------------------------


@page.get("/setup/code")
@public(_WHY)
def ask() -> str:
    return render_template("setup/code.html", form=Code())


@page.post("/setup/code")
@public(_WHY)
def check() -> ResponseReturnValue:
    form = Code()
    if not form.validate():
        return render_template("setup/code.html", form=form), 422
    gates = throttle.for_code(access.address())
    wait = throttle.take(gates)
    if wait:
        return auth.too_many("setup/code.html", form, wait)
    if not setup_code.is_right(current_app.config["SHOP_CONFIG"], form.code.data):
        form.code.errors = ["That is not the code. Look where the program was started."]
        return render_template("setup/code.html", form=form), 422
    throttle.forgive(gates)
    session["knows_code"] = True
    return htmx.see_other("/setup")


# --- 1 and 2: before anybody exists ----------------------------------------------------------------------------------


@page.get("/setup")
@public(_WHY)
def shop() -> str:
    before = session.get("setup") or {"country": countries.here()}
    form = Shop(data=before)
    return _step(1, "setup/shop.html", form=form, country=_country(str(form.country.data or "")))


@page.get("/setup/derived")
@public(_WHY)
def derived() -> str:
    return htmx.fragment("setup/shop.html", "derived", country=_country(request.args.get("country", "")))


@page.post("/setup")
@public(_WHY)
def keep_shop() -> ResponseReturnValue:
    form = Shop()
    if not form.validate():
        return _step(1, "setup/shop.html", form=form, country=_country(str(form.country.data or ""))), 422
    names = ("shop_name", "country", "currency", "timezone", "week_starts")
    session["setup"] = {name: str(form[name].data or "") for name in names}
    return htmx.see_other("/setup/you")


@page.get("/setup/you")
@public(_WHY)
def you() -> ResponseReturnValue:
    if "setup" not in session:
        return htmx.see_other("/setup")
    return _step(2, "setup/you.html", form=You(), **_chosen())


@page.post("/setup/you")
@public(_WHY)
def create() -> ResponseReturnValue:
    form = You()
    chosen: dict[str, str] = session.get("setup") or {}
    if not chosen:
        return htmx.see_other("/setup")
    if form.validate():
        try:
            owner = set_up.Owner(form.name.data, form.username.data, form.password.data, form.email.data)
            user = set_up.run(owner, **chosen)
        except Refused as no:
            form.refuse(no)
        else:
            setup_code.forget(current_app.config["SHOP_CONFIG"])
            session.pop("setup", None)
            session.pop("knows_code", None)
            return auth.signed_in_response(user.id, AFTER_OWNER)
    return _step(2, "setup/you.html", form=form, **_chosen()), 422


AFTER_OWNER = "/setup/mail"


# --- 3 to 5: the owner is signed in, each may be skipped -------------------------------------------------------------


class Mail(mail_form.MailFields):
    pass


@page.get("/setup/mail")
@needs("settings.edit")
def mail() -> ResponseReturnValue:
    now = settings.current()
    if now.smtp_host:
        return _step(3, "setup/mail_test.html", form=_test_form(), steps_done=None, advice="", host=now.smtp_host)
    form = Mail(data={"smtp_from": users.get(g.person.id).email or ""})
    mail_form.drop_fixed(form)
    return _step(3, "setup/mail.html", form=form)


@page.post("/setup/mail")
@needs("settings.edit")
def keep_mail() -> ResponseReturnValue:
    form = Mail()
    mail_form.drop_fixed(form)
    if form.validate():
        try:
            mail_form.store(form)
            return htmx.see_other("/setup/mail" if settings.current().smtp_host else "/setup/products")
        except Refused as no:
            form.refuse(no)
    return _step(3, "setup/mail.html", form=form), 422


@page.post("/setup/mail/test")
@needs("settings.edit")
def test_mail() -> ResponseReturnValue:
    form, done = mail_form.TestMail(), None
    if form.validate():
        try:
            done = mail_form.test(form.address.data, g.person.name)
        except Refused as no:
            form.refuse(no)
    host = settings.current().smtp_host
    shown = _step(3, "setup/mail_test.html", form=form, steps_done=done, advice=mail_form.advice(host), host=host)
    return shown, 200 if done is not None else 422


@page.get("/setup/products")
@needs("import.run")
def products() -> str:
    return _step(4, "setup/products.html")


@page.get("/setup/done")
@needs("settings.edit")
def done() -> str:
    return _step(5, "setup/done.html", jobs=_jobs(), has_mail=outbox.is_open())


def _test_form() -> mail_form.TestMail:
    return mail_form.TestMail(data={"address": users.get(g.person.id).email or settings.current().smtp_from})


def _jobs() -> list[tuple[str, str]]:
    """(title, "Every day at 08:00") of what will happen by itself."""
    return [
        (timetable.JOBS[one.job].title, one.words)
        for one in schedules.everything()
        if one.job in timetable.JOBS and not timetable.JOBS[one.job].only_when_needed
    ]


def _step(number: int, template: str, **context: Any) -> str:
    return render_template(template, step=number, steps=STEPS, **context)


def _country(code: str) -> countries.Country | None:
    try:
        return countries.facts(code)
    except Refused:
        return None


def _chosen() -> dict[str, Any]:
    chosen: dict[str, str] = session.get("setup") or {}
    country = _country(chosen.get("country", ""))
    if country is None:
        return {"shop_name": "", "line": ""}
    found = countries.Country(
        country.code,
        country.name,
        *(chosen.get(name) or getattr(country, name) for name in ("currency", "timezone", "week_starts")),
    )
    return {"shop_name": chosen.get("shop_name", ""), "line": f"{found.name}: {found.line}"}
