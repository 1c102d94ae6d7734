"""One mail in its envelope: headers that can't be broken out of, lines that every server takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

import flask_mail

from tracker import clock
from tracker.errors import Refused
from tracker.mail import formats
from tracker.mail.render import Rendered

LONGEST_HEADER = 400  # characters of a name or a subject; what is longer is cut
_FIXED_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}  # they stop reply loops


class BadAddress(Refused):
    """This can't be an e-mail address, so no server is asked."""


class Letter(flask_mail.Message):
    """A Flask-Mail message for one recipient, made without an app and without asking the network for this PC's name.

    `message_id` is the outbox row's for life. Raises BadAddress for the sender's or the recipient's address.
    """

    def __init__(
        self,
        rendered: Rendered,
        kind: str,
        to: tuple[str, str],
        sender: tuple[str, str],
        message_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # Flask-Mail's own __init__ looks this PC up in the DNS for a Message-ID: seconds on a shop without internet.
        self.subject = header_text(rendered.subject)
        self.body = rendered.text
        self.alts = {"html": rendered.html}
        self.to, self.from_ = _address(*to), _address(*sender)
        self.recipients = [self.to.addr_spec]
        self.sender = self.from_.addr_spec
        self.msgId = message_id
        if not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", header) for header in headers or ()):
            raise ValueError("a header's name is letters, digits and hyphens")
        self.extra_headers = {**_FIXED_HEADERS, "X-Finance-Tracker-Kind": kind, **(headers or {})}
        self.cc, self.bcc, self.attachments = [], [], []
        self.reply_to = self.date = self.charset = None
        self.mail_options: list[str] = []
        self.rcpt_options: list[str] = []

    def _message(self) -> EmailMessage:
        message = EmailMessage(policy=policy.SMTP)
        message["Subject"] = self.subject
        message["From"] = self.from_
        message["To"] = self.to
        message["Date"] = format_datetime(clock.local())
        message["Message-ID"] = header_text(self.msgId)
        for name, value in (self.extra_headers or {}).items():
            message[name] = header_text(value)
        message.set_content(self.body, cte=_encoding(self.body or ""))
        message.add_alternative(self.html, subtype="html", cte=_encoding(self.html or ""))
        return message


def header_text(value: str) -> str:
    """What may stand in a header: one line, no control characters, not endless."""
    return " ".join(formats.clean(value).split())[:LONGEST_HEADER]


def _address(address: str, name: str) -> Address:
    """The address with its domain in ASCII. Raises BadAddress for what no server could mean."""
    local, at, domain = address.strip().rpartition("@")
    if not at or not re.fullmatch(r"[!-~]{1,64}", local) or re.search(r'[<>()\[\],;:\\"@]', local):
        raise BadAddress(f"“{header_text(address)}” is not an e-mail address.", "email")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?", ascii_domain):
            raise ValueError(domain)
        return Address(header_text(name), local, ascii_domain)
    except (ValueError, UnicodeError, MessageError) as error:
        raise BadAddress(f"“{header_text(address)}” is not an e-mail address.", "email") from error


def _encoding(text: str) -> str:
    # Both keep every line below RFC 5321's 1,000 octets; base64 is the smaller one for scripts beyond Latin.
    strange = len(text.encode()) - len(text)
    return "base64" if strange * 4 > len(text) else "quoted-printable"
