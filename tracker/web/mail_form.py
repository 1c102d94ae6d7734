"""The mail server on a form: address and password are enough, the server follows from the address."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import current_app

from tracker.errors import Refused
from tracker.ops import secrets
from tracker.shop import outbox, settings
from tracker.web.fields import ChoiceField, EmailField, LineField, NumberField, PasswordField
from tracker.web.forms import Form

if TYPE_CHECKING:  # what speaks SMTP is imported where it is used: a start of web has no need of it
    from tracker.mail.transport import Step

PORTS = (25, 465, 587, 2525)  # where the test may knock: it is the one call that the web process makes to the outside
_WAIT = 10.0
_NAMES = ("smtp_host", "smtp_port", "smtp_tls", "smtp_user")
_SECURITY = (("", "Usual for the port"), ("starttls", "STARTTLS"), ("ssl", "SSL"), ("plain", "None (unsafe)"))
_MICROSOFT = "Outlook.com and Microsoft 365 no longer take a password for sending. Use another provider."
ADVICE = {
    "smtp.gmail.com": "Gmail wants an app password: Google account › Security › 2-Step Verification › App passwords.",
    "smtp-mail.outlook.com": _MICROSOFT,
    "smtp.office365.com": _MICROSOFT,
    "smtp.mail.yahoo.com": "Yahoo wants an app password: Account security › Generate app password.",
    "smtp.mail.me.com": "iCloud wants an app-specific password: appleid.apple.com › Sign-In and Security.",
}


class MailFields(Form):
    """The part of a form that says how mail goes out. Fields that the environment fixes are taken off."""

    smtp_from = EmailField("Mail goes out from", longest=254, help="The shop’s own address. Empty: no mail is sent.")
    smtp_password = PasswordField("Password", help="For most providers an app password. It is never shown again.")
    smtp_host = LineField("Server", longest=253, help="Empty: found from the address.")
    smtp_port = NumberField("Port", high=65535, help="Empty: the usual one.")
    smtp_tls = ChoiceField("Encryption", _SECURITY)
    smtp_user = LineField("User name at the server", longest=254, help="Empty: the address.")


class TestMail(Form):
    address = EmailField("Send a test message to", required=True, longest=254)


def values(form: MailFields, fixed: frozenset[str]) -> dict[str, Any]:
    """What to store, the server deduced where only the address is given."""
    from tracker.mail import transport

    given = {name: form[name].data for name in ("smtp_from", *_NAMES) if name in form and name not in fixed}
    if "smtp_host" in fixed or "smtp_host" not in given:
        return {name: value for name, value in given.items() if name == "smtp_from"}
    given["smtp_port"] = given["smtp_port"] or 0
    sender, before = given.get("smtp_from", ""), settings.current()
    likely = transport.deduce(sender)
    was_deduced = given["smtp_host"] == transport.deduce(before.smtp_from).host and sender != before.smtp_from
    if sender and (not given["smtp_host"] or was_deduced):
        given |= {"smtp_host": likely.host, "smtp_port": likely.port, "smtp_tls": "", "smtp_user": likely.user}
    if not sender and "smtp_from" not in fixed:
        given |= {"smtp_host": "", "smtp_port": 0, "smtp_tls": "", "smtp_user": ""}
    if given["smtp_host"] and not given["smtp_user"]:
        given["smtp_user"] = sender
    return given


def store(form: MailFields, more: dict[str, Any] | None = None) -> None:
    """Check and store; a waiting outbox tries again at once. Raises Refused at the field."""
    config = current_app.config["SHOP_CONFIG"]
    fixed = settings.fixed()
    before = settings.current()
    changed = settings.change(**values(form, fixed), **(more or {}))
    password = form.smtp_password.data if "smtp_password" in form else ""
    if "smtp_host" not in fixed and not changed.smtp_host:
        secrets.forget_smtp_password(config)
    elif password:
        secrets.set_smtp_password(config, password)
    if password or any(getattr(before, name) != getattr(changed, name) for name in (*_NAMES, "smtp_from")):
        outbox.resume()


def drop_fixed(form: MailFields) -> None:
    """The environment names the server: its fields are shown, not offered."""
    fixed = set(settings.fixed())
    if "smtp_host" in fixed or "SMTP_PASSWORD" in current_app.config["SHOP_CONFIG"].fixed:
        fixed.add("smtp_password")
    for name in fixed & set(form._fields):
        del form[name]


def advice(host: str) -> str:
    """What this provider wants besides."""
    return ADVICE.get(host.lower(), "")


def test(address: str, sent_by: str) -> list[Step]:
    """Send the test message now; each step with its time. Raises Refused where we may not or can't knock."""
    from tracker.mail import deliver, transport

    config = current_app.config["SHOP_CONFIG"]
    if not outbox.is_open():
        raise Refused("Save an address for outgoing mail first.", "address")
    now = settings.current()
    server = replace(deliver.server_of(now, config, secrets.smtp_password(config)), timeout=_WAIT)
    if server.door not in PORTS and "smtp_host" not in settings.fixed():
        raise Refused(
            f"Mail servers listen on {', '.join(map(str, PORTS))}; port {server.door} is not tried.", "address"
        )
    return transport.test(
        server, settings.address(address, "address"), deliver.shop_of(settings.current(), config), sent_by
    )
