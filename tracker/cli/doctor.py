"""`run.py doctor`: looks at everything that can be wrong and says what to do; 1 when something fails."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from tracker import config as environment
from tracker.cli.output import document, say
from tracker.config import Config
from tracker.errors import ShopError

MARKS = {"ok": "ok  ", "warn": "note", "fail": "BAD "}
IDS = (
    "database books_check worker web schedule mail_settings mail_login admins_reachable templates disk clock"
    " permissions backup_age"
).split()


def register(add: Any) -> None:
    """`run.py doctor [--json] [--seen]`."""
    doctor = add("doctor", "look at everything that can be wrong and say what to do", _doctor, everyday=True)
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.add_argument("--seen", action="store_true", help="the note about the last unusual start has been read")


def _doctor(arguments: argparse.Namespace) -> int:
    from tracker.ops import recovery

    config = environment.load()
    if arguments.seen:
        recovery.dismiss(config)
    found = _found(config)
    if arguments.json:
        wanted = ("id", "status", "sentence", "fix")
        document([{name: asdict(check)[name] for name in wanted} for check in found])
    else:
        for check in found:
            say(f"{MARKS[check.status]}  {check.sentence}")
            if check.fix and check.status != "ok":
                say(f"      {check.fix}")
    return 1 if any(check.status == "fail" for check in found) else 0


def _found(config: Config) -> list[Any]:
    """All checks in the order of the documentation; books that can't be opened leave only what needs none."""
    from tracker.ops import problems
    from tracker.ops.doctor import Check
    from tracker.ops.startup import close_shop, open_shop

    try:
        open_shop(config)
        found = [*problems.checks(config, thoroughly=True), mail_login(config), templates()]
    except ShopError as error:
        found = [Check("database", "fail", error.message, "See: python3 run.py backup list."), templates()]
    finally:
        close_shop()
    return sorted(found, key=lambda check: IDS.index(check.id) if check.id in IDS else len(IDS))


def mail_login(config: Config) -> Any:
    """Reach the mail server and log in; nothing is sent. Only from the command line: pages never speak SMTP unasked."""
    from tracker.mail import deliver, transport
    from tracker.ops import secrets
    from tracker.ops.doctor import Check
    from tracker.shop import settings

    chosen = settings.current()
    if not chosen.smtp_host:
        return Check("mail_login", "ok", "No mail server is set up, so there is nothing to log in to.")
    server = deliver.server_of(chosen, config, secrets.smtp_password(config))
    try:
        transport.connect(server).close()
    except ShopError as error:
        return Check("mail_login", "fail", error.message, "Look at the mail server under Settings.", "/settings")
    return Check("mail_login", "ok", f"{chosen.smtp_host} lets us in.")


def templates() -> Any:
    """Whether each mail is compiled from its present source."""
    from tracker.mail import mjml
    from tracker.ops.doctor import Check

    faults = mjml.check()
    if not faults:
        return Check("templates", "ok", "The mails are built.")
    is_broken = any("older than its source" not in fault for fault in faults)
    return Check("templates", "fail" if is_broken else "warn", faults[0], "Build them: python3 run.py mail build.")
