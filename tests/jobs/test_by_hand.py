"""Jobs from the command line: what became of their mails is said as it is. Budget: 10 s."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.jobs.real import RealShop
from tracker import cli
from tracker.jobs import audience
from tracker.shop import outbox, users
from tracker.shop.notifications import Told
from tracker.shop.outbox import Mail


def run(*words: str) -> int:
    try:
        return cli.main(list(words), SimpleNamespace)
    except SystemExit as left:
        return int(left.code or 0)


def todays_mail() -> Mail:
    amina = users.find("amina")
    assert amina is not None
    mail = outbox.put("debt_reminder", outbox.day_key("debt_reminder", "all", amina.id), {}, amina)
    assert mail is not None
    return mail


def said(mail: Mail) -> str:
    return audience.work("debt_reminder", Told(0, 0), [outbox.get(mail.id)], "1 debt overdue", again=False).result


def test_a_mail_that_waits_or_failed_does_not_pass_for_sent(shop: RealShop) -> None:
    mail = todays_mail()
    assert "Today's mail waits to be sent since" in said(mail)
    [claimed] = outbox.claim("me")
    outbox.mark_failed(claimed, "connect", "The mailbox is full.")
    assert said(mail) == (
        "1 debt overdue. Today's mail was not sent. The mailbox is full. Send it again from the outbox."
    )


def test_a_mail_that_is_out_is_said_with_its_hour(shop: RealShop) -> None:
    mail = todays_mail()
    [claimed] = outbox.claim("me")
    assert outbox.entering_data(claimed, "", "", "")
    claimed.stage = "data"
    outbox.mark_sent(claimed, "250 taken")
    assert "Already sent today at" in said(mail)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("debt_reminders",),
        ("debt_reminders", "--at", "08:00", "--cron", "0 8 * * *"),
        ("debt_reminders", "--pause", "--resume"),
        ("debt_reminders", "--default", "--days", "mon"),
    ],
)
def test_hours_are_changed_by_exactly_one_wish(
    shop: RealShop, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKER_DATA", str(shop.config.data))
    assert run("jobs", "set", *words) == 2
    assert capsys.readouterr().err.startswith("Name the job and one change:")
