"""The conversation with mail servers, real and misbehaving. Budget: 15 s."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.mail import servers
from tests.mail.conftest import SHOP, letter, plain_server
from tests.mail.servers import Line, Sink
from tests.ports import free_port
from tracker.mail import talk, transport
from tracker.mail.render import Rendered
from tracker.mail.transport import MailServer, Step
from tracker.mail.trouble import LoginRefused, PermanentlyRefused, TemporarilyRefused, Unknown, Unreachable


def test_a_mail_arrives_with_its_headers_and_both_bodies(start: Any) -> None:
    sink, port = start()
    with transport.connect(plain_server(port)) as connection:
        reply = transport.send(connection, letter())
    assert reply == "250 2.0.0 queued as 1A2B"
    [mail] = sink.mails
    assert mail["Subject"] == "3 debts overdue"
    assert mail["From"] == "Mama Amina’s <shop@example.org>" and mail["To"] == "Amina <amina@example.org>"
    assert mail["Message-ID"] == "<1@finance-tracker.invalid>"
    assert mail["Auto-Submitted"] == "auto-generated" and mail["X-Auto-Response-Suppress"] == "All"
    assert mail["X-Finance-Tracker-Kind"] == "debt_reminder" and mail["Date"].endswith("+0300")
    assert mail.get_body(("plain",)).get_content().splitlines() == ["You owe."]
    assert mail.get_body(("html",)).get_content().strip() == "<p>You owe.</p>"


def test_one_connection_serves_a_whole_batch(start: Any) -> None:
    sink, port = start()
    with transport.connect(plain_server(port)) as connection:
        for number in range(20):
            transport.send(connection, letter(f"p{number}@example.org"))
    assert len(sink.raw) == 20 and sink.connections == 1


def test_flask_mails_own_way_of_sending_works_too(start: Any) -> None:
    sink, port = start()
    with transport.Post(plain_server(port)).connect() as connection:
        letter().send(connection)
    assert sink.to == ["amina@example.org"]


def test_a_refused_recipient_is_named_and_the_next_one_gets_the_mail(start: Any) -> None:
    sink, port = start(Sink(refusals={"zawadi@example.org": ["550 5.1.1 no such user here"]}))
    with transport.connect(plain_server(port)) as connection:
        with pytest.raises(PermanentlyRefused) as refused:
            transport.send(connection, letter("zawadi@example.org", "Zawadi"))
        transport.send(connection, letter())
    assert refused.value.address == "zawadi@example.org" and refused.value.code == 550
    assert "no such user here" in refused.value.words and "zawadi@example.org" in refused.value.message
    assert sink.to == ["amina@example.org"]


def test_not_now_is_told_from_never(start: Any) -> None:
    sink, port = start(Sink(refusals={"amina@example.org": ["451 4.7.1 greylisted"]}, final=["452 full", "554 spam"]))
    with transport.connect(plain_server(port)) as connection:
        with pytest.raises(TemporarilyRefused, match="just now") as later:
            transport.send(connection, letter())
        assert later.value.code == 451
        with pytest.raises(TemporarilyRefused):
            transport.send(connection, letter())
        with pytest.raises(PermanentlyRefused, match="554 spam"):
            transport.send(connection, letter())
        assert connection.is_open()
        transport.send(connection, letter())
    assert len(sink.raw) == 1


def test_a_refused_sender_is_the_accounts_trouble_not_the_mails(scripted: Any) -> None:
    def script(line: Line) -> None:
        line.say("220 hello")
        while said := line.hear():
            line.say("550 5.7.60 not allowed to send as this sender" if said.upper().startswith("MAIL") else "250 OK")

    server = scripted(script)
    with transport.connect(plain_server(server.port)) as connection, pytest.raises(LoginRefused, match="send as shop@"):
        transport.send(connection, letter())


def test_nobody_listens() -> None:
    with pytest.raises(Unreachable, match="no mail server listens on port") as refused:
        transport.connect(plain_server(free_port()))
    assert refused.value.where.startswith("Reach")


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(Unreachable, match="can't be found"):
        transport.connect(MailServer("mail.invalid", 25, tls="plain", timeout=2))


@pytest.mark.parametrize("greeting", ["", "220 hello"])
def test_a_silent_server_is_left_within_the_time_limit(scripted: Any, greeting: str) -> None:
    def script(line: Line) -> None:
        if greeting:
            line.say(greeting)
        line.wait()

    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer in time"):
        transport.connect(plain_server(scripted(script).port, timeout=0.3))
    assert time.monotonic() - began < 2


def test_a_server_that_drips_bytes_does_not_hold_the_worker(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk, "WHOLE_MESSAGE", 1.0)

    def script(line: Line) -> None:
        for byte in b"220 " + b"x" * 1000:
            line.connection.sendall(bytes([byte]))
            time.sleep(0.05)

    began = time.monotonic()
    with pytest.raises(Unreachable, match="did not answer in time"):
        transport.connect(plain_server(scripted(script).port, timeout=0.5))
    assert time.monotonic() - began < 3


def test_a_whole_message_has_its_limit_too(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "WHOLE_MESSAGE", 0.6)

    def script(line: Line) -> None:
        line.up_to_data()
        line.hear_body()
        for byte in b"250-" + b"still thinking " * 1000:
            line.connection.sendall(bytes([byte]))
            time.sleep(0.05)

    began = time.monotonic()
    connection = transport.connect(plain_server(scripted(script).port))
    with pytest.raises(Unknown):
        transport.send(connection, letter())
    assert time.monotonic() - began < 3
    connection.close()


def test_a_drop_before_the_body_means_surely_not_sent(scripted: Any) -> None:
    def script(line: Line) -> None:
        line.say("220 hello")
        while not line.hear().upper().startswith("RCPT"):
            line.say("250 OK")

    went = []
    connection = transport.connect(plain_server(scripted(script).port))
    with pytest.raises(TemporarilyRefused, match="before it took the mail") as broken:
        transport.send(connection, letter(), lambda: went.append(1))
    assert broken.value.words == "the server ended the connection"  # the real reason, not "please run connect() first"
    assert not went and not connection.is_open()
    with pytest.raises(TemporarilyRefused, match="had ended"):
        transport.send(connection, letter())


def test_a_drop_after_the_body_means_nobody_knows(scripted: Any) -> None:
    def script(line: Line) -> None:
        line.up_to_data()
        line.hear_body()

    went = []
    connection = transport.connect(plain_server(scripted(script).port))
    with pytest.raises(Unknown, match="may have been sent"):
        transport.send(connection, letter(), lambda: went.append(1))
    assert went == [1]


def test_a_drop_in_the_middle_of_a_large_body_means_surely_not_sent(scripted: Any) -> None:
    def script(line: Line) -> None:
        line.up_to_data()
        line.connection.recv(1000)
        line.connection.setsockopt(servers.socket.SOL_SOCKET, servers.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    large = Rendered("Large", "x", "<p>0123456789abcdef</p>\n" * 400_000)
    connection = transport.connect(plain_server(scripted(script).port))
    with pytest.raises(TemporarilyRefused, match="in the middle"):
        transport.send(connection, letter(rendered=large))


def test_what_happens_after_the_server_accepted_concerns_no_mail(scripted: Any) -> None:
    def script(line: Line) -> None:
        line.up_to_data()
        line.hear_body()
        line.say("250 2.0.0 accepted")  # and hangs up without waiting for QUIT

    with transport.connect(plain_server(scripted(script).port)) as connection:
        assert transport.send(connection, letter()) == "250 2.0.0 accepted"
        time.sleep(0.05)


def test_nothing_goes_when_the_outbox_says_no_at_the_last_moment(scripted: Any) -> None:
    bodies = []

    def script(line: Line) -> None:
        line.up_to_data()
        bodies.append(line.hear_body())

    def no() -> None:
        raise RuntimeError("not ours any more")

    server = scripted(script)
    connection = transport.connect(plain_server(server.port))
    with pytest.raises(RuntimeError):
        transport.send(connection, letter(), no)
    assert not connection.is_open()
    time.sleep(0.1)
    assert bodies == [""]


def test_what_is_not_a_mail_server_is_called_so(scripted: Any) -> None:
    server = scripted(lambda line: line.say("HTTP/1.1 400 Bad Request"))
    with pytest.raises(Unreachable, match="is not a mail server"):
        transport.connect(plain_server(server.port))


def test_an_endless_reply_is_cut(scripted: Any) -> None:
    def script(line: Line) -> None:
        while True:
            line.say("220-more")

    with pytest.raises(Unreachable):
        transport.connect(plain_server(scripted(script).port))


# --- encryption and log-in ---------------------------------------------------------------------------------------


def secure(port: int, tls: str, **more: Any) -> MailServer:
    return MailServer("localhost", port, tls=tls, sender="shop@example.org", timeout=2.0, **more)


def test_starttls_with_a_trusted_certificate(start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public, context = servers.certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    sink = Sink()
    _, port = start(
        sink, tls_context=context, require_starttls=True, authenticator=sink.authenticate, auth_required=True
    )
    steps: list[Step] = []
    with transport.connect(secure(port, "starttls", user="shop", password="right"), steps.append) as connection:
        transport.send(connection, letter())
    assert sink.to == ["amina@example.org"] and sink.logins == [("shop", "right")]
    assert [step.name.split(",")[0] for step in steps] == [
        "Reach localhost", "Encrypt the connection", "Log in as shop", "Hand the mail for amina@example.org over",
    ]  # fmt: skip
    assert all(step.ok and step.reply for step in steps) and "TLSv1" in steps[1].reply


def test_ssl_from_the_first_byte(start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public, context = servers.certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    sink, port = start(ssl_context=context)
    with transport.connect(secure(port, "ssl")) as connection:
        transport.send(connection, letter())
    assert sink.to == ["amina@example.org"]


@pytest.mark.parametrize("tls", ["starttls", "ssl"])
@pytest.mark.parametrize("fault", ["self-signed", "wrong name"])
def test_a_certificate_that_proves_nothing_gets_no_password(
    start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: str, fault: str
) -> None:
    public, context = servers.certificate(tmp_path, "mail.example.org" if fault == "wrong name" else "localhost")
    if fault == "wrong name":
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
    sink = Sink()
    how = {"ssl_context": context} if tls == "ssl" else {"tls_context": context}
    _, port = start(sink, authenticator=sink.authenticate, **how)
    with pytest.raises(Unreachable, match="can't be trusted.*no password was given"):
        transport.connect(secure(port, tls, user="shop", password="right"))
    assert not sink.logins and not sink.raw


def test_encryption_that_somebody_strips_is_missed(start: Any) -> None:
    sink = Sink()
    _, port = start(sink, authenticator=sink.authenticate, auth_require_tls=False)
    with pytest.raises(Unreachable, match="does not offer encryption.*no password was given"):
        transport.connect(secure(port, "", user="shop", password="right"))
    assert not sink.logins


def test_words_in_clear_before_the_handshake_are_not_the_servers(
    scripted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, context = servers.certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    heard = []

    def script(line: Line) -> None:
        line.say("220 hello")
        line.hear()
        line.say("250-me", "250 STARTTLS")
        line.hear()
        line.say("220 go on", "250-injected", "250 AUTH PLAIN")
        with context.wrap_socket(line.connection, server_side=True) as safe:
            heard.append(safe.recv(100))
            safe.sendall(b"250 me\r\n")
            safe.recv(100)

    with pytest.raises(LoginRefused, match="not possible"):
        transport.connect(secure(scripted(script).port, "starttls", user="shop", password="right"))
    assert heard == [b"ehlo [127.0.0.1]\r\n"]


def test_a_refused_log_in_says_what_to_do(start: Any) -> None:
    sink = Sink()
    _, port = start(sink, authenticator=sink.authenticate, auth_require_tls=False)
    with pytest.raises(LoginRefused, match="Check the user name and the password") as refused:
        transport.connect(plain_server(port, user="shop", password="wrong"))
    assert refused.value.code == 535 and "wrong" not in refused.value.message + refused.value.words


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("smtp.gmail.com", "app password"),
        ("smtp.office365.com", "no longer lets"),
        ("smtp-mail.outlook.com", "no longer"),
    ],
)
def test_the_big_providers_have_advice_of_their_own(host: str, words: str) -> None:
    from tracker.mail import trouble

    assert words in trouble.login_refused(host, 535, "535 5.7.8 not accepted").message


def test_a_password_beyond_ascii_is_a_sentence_not_a_crash(start: Any) -> None:
    sink = Sink()
    _, port = start(sink, authenticator=sink.authenticate, auth_require_tls=False)
    with pytest.raises(LoginRefused, match="plain letters"):
        transport.connect(plain_server(port, user="shop", password="пароль"))


def test_a_password_does_not_cross_the_internet_in_clear(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(line: Line) -> None:
        line.say("220 hello")
        line.hear()
        line.say("250-me", "250 AUTH PLAIN")
        line.wait()

    server = scripted(script)
    here = servers.socket.getaddrinfo("127.0.0.1", server.port, type=servers.socket.SOCK_STREAM)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: here)  # mail.example.org is this PC, for once
    far = MailServer("mail.example.org", server.port, user="shop", password="right", tls="plain", timeout=2)
    with pytest.raises(LoginRefused, match="would cross the internet in clear"):
        transport.connect(far)
    assert server.heard == ["ehlo [127.0.0.1]"]


# --- the test message, and guessing the server --------------------------------------------------------------------


def test_the_test_message_shows_each_step_with_its_time(start: Any) -> None:
    sink, port = start()
    steps = transport.test(plain_server(port), "amina@example.org", SHOP, "Amina")
    assert [step.ok for step in steps] == [True, True] and all(step.seconds < 2 for step in steps)
    assert steps[-1].reply.startswith("250") and sink.mails[0]["Subject"] == "Mail works – Mama Amina’s"


def test_the_test_message_ends_at_the_step_that_failed_with_advice(start: Any) -> None:
    sink, port = start(Sink(refusals={"nobody@example.org": ["550 no such user"]}))
    steps = transport.test(plain_server(port), "nobody@example.org", SHOP)
    assert [step.ok for step in steps] == [True, False] and steps[-1].reply == "550 no such user"
    [step] = transport.test(plain_server(free_port()), "amina@example.org", SHOP)
    assert not step.ok and "no mail server listens" in step.sentence
    [step] = transport.test(plain_server(port), "not an address", SHOP)
    assert not step.ok and "is not an e-mail address" in step.sentence


@pytest.mark.parametrize(
    ("address", "host", "port", "security"),
    [
        ("amina@gmail.com", "smtp.gmail.com", 587, "starttls"),
        ("amina@Outlook.com", "smtp-mail.outlook.com", 587, "starttls"),
        ("amina@yahoo.com", "smtp.mail.yahoo.com", 465, "ssl"),
        ("amina@icloud.com", "smtp.mail.me.com", 587, "starttls"),
        ("amina@mamaamina.co.ke", "smtp.mamaamina.co.ke", 587, "starttls"),
    ],
)
def test_the_server_is_guessed_from_the_address(address: str, host: str, port: int, security: str) -> None:
    found = transport.deduce(address)
    assert (found.host, found.door, found.security, found.user) == (host, port, security, address)
