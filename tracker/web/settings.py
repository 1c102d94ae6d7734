"""The settings: one page, at most 25 of them; what the environment fixes is shown as such."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, render_template, request
from flask.typing import ResponseReturnValue

from tracker.errors import Refused
from tracker.ops import secrets
from tracker.shop import countries, settings, users
from tracker.web import htmx, mail_form, network, qr
from tracker.web.access import needs
from tracker.web.fields import ChoiceField, LineField, NumberField, TickField
from tracker.web.later import Later

page = Blueprint("settings", __name__)
_TICKS = ("allow_negative_stock", "phones_on_wifi")
_SHOP = ("shop_name", "country", "currency", "timezone", "week_starts", "day_starts")
_ALERTS = ("due_soon_days", "reorder_mail", "allow_negative_stock")
_PLACES = ("phones_on_wifi", "base_url", "backup_folder")


class Settings(mail_form.MailFields):
    shop_name = LineField("Name of the shop", required=True, longest=100)
    country = ChoiceField("Country", Later(lambda: list(countries.listing())), required=True)
    currency = ChoiceField("Currency", Later(lambda: list(countries.currencies())), required=True)
    timezone = ChoiceField(
        "Time zone", Later(lambda: [("", "The PC’s own"), *((zone, zone) for zone in countries.timezones())])
    )
    week_starts = ChoiceField("The week begins on", tuple(countries.WEEKDAYS.items()), required=True)
    day_starts = LineField("A business day begins at", longest=5, help="Later than 00:00 if you close after midnight.")
    due_soon_days = NumberField("Debts count as “due soon”", required=True, high=60, suffix="days before")
    reorder_mail = ChoiceField(
        "The reorder mail comes",
        (("daily", "Every day while something is low"), ("news", "Only when something is new")),
        required=True,
    )
    allow_negative_stock = TickField("Stock may go below zero", help="Sell first, book the delivery later.")
    phones_on_wifi = TickField("Phones on this Wi-Fi may open the shop")
    base_url = LineField("Address of the shop", longest=200, help="Stands in mails and links. Empty: this PC’s own.")
    backup_folder = LineField("Second place for copies", longest=500, help="A USB stick or another disk. Empty: none.")


@page.get("/settings")
@needs("settings.see")
def index() -> str:
    now = settings.as_dict()
    now["smtp_port"] = now["smtp_port"] or None
    return _show(Settings(data=now))


@page.post("/settings")
@needs("settings.edit")
def update() -> ResponseReturnValue:
    form = Settings()
    mail_form.drop_fixed(form)
    if form.validate():
        try:
            mail_form.store(form, _values(form))
            return htmx.see_other("/settings", "Saved.")
        except Refused as no:
            form.refuse(no)
    return _show(form), 422


@page.post("/settings/mail/test")
@needs("settings.edit")
def test_mail() -> ResponseReturnValue:
    form = mail_form.TestMail()
    steps = None
    if form.validate():
        try:
            steps = mail_form.test(form.address.data, g.person.name)
        except Refused as no:
            form.refuse(no)
    host = settings.current().smtp_host
    status = 200 if steps is not None else 422
    return render_template("settings/test.html", form=form, steps=steps, advice=mail_form.advice(host)), status


def _values(form: Settings) -> dict[str, Any]:
    found = {name: form[name].data for name in (*_SHOP, *_ALERTS, *_PLACES) if name in form}
    found["day_starts"] = found.get("day_starts") or "00:00"
    if found.get("phones_on_wifi") and not found.get("base_url", "fixed"):
        found["base_url"] = network.lan_url(current_app.config["SHOP_CONFIG"])  # else the links in mails lead nowhere
    return found


def _show(form: Settings) -> str:
    mail_form.drop_fixed(form)
    config, now = current_app.config["SHOP_CONFIG"], settings.current()
    fixed = {name: getattr(now, name) for name in sorted(settings.fixed())}
    phone_url = network.lan_url(config)
    asked = request.form.get("smtp_host", now.smtp_host)
    return render_template(
        "settings/index.html",
        form=form,
        fixed=fixed,
        test=mail_form.TestMail(data={"address": users.get(g.person.id).email or now.smtp_from}, formdata=None),
        has_mail=bool(now.smtp_host),
        has_password=bool(secrets.smtp_password(config)),
        advice=mail_form.advice(asked),
        phone_url=phone_url,
        phone_qr=qr.image(phone_url) if phone_url else "",
        is_open=network.is_open(config),
        host_is_fixed="TRACKER_HOST" in config.fixed,
        is_loopback=network.is_loopback(now.base_url or config.url),
    )
