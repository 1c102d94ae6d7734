"""What can go wrong between the shop and its mail server, in sentences, with advice for the big providers."""

from __future__ import annotations

import socket
import ssl

from tracker.errors import ShopError
from tracker.mail import formats

_APP_PASSWORDS = {
    "gmail": "Google wants an app password here, not your own: switch on 2-Step Verification in your Google account,"
    " make an app password at myaccount.google.com/apppasswords and enter its 16 letters.",
    "yahoo": "Yahoo wants an app password here, not your own: make one under Account security on yahoo.com.",
    "aol": "AOL wants an app password here, not your own: make one under Account security on aol.com.",
    "mail.me.com": "Apple wants an app-specific password here, not your own: make one at account.apple.com.",
    "zoho": "Zoho wants an app password here when two-factor log-in is on: make one at accounts.zoho.com.",
    "fastmail": "Fastmail wants an app password here, not your own: make one under Privacy & Security.",
    "outlook": "Microsoft no longer lets programs log in with a password. Use another mail service for the shop's"
    " mail, for example a Gmail address with an app password.",
    "office365": "Microsoft no longer lets programs log in with a password. Use another mail service for the shop's"
    " mail, for example a Gmail address with an app password.",
}


class MailTrouble(ShopError):
    """Something between us and the mail server; `words` are the server's or the system's own."""

    status = 502

    def __init__(self, sentence: str, words: str = "", code: int = 0) -> None:
        super().__init__(sentence)
        self.words, self.code = words, code


class Unreachable(MailTrouble):
    """The server can't be used at all just now; `where` says at which step. Surely nothing was sent."""

    def __init__(self, where: str, sentence: str, words: str = "", code: int = 0) -> None:
        super().__init__(sentence, words, code)
        self.where = where


class LoginRefused(MailTrouble):
    """The server does not take this user name and password, or this sender. Surely nothing was sent."""


class TemporarilyRefused(MailTrouble):
    """Not now (4xx), or the connection ended before the mail was handed over (code 0). Surely not sent."""


class PermanentlyRefused(MailTrouble):
    """Never (5xx); `address` is whom it concerns. Surely not sent."""

    def __init__(self, sentence: str, words: str, code: int, address: str) -> None:
        super().__init__(sentence, words, code)
        self.address = address


class Unknown(MailTrouble):
    """The connection ended after the whole mail had gone and before the answer came: it may have been sent."""


def advice(host: str) -> str:
    """What this provider wants of a password; empty for others."""
    return next((sentence for part, sentence in _APP_PASSWORDS.items() if part in host.lower()), "")


def login_refused(host: str, code: int, words: str) -> LoginRefused:
    """The sentence for a refused log-in at this server."""
    hint = advice(host) or "Check the user name and the password."
    return LoginRefused(f"{host} did not accept the log-in. {hint}", words, code)


def of_connection(error: Exception, host: str, port: int, where: str) -> MailTrouble:
    """The sentence for what went wrong before any mail was on its way."""
    words = words_of(error)
    root = error.__cause__ if isinstance(error, ConnectionError) and error.__cause__ else error
    if isinstance(root, ssl.SSLCertVerificationError):
        sentence = (
            f"The certificate of {host} can't be trusted ({root.verify_message.rstrip('.')})."
            " Nothing was sent and no password was given."
        )
    elif isinstance(root, ssl.SSLError):
        sentence = f"{host} does not speak TLS in this way on port {port}. Usual are SSL on 465 and STARTTLS on 587."
    elif isinstance(root, socket.gaierror):
        sentence = f"The name {host} can't be found. Is the internet connection up, and is the name right?"
    elif isinstance(root, ConnectionRefusedError):
        sentence = f"{host} answers, but no mail server listens on port {port}."
    elif isinstance(root, TimeoutError):
        sentence = f"{host} did not answer in time. Is the internet connection up?"
    else:
        sentence = f"The connection to {host}, port {port}, ended unexpectedly."
    return Unreachable(where, sentence, words)


def words_of(error: BaseException | bytes) -> str:
    """The server's or the system's own words on one line."""
    if isinstance(error, bytes):
        text = error.decode("utf-8", "replace")
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror
    else:
        text = str(error) or type(error).__name__
    return " ".join(formats.clean(text).split())[:500]
