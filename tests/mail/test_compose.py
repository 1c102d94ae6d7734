"""Headers that can't be broken out of and lines that every server takes. Budget: 3 s."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest

from tests.mail.conftest import letter
from tracker.mail import render
from tracker.mail.compose import BadAddress
from tracker.mail.render import Rendered, ShopFacts
from tracker.mail.samples import sample_context

HEADERS = {
    "Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress",
    "X-Finance-Tracker-Kind", "MIME-Version", "Content-Type",
}  # fmt: skip
BREAKS = ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\0", "\r\n\r\n"]


def read(made: Any) -> EmailMessage:
    return message_from_bytes(made.as_bytes(), policy=policy.default)  # type: ignore[return-value]


@pytest.mark.parametrize("line_break", BREAKS)
def test_no_header_can_be_broken_out_of(line_break: str) -> None:
    evil = f"x{line_break}Bcc: zawadi@example.org"
    with pytest.raises(ValueError, match="a header's name"):
        letter(headers={f"X-Evil{line_break}Bcc": "x"})
    made = letter(
        name=evil, rendered=Rendered(evil, "t", "<p>h</p>"), sender=("shop@example.org", evil), kind=evil,
        headers={"X-Run": evil},
    )  # fmt: skip
    mail = read(made)
    assert set(mail.keys()) == HEADERS | {"X-Run"} and "zawadi" in mail["Subject"]
    assert mail["To"].addresses[0].addr_spec == "amina@example.org" and len(mail["To"].addresses) == 1


@pytest.mark.parametrize(
    "address",
    ["", "amina", "@example.org", "amina@", "a b@example.org", "a@b@example.org", "a\r\n@example.org", "a@exa mple.org",
     "a@example.org\r\nRCPT TO:<zawadi@example.org>", "<a@example.org>", "a,b@example.org", "a@-x-",
     "аmina@example.org",
     "a@" + "x" * 300 + ".org"],
)  # fmt: skip
def test_what_can_be_no_address_is_refused_before_any_server_is_asked(address: str) -> None:
    with pytest.raises(BadAddress, match="is not an e-mail address"):
        letter(to=address)
    with pytest.raises(BadAddress):
        letter(sender=(address, "Shop"))


def test_names_of_every_script_come_through() -> None:
    for name in ("Amina “Mama” O'Hara, Ltd.", "مؤسسة النور", "🧂 Chumvi", "Ω" * 150, 'a"b\\c', "山田太郎"):
        made = letter(name=name, rendered=Rendered(f"3 debts – {name}", "t", "h"), sender=("s@example.org", name))
        mail = read(made)
        plain = message_from_bytes(made.as_bytes())  # the newer parser puts spaces between the parts of a long name
        for header in ("To", "From"):
            assert str(make_header(decode_header(parseaddr(plain[header])[0]))) == name
        assert mail["Subject"] == f"3 debts – {name}"


def test_an_address_of_another_script_travels_in_ascii() -> None:
    mail = read(letter(to="amina@bücher.example"))
    assert mail["To"].addresses[0].addr_spec == "amina@xn--bcher-kva.example"


@pytest.mark.parametrize("kind", render.KINDS)
def test_every_line_is_one_that_servers_take(kind: str, shop: ShopFacts) -> None:
    rendered = render.render(kind, sample_context(kind), shop)
    raw = letter(rendered=rendered, kind=kind).as_bytes()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78 and b"\n" not in raw.replace(b"\r\n", b"")
    assert raw.isascii()
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail.get_body(("html",)).get_content().splitlines() == rendered.html.splitlines()
    assert mail.get_body(("plain",)).get_content().splitlines() == rendered.text.splitlines()
    assert mail["Subject"] == rendered.subject and mail.get_content_type() == "multipart/alternative"


def test_a_single_line_of_a_million_characters_is_folded() -> None:
    for text in ("x" * 1_000_000, "م" * 300_000, ".\n" * 1000):
        raw = letter(rendered=Rendered("s", text, text)).as_bytes()
        assert max(len(line) for line in raw.split(b"\r\n")) <= 78
        mail = message_from_bytes(raw, policy=policy.default)
        assert mail.get_body(("html",)).get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")


def test_the_message_id_is_the_one_given_and_the_network_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def no_network(*_: object) -> str:
        raise AssertionError("asked for this PC's name")

    monkeypatch.setattr(socket, "getfqdn", no_network)
    assert read(letter())["Message-ID"] == "<1@finance-tracker.invalid>"
