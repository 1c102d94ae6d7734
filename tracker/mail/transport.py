"""Flask-Mail behind a connection that keeps its promises: time-outs, verified certificates, nothing in clear unasked.

One message goes to one recipient, so a refusal is always somebody's; one connection serves a whole batch.
"""

from __future__ import annotations

import secrets
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import flask_mail

from tracker import clock, db
from tracker.errors import ShopError
from tracker.mail import dialogue, trouble
from tracker.mail.compose import Letter
from tracker.mail.render import ShopFacts, render
from tracker.mail.servers import MailServer, deduce
from tracker.mail.talk import WHOLE_MESSAGE, Talk
from tracker.mail.trouble import MailTrouble, TemporarilyRefused

__all__ = ["Connection", "MailServer", "Post", "Step", "connect", "deduce", "send", "test"]


@dataclass(frozen=True)
class Step:
    """One step of a conversation, for people: what was done, how long it took, what the server said."""

    name: str
    seconds: float
    reply: str
    ok: bool
    sentence: str = ""  # where it failed: what that means and what to do


class Post(flask_mail.Mail):
    """Flask-Mail without a Flask app: the worker has none. Its debug output, which shows passwords, stays off."""

    def __init__(self, server: MailServer, steps: Callable[[Step], None] | None = None) -> None:
        self.app = None
        self.server_facts = server
        self.steps = steps
        self.state = self.init_mail(
            {
                "MAIL_SERVER": server.host,
                "MAIL_PORT": server.door,
                "MAIL_USERNAME": server.user,
                "MAIL_PASSWORD": server.password,
                "MAIL_USE_TLS": server.security == "starttls",
                "MAIL_USE_SSL": server.security == "ssl",
                "MAIL_DEFAULT_SENDER": server.from_address,
                "MAIL_DEBUG": False,
            }
        )

    def connect(self) -> Connection:
        return Connection(self)


class Connection(flask_mail.Connection):
    """One conversation for a batch of letters; a context manager that says goodbye quietly."""

    mail: Post
    host: Talk | None

    def __enter__(self) -> Connection:
        if self.host is None:
            self.host = self.configure_host()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye; what goes wrong now concerns no mail."""
        talk, self.host = self.host, None
        if talk is not None and talk.is_open():
            with suppress(Exception):
                talk.allow(2.0)
                talk.quit()
            talk.close()

    def is_open(self) -> bool:
        """Whether another letter can be handed over."""
        return self.host is not None and self.host.is_open()

    def configure_host(self) -> Talk:
        """Reach the server, encrypt, log in. Raises Unreachable, LoginRefused or TemporarilyRefused."""
        server = self.mail.server_facts
        context = None if server.security == "plain" else ssl.create_default_context()
        talk = Talk(server.host, server.timeout, context if server.security == "ssl" else None)
        try:
            with self._step(f"Reach {server.host}, port {server.door}") as said:
                said.reply = dialogue.greet(talk, server)
            if server.security == "starttls":
                with self._step("Encrypt the connection") as said:
                    said.reply = dialogue.encrypt(talk, server, context)
            if server.user:
                with self._step(f"Log in as {server.user}") as said:
                    said.reply = dialogue.log_in(talk, server)
        except BaseException:
            talk.close()
            raise
        return talk

    def send(self, message: Letter, envelope_from: Any = None, before_data: Callable[[], None] = lambda: None) -> str:
        """Hand one letter over and return the server's reply.

        `before_data` is called when the server has said that it will take the body, and before a byte of it goes: if it
        raises, nothing was sent. Raises LoginRefused, TemporarilyRefused, PermanentlyRefused, or Unknown.
        """
        if message.has_bad_headers():
            raise flask_mail.BadHeaderError
        if self.host is None or not self.host.is_open():
            raise TemporarilyRefused("The connection to the mail server had ended.")
        talk, address = self.host, message.recipients[0]
        talk.allow(WHOLE_MESSAGE)
        body = message.as_bytes()
        with self._step(f"Hand the mail for {address} over") as said:
            dialogue.envelope(talk, message.sender, address, len(body))
            try:
                before_data()
            except BaseException:
                talk.close()  # the server waits for a body: only hanging up takes that back
                raise
            said.reply = dialogue.body(talk, body, address)
        self.num_emails += 1
        return said.reply

    @contextmanager
    def _step(self, name: str) -> Iterator[_Said]:
        said, began = _Said(), clock.monotonic()
        server = self.mail.server_facts
        try:
            yield said
        except MailTrouble as problem:
            self._tell(name, began, problem.words or problem.message, False)
            raise
        except (OSError, smtplib.SMTPException, ValueError) as error:
            problem = trouble.of_connection(_root(error), server.host, server.door, name)
            self._tell(name, began, problem.words, False)
            raise problem from error
        self._tell(name, began, said.reply, True)

    def _tell(self, name: str, began: float, reply: str, ok: bool) -> None:
        if self.mail.steps:
            self.mail.steps(Step(name, round(clock.monotonic() - began, 3), reply, ok))


@dataclass
class _Said:
    reply: str = ""


def connect(server: MailServer, steps: Callable[[Step], None] | None = None) -> Connection:
    """An open connection, logged in. Raises Unreachable, LoginRefused or TemporarilyRefused, each with its sentence."""
    return Post(server, steps).connect().__enter__()


def send(connection: Connection, mail: Letter, before_data: Callable[[], None] = lambda: None) -> str:
    """Hand one letter over; see Connection.send."""
    return connection.send(mail, before_data=before_data)


def test(server: MailServer, address: str, shop: ShopFacts, sent_by: str = "") -> list[Step]:
    """Send the test mail now and return each step with its time; the last one is not ok where it failed."""
    steps: list[Step] = []
    context = {"person": sent_by or address, "address": address, "sent_by": sent_by or "somebody at the shop PC",
               "at": db.instant_text(clock.now())}  # fmt: skip
    try:
        letter = Letter(
            render("test_email", context, shop), "test_email", (address, ""), (server.from_address, shop.name),
            f"<{secrets.token_hex(16)}@finance-tracker.invalid>",
        )  # fmt: skip
        with connect(server, steps.append) as connection:
            connection.send(letter)
    except ShopError as error:
        if not steps or steps[-1].ok:
            steps.append(Step("Write the mail", 0.0, "", False))
        last = steps[-1]
        advice = error.message if error.message not in last.reply else ""
        steps[-1] = Step(last.name, last.seconds, last.reply, False, advice)
    return steps


def _root(error: Exception) -> Exception:
    # What smtplib wraps as "disconnected" carries the real reason as its cause.
    return error.__cause__ if isinstance(error.__cause__, OSError) else error
