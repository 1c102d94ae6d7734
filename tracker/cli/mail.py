"""Mail on the command line: `mail build|preview|test`, and `outbox`, what went out and what waits."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracker import config as environment
from tracker.cli.output import complain, document, say, table
from tracker.cli.shop import open_shop
from tracker.errors import NotFound, Refused


def register(add: Any) -> None:
    """`run.py mail …` and `run.py outbox`."""
    mail = add("mail", "build the mails, look at one, send a test message", lambda arguments: arguments.act(arguments))
    acts = mail.add_subparsers(required=True, metavar="build|preview|test")
    build = acts.add_parser("build", description="Compile the mails from their MJML sources.", allow_abbrev=False)
    build.add_argument("names", nargs="*", metavar="NAME", help="which ones; otherwise all")
    build.add_argument("--check", action="store_true", help="write nothing; 1 when one is stale or broken")
    build.set_defaults(act=_build)
    preview = acts.add_parser("preview", description="One mail, filled with sample facts.", allow_abbrev=False)
    preview.add_argument("name", metavar="NAME")
    preview.add_argument("-o", dest="file", metavar="FILE", help="write it there: .txt the text part, else the HTML")
    preview.set_defaults(act=_preview)
    test = acts.add_parser("test", description="Send a test message now, step by step.", allow_abbrev=False)
    test.add_argument("address", metavar="ADDRESS")
    test.set_defaults(act=_test)
    outbox = add("outbox", "what was mailed, what waits, what failed", _outbox)
    outbox.add_argument("--state", metavar="STATE", help="queued, sending, sent, failed, expired, held or cancelled")
    outbox.add_argument("-n", type=int, default=50, metavar="N", help="how many, newest first (50)")
    outbox.add_argument("--json", action="store_true", help="one JSON document")


def _build(arguments: argparse.Namespace) -> int:
    from tracker.mail import mjml

    if arguments.check:
        faults = mjml.check(arguments.names or None)
        for fault in faults:
            complain(fault)
        return 1 if faults else 0
    for built in mjml.build(arguments.names or None):
        say(f"{built.name}: {'made' if built.changed else 'up to date'}, {built.size / 1000:.1f} kB, {built.path}")
    return 0


def _preview(arguments: argparse.Namespace) -> int:
    from tracker.mail import render, samples
    from tracker.mail.deliver import shop_of
    from tracker.shop import settings

    if arguments.name not in render.KINDS:
        raise NotFound(f"There is no mail called {arguments.name!r}. The mails are: {', '.join(render.KINDS)}.")
    with _shop(only_if_there=True) as config:
        made = render.render(
            arguments.name, samples.sample_context(arguments.name), shop_of(settings.current(), config)
        )
    if not arguments.file:
        say(made.html)
        return 0
    path = Path(arguments.file)
    try:
        path.write_text(made.text if path.suffix == ".txt" else made.html, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} can't be written: {error.strerror}.") from error
    say(f"{path}: {made.subject}")
    return 0


def _test(arguments: argparse.Namespace) -> int:
    from tracker.mail import transport
    from tracker.mail.deliver import server_of, shop_of
    from tracker.ops import secrets
    from tracker.shop import settings

    with _shop() as config:
        chosen = settings.current()
        server = server_of(chosen, config, secrets.smtp_password(config))
        if not server.host:
            raise Refused("No mail server is set up. Enter one on the settings page, or set SMTP_HOST.")
        steps = transport.test(server, arguments.address, shop_of(chosen, config))
    for step in steps:
        say(f"{'ok    ' if step.ok else 'failed'} {step.seconds:7.3f} s  {step.name}: {step.reply}")
    if steps[-1].ok:
        return 0
    complain(steps[-1].sentence or steps[-1].reply)
    return 1


def _outbox(arguments: argparse.Namespace) -> int:
    from tracker import clock
    from tracker.shop import outbox

    if arguments.state and arguments.state not in outbox.STATES:
        raise NotFound(f"There is no state {arguments.state!r}. The states are: {', '.join(outbox.STATES)}.")
    with _shop():
        found = outbox.listing((arguments.state,) if arguments.state else outbox.STATES, arguments.n)
        paused = outbox.paused()
        if arguments.json:
            document([_facts(mail) for mail in found])
            return 0
        if paused:
            complain(f"No mail goes out just now. {paused.sentence}")
        rows = [
            (mail.id, mail.state, f"{clock.local(mail.created_at):%Y-%m-%d %H:%M}", mail.kind, mail.to_address,
             mail.error or mail.reply)
            for mail in found
        ]  # fmt: skip
    if rows:
        table(rows, ("no", "state", "queued at", "mail", "to", "last word"))
    else:
        say("There is no such mail." if arguments.state else "No mail was ever queued.")
    return 0


def _facts(mail: Any) -> dict[str, Any]:
    return {
        "id": mail.id, "state": mail.state, "stage": mail.stage, "kind": mail.kind, "to": mail.to_address,
        "subject": mail.subject, "message_id": mail.message_id, "attempts": mail.attempt, "created_at": mail.created_at,
        "due_at": mail.due_at, "sent_at": mail.sent_at, "error": mail.error, "reply": mail.reply,
    }  # fmt: skip


@contextmanager
def _shop(only_if_there: bool = False) -> Iterator[environment.Config]:
    """The open shop; where there is none yet and `only_if_there`, only the settings' defaults."""
    config = environment.load()
    if not only_if_there or config.books.exists():
        open_shop(config)
    yield config
