"""From the outbox to the server and back: every outcome is written down. Budget: 20 s."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.mail.servers import Line, Sink
from tests.ports import free_port
from tracker import clock, db
from tracker.config import Config
from tracker.mail import deliver
from tracker.mail.samples import sample_context
from tracker.shop import accounts, audit, links, outbox, set_up, settings

OWNER = "1-worker"


@pytest.fixture
def mama_aminas(books: Config) -> Config:
    """A shop in Nairobi that sends mail in clear to a server on this PC; each test says on which port."""
    settings.change(shop_name="Mama Amina’s", country="KE", currency="KES", timezone="Africa/Nairobi")
    settings.change(base_url="http://192.168.1.20:8000", smtp_from="shop@example.org", smtp_tls="plain")
    return books


def at(port: int) -> None:
    settings.change(smtp_host="127.0.0.1", smtp_port=port)


def queue(to: str = "amina@example.org", kind: str = "debt_reminder", key: str = "") -> int:
    context = {**sample_context(kind), "person": to.split("@", 1)[0].title()}
    mail = outbox.put(kind, key or f"{kind}:{to}", context, to_address=to)
    assert mail is not None
    return mail.id


def go(config: Config) -> deliver.Summary:
    return deliver.everything(OWNER, config, "")


def state(mail_id: int) -> tuple[str, str | None]:
    mail = outbox.get(mail_id)
    return mail.state, mail.stage


def test_what_waits_goes_out_on_one_connection_and_is_kept_as_it_went(mama_aminas: Config, start: Any) -> None:
    sink, port = start()
    at(port)
    ids = [queue(f"p{number}@example.org") for number in range(120)]
    done = go(mama_aminas)
    assert (done.sent, done.tried, done.sentence) == (120, 120, "120 mails sent.")
    assert len(sink.raw) == 120 and sink.connections == 3  # one for each batch of 50
    mail = outbox.get(ids[0])
    assert mail.state == "sent" and mail.stage is None and mail.sent_at and mail.reply.startswith("250")
    assert mail.subject == "3 debts overdue, KES 86,400.50 – Mama Amina’s" and "Kimani Wholesale" in mail.html
    assert sink.mails[0]["Message-ID"] == mail.message_id and "INV-1041" in mail.text
    assert [tried.result for tried in outbox.attempts(ids[0])] == ["sent"]
    assert go(mama_aminas).tried == 0 and len(sink.raw) == 120


def test_nothing_is_asked_of_any_server_when_nothing_waits(mama_aminas: Config, start: Any) -> None:
    sink, port = start()
    at(port)
    assert go(mama_aminas).sentence == "" and sink.connections == 0


def test_the_stage_is_committed_before_the_body_goes(mama_aminas: Config, scripted: Any) -> None:
    seen = []

    def script(line: Line) -> None:
        line.up_to_data()
        time.sleep(0.1)
        line.hear_body()
        seen.append(state(mail_id))
        db.books.close()
        line.say("250 2.0.0 accepted")

    server = scripted(script)
    at(server.port)
    mail_id = queue()
    assert go(mama_aminas).sent == 1
    assert seen == [("sending", "data")]


def test_one_refused_recipient_fails_by_name_and_the_other_gets_the_mail(mama_aminas: Config, start: Any) -> None:
    sink, port = start(Sink(refusals={"zawadi@example.org": ["550 5.1.1 no such user"]}))
    at(port)
    bad, good = queue("zawadi@example.org"), queue()
    done = go(mama_aminas)
    assert done.failed == ["zawadi@example.org"] and done.sent == 1
    assert done.sentence == "1 mail sent; not sent to zawadi@example.org."
    assert state(bad) == ("failed", None) and state(good) == ("sent", None)
    assert "550 5.1.1 no such user" in outbox.get(bad).reply and "zawadi@example.org" in outbox.get(bad).error
    assert outbox.attempts(bad)[0].result == "failed" and sink.to == ["amina@example.org"]


def test_a_bad_address_fails_without_asking_the_server(mama_aminas: Config, start: Any) -> None:
    sink, port = start()
    at(port)
    bad = queue("amina@@example..org")
    assert go(mama_aminas).failed == ["amina@@example..org"]
    assert state(bad)[0] == "failed" and "is not an e-mail address" in outbox.get(bad).error


def test_not_now_is_tried_again_later(mama_aminas: Config, start: Any) -> None:
    sink, port = start(Sink(refusals={"amina@example.org": ["451 4.7.1 greylisted"]}))
    at(port)
    mail_id = queue()
    assert go(mama_aminas).sentence == "1 to be tried again."
    mail = outbox.get(mail_id)
    assert mail.state == "queued" and mail.due_at > clock.now() + timedelta(seconds=40) and "451" in mail.reply
    assert go(mama_aminas).tried == 0
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert go(mama_aminas).sent == 1
    assert [tried.result for tried in outbox.attempts(mail_id)] == ["later", "sent"]


def test_a_server_that_is_down_pauses_everything_with_one_sentence_and_is_probed(
    mama_aminas: Config, start: Any
) -> None:
    at(free_port())
    ids = [queue(f"p{number}@example.org") for number in range(5)]
    done = go(mama_aminas)
    assert done.tried == 0 and "no mail server listens" in done.paused
    pause = outbox.paused()
    assert pause and pause.sentence == done.paused
    assert all(state(mail_id) == ("queued", None) and outbox.get(mail_id).attempt == 0 for mail_id in ids)
    assert not outbox.waiting() and go(mama_aminas).paused == ""  # no second try before the probe is due
    sink, port = start()
    at(port)
    with clock.frozen(clock.now() + timedelta(seconds=mama_aminas.smtp_probe_seconds + 1)):
        assert go(mama_aminas).sent == 5
    assert outbox.paused() is None and sink.connections == 2  # the probe's, then the rest


def test_a_refused_log_in_pauses_and_no_mail_is_lost(mama_aminas: Config, start: Any) -> None:
    sink = Sink()
    _, port = start(sink, authenticator=sink.authenticate, auth_require_tls=False)
    at(port)
    settings.change(smtp_user="shop")
    mail_id = queue()
    done = deliver.everything(OWNER, mama_aminas, "wrong")
    assert "did not accept the log-in" in done.paused and state(mail_id) == ("queued", None)
    outbox.resume()
    assert deliver.everything(OWNER, mama_aminas, "right").sent == 1


def test_a_sender_that_the_server_does_not_allow_pauses_too(mama_aminas: Config, scripted: Any) -> None:
    def script(line: Line) -> None:
        line.say("220 hello")
        while said := line.hear():
            line.say("553 5.7.1 sender not owned by you" if said.upper().startswith("MAIL") else "250 OK")

    at(scripted(script).port)
    mail_id = queue()
    assert "send as shop@example.org" in go(mama_aminas).paused and state(mail_id) == ("queued", None)
    assert outbox.get(mail_id).attempt == 0


def test_a_drop_after_the_body_is_held_and_not_sent_again(mama_aminas: Config, scripted: Any) -> None:
    def script(line: Line) -> None:
        line.up_to_data()
        line.hear_body()

    server = scripted(script)
    at(server.port)
    mail_id = queue()
    assert go(mama_aminas).unsure == ["amina@example.org"]
    assert state(mail_id) == ("held", None) and "may have been sent" in outbox.get(mail_id).error
    assert go(mama_aminas).tried == 0 and server.connections == 1


def test_a_password_mail_whose_double_is_harmless_is_tried_again(mama_aminas: Config, scripted: Any) -> None:
    def script(line: Line) -> None:
        line.up_to_data()
        line.hear_body()

    at(scripted(script).port)
    mail_id = queue(kind="reset_password")
    assert go(mama_aminas).later == 1 and state(mail_id) == ("queued", None)


def test_a_server_that_accepts_and_hangs_up_costs_nothing(mama_aminas: Config, scripted: Any) -> None:
    def script(line: Line) -> None:
        line.up_to_data()
        line.hear_body()
        line.say("250 2.0.0 accepted")

    server = scripted(script)
    at(server.port)
    for number in range(3):
        queue(f"p{number}@example.org")
    done = go(mama_aminas)
    assert done.sent + done.later == 3 and done.unsure == [] and done.sent >= 2


def test_a_server_that_keeps_hanging_up_is_left_after_two_mails(mama_aminas: Config, scripted: Any) -> None:
    def script(line: Line) -> None:
        line.say("220 hello")
        line.hear()
        line.say("250 OK")
        line.hear()

    at(scripted(script).port)
    ids = [queue(f"p{number}@example.org") for number in range(6)]
    assert go(mama_aminas).later == 2
    assert [outbox.get(mail_id).attempt for mail_id in ids] == [1, 1, 0, 0, 0, 0]
    assert all(state(mail_id) == ("queued", None) for mail_id in ids)


def test_a_mail_that_was_taken_from_the_worker_does_not_go(mama_aminas: Config, scripted: Any) -> None:
    bodies = []

    def script(line: Line) -> None:
        line.say("220 hello")
        while not line.hear().upper().startswith("DATA"):
            line.say("250 OK")
        if not bodies:
            outbox.recover("2-another")  # a second worker took over while this one slept
            db.books.close()
        line.say("354 go on")
        bodies.append(line.hear_body())
        line.say("250 2.0.0 accepted")

    at(scripted(script).port)
    mail_id = queue()
    assert go(mama_aminas).sent == 1  # claimed anew, and sent once
    assert bodies[0] == "" and "Message-ID" in bodies[1] and len(bodies) == 2
    assert state(mail_id) == ("sent", None)


def test_a_fault_in_one_mail_does_not_stop_the_others(mama_aminas: Config, start: Any) -> None:
    sink, port = start()
    at(port)
    broken = queue("zawadi@example.org")
    outbox.Mail.update(context=json.dumps({"person": "Zawadi"})).where(outbox.Mail.id == broken).execute()
    queue()
    done = go(mama_aminas)
    assert done.sent == 1 and done.failed == ["zawadi@example.org"] and state(broken)[0] == "failed"


def test_one_time_links_are_sent_but_not_kept(mama_aminas: Config, start: Any) -> None:
    sink, port = start()
    at(port)
    owner = set_up.run(
        set_up.Owner("Amina", "amina", "a long enough password", "amina@example.org"), "Mama Amina’s", "KE"
    )
    with audit.acting(owner.actor):
        assert accounts.invite("juma", "Juma", "cashier", "juma@example.org")[1]
    assert go(mama_aminas).sent == 1
    [kept] = outbox.listing()
    link = links.url(kept.facts["link_id"])
    assert link.startswith("http://192.168.1.20:8000/welcome/")
    assert link in sink.mails[0].get_body(("plain",)).get_content()
    assert link in sink.mails[0].get_body(("html",)).get_content()
    assert link not in kept.html + kept.text + kept.context and "not kept" in kept.text
    assert "Amina made you an account" in kept.text


def test_a_link_that_died_while_its_mail_waited_is_not_sent(mama_aminas: Config, start: Any) -> None:
    sink, port = start()
    at(port)
    facts = {"person": "Juma", "user_name": "juma", "minutes": 20, "link_id": 4711}
    outbox.put("reset_password", "reset:1", facts, to_address="juma@example.org")
    assert go(mama_aminas).failed == ["juma@example.org"] and not sink.raw
    assert "Ask for a new one" in outbox.listing()[0].error


def test_a_mail_past_its_day_is_dropped_visibly(mama_aminas: Config, start: Any) -> None:
    sink, port = start()
    at(port)
    outbox.put("test_email", "old", sample_context("test_email"), to_address="a@example.org", expires_at=clock.now())
    assert go(mama_aminas).tried == 0 and outbox.counts()["expired"] == 1 and not sink.raw
