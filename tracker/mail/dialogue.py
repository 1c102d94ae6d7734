"""What is said to a mail server, step by step, and what each of its answers means for the mail and for the outbox."""

from __future__ import annotations

import smtplib
import ssl
from typing import NoReturn

from tracker.mail import trouble
from tracker.mail.servers import MailServer, reach
from tracker.mail.talk import WHOLE_MESSAGE, Talk
from tracker.mail.trouble import LoginRefused, PermanentlyRefused, TemporarilyRefused, Unknown, Unreachable


def greet(talk: Talk, server: MailServer) -> str:
    code, words = talk.connect(server.host, server.door)
    if code != 220:
        _refuse_connection(code, words, server, "greeting")
    reply = _said(code, words)
    code, words = talk.ehlo()
    if code != 250:
        _refuse_connection(code, words, server, "greeting")
    return reply


def encrypt(talk: Talk, server: MailServer, context: ssl.SSLContext | None) -> str:
    assert context is not None
    if not talk.has_extn("starttls"):
        raise Unreachable(
            "encrypt",
            f"{server.host} does not offer encryption on port {server.door}, so nothing was sent and no password was"
            " given. Try port 465 with SSL.",
        )
    try:
        code, words = talk.starttls(context=context)
    except smtplib.SMTPResponseException as error:
        _refuse_connection(error.smtp_code, _bytes(error.smtp_error), server, "encrypt")
    talk.ehlo()
    return f"{_said(code, words)} ({talk.sock.version()})"


def log_in(talk: Talk, server: MailServer) -> str:
    if server.security == "plain" and reach(server.host) == "anywhere":
        raise LoginRefused(
            f"The password for {server.host} would cross the internet in clear, so it was not sent."
            " Choose STARTTLS or SSL."
        )
    try:
        code, words = talk.login(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        said = _said(error.smtp_code, _bytes(error.smtp_error))
        if error.smtp_code // 100 == 4:
            raise TemporarilyRefused(f"{server.host} can't log anybody in just now.", said, error.smtp_code) from error
        raise trouble.login_refused(server.host, error.smtp_code, said) from error
    except smtplib.SMTPServerDisconnected:
        raise
    except (smtplib.SMTPException, UnicodeEncodeError) as error:
        hint = "It offers no log-in that this program knows." if isinstance(error, smtplib.SMTPException) else (
            "User name and password may only have plain letters, digits and signs."
        )  # fmt: skip
        raise LoginRefused(f"The log-in at {server.host} is not possible. {hint}", trouble.words_of(error)) from error
    return _said(code, words)


def envelope(talk: Talk, sender: str, address: str, size: int) -> None:
    """MAIL, RCPT and DATA up to the server's 354. Whatever goes wrong here, nothing was sent."""
    options = [f"SIZE={size}"] if talk.has_extn("size") else []
    try:
        code, words = talk.mail(sender, options)
        if code // 100 != 2:
            _refuse_sender(talk, code, words, sender)
        code, words = talk.rcpt(address)
        if code // 100 == 2:
            code, words = talk.docmd("DATA")
            if code == 354:
                return
    except smtplib.SMTPServerDisconnected as error:
        raise TemporarilyRefused("The mail server ended the connection before it took the mail.", str(error)) from error
    _refuse(talk, code, words, address)


def body(talk: Talk, body: bytes, address: str) -> str:
    try:
        talk.send_body(body)
    except smtplib.SMTPServerDisconnected as error:
        # The end mark is the last thing to go, and it has not gone: no server delivers half a mail.
        raise TemporarilyRefused("The connection broke in the middle of the mail.", str(error)) from error
    try:
        code, words = talk.getreply(most=WHOLE_MESSAGE)
    except smtplib.SMTPServerDisconnected as error:
        raise Unknown(
            "The connection broke before the mail server answered: it may have been sent.", str(error)
        ) from error
    if code // 100 == 2:
        return _said(code, words)
    if code == -1:
        talk.close()
        raise Unknown("The mail server's answer can't be understood: it may have been sent.", _said(code, words))
    _refuse(talk, code, words, address)


def _refuse(talk: Talk, code: int, words: bytes, address: str) -> NoReturn:
    """The exception for a refused letter; the conversation is made ready for the next one."""
    said = _said(code, words)
    _start_over(talk, code)
    if code == 530:
        raise LoginRefused("The mail server wants a log-in. Enter user name and password.", said, code)
    if code // 100 == 5:
        raise PermanentlyRefused(f"The mail server refused the mail for {address}: {said}", said, code, address)
    raise TemporarilyRefused(f"The mail server can't take the mail for {address} just now.", said, code)


def _refuse_sender(talk: Talk, code: int, words: bytes, sender: str) -> NoReturn:
    if code == 552 or code // 100 != 5:  # too large, or not now: this mail's own trouble
        _refuse(talk, code, words, sender)
    said = _said(code, words)
    _start_over(talk, code)
    if code == 530:
        raise LoginRefused("The mail server wants a log-in. Enter user name and password.", said, code)
    raise LoginRefused(f"The mail server does not let the shop send as {sender}.", said, code)


def _start_over(talk: Talk, code: int) -> None:
    try:
        if code in (421, -1) or talk.rset()[0] != 250:
            talk.close()
    except smtplib.SMTPException:
        talk.close()


def _refuse_connection(code: int, words: bytes, server: MailServer, where: str) -> NoReturn:
    said = _said(code, words)
    if code == -1:
        raise Unreachable(where, f"What answers at {server.host}, port {server.door}, is not a mail server.", said)
    if code // 100 == 4:
        raise Unreachable(where, f"{server.host} takes no mail just now.", said, code)
    raise Unreachable(where, f"{server.host} does not talk to us.", said, code)


def _said(code: int, words: bytes) -> str:
    return trouble.words_of(words if code == -1 else b"%d %s" % (code, words))


def _bytes(words: bytes | str) -> bytes:
    return words if isinstance(words, bytes) else words.encode()
