"""`run.py mail …` and `run.py outbox` as people and scripts use them. Budget: 6 s."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.mail.servers import Sink
from tests.ports import free_port
from tracker import cli, db
from tracker.config import Config
from tracker.mail import deliver, mjml
from tracker.mail.samples import sample_context
from tracker.shop import outbox, settings


@pytest.fixture(autouse=True)
def environment(config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The commands work on this test's data folder."""
    monkeypatch.setenv("TRACKER_DATA", str(config.data))
    monkeypatch.setenv("TRACKER_PORT", str(config.port))
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the mails' folder that a test may spoil."""
    copy = tmp_path / "email"
    shutil.copytree(mjml.FOLDER / "src", copy / "src")
    for function in (mjml.build, mjml.check, mjml.names, mjml.load):
        monkeypatch.setattr(function, "__defaults__", (*(function.__defaults__ or ())[:-1], copy))
    return copy


def run(*words: str) -> int:
    try:
        return cli.main(list(words), SimpleNamespace)
    except SystemExit as left:
        return int(left.code or 0)


def test_mail_build_makes_what_is_stale_and_check_tells(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mail", "build", "--check") == 1
    assert "debt_reminder.mjml, line 1: the compiled mail is missing" in capsys.readouterr().err
    assert run("mail", "build", "debt_reminder") == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["debt_reminder"]
    assert run("mail", "build") == 0
    assert capsys.readouterr().out.count(": made, ") == 5
    assert run("mail", "build", "--check") == 0
    spoilt = folder / "src" / "test_email.mjml"
    spoilt.write_text(spoilt.read_text(encoding="utf-8").replace("</mj-column>", "", 1), encoding="utf-8")
    assert run("mail", "build", "--check") == 1
    assert "test_email.mjml, line 10: <mj-column> is never closed." in capsys.readouterr().err
    assert run("mail", "build") == 1 and run("mail", "build", "nonsense") == 4


def test_mail_preview_works_before_there_is_a_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mail", "preview", "debt_reminder") == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")
    for name in ("mail.html", "mail.txt"):
        assert run("mail", "preview", "reorder_alert", "-o", str(tmp_path / name)) == 0
    assert "5 products to order" in capsys.readouterr().out
    assert (tmp_path / "mail.txt").read_text(encoding="utf-8").count("Sugar, 2 kg") == 1
    assert run("mail", "preview", "nonsense") == 4 and not (tmp_path / "data").exists()
    assert run("mail", "preview", "test_email", "-o", str(tmp_path / "no" / "mail.html")) == 1


def test_mail_test_shows_each_step(start: Any, books: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mail", "test", "amina@example.org") == 1
    assert "No mail server is set up" in capsys.readouterr().err
    sink, port = start(Sink(refusals={"zawadi@example.org": ["550 no such user"]}))
    set_up(books, port)
    assert run("mail", "test", "amina@example.org") == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2 and all(line.startswith("ok") for line in shown) and "250 2.0.0 queued" in shown[-1]
    assert sink.to == ["amina@example.org"]
    assert run("mail", "test", "zawadi@example.org") == 1
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].startswith("failed") and "zawadi@example.org" in said.err


def test_outbox_lists_what_went_and_what_waits(start: Any, books: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("outbox") == 0 and capsys.readouterr().out == "No mail was ever queued.\n"
    _, port = start(Sink(refusals={"zawadi@example.org": ["550 no such user"]}))
    set_up(books, port)
    db.open_books(books.books)
    settings.load(books)
    for to in ("amina@example.org", "zawadi@example.org"):
        outbox.put("debt_reminder", to, sample_context("debt_reminder"), to_address=to)
    deliver.everything("1-worker", books, "")
    assert run("outbox") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and "failed" in lines[1] and "sent" in lines[2]
    assert run("outbox", "--state", "failed", "--json") == 0
    [failed] = json.loads(capsys.readouterr().out)
    assert failed["to"] == "zawadi@example.org" and failed["attempts"] == 1 and failed["kind"] == "debt_reminder"
    assert failed["created_at"].endswith("Z") and "550 no such user" in failed["reply"] and failed["sent_at"] is None
    assert run("outbox", "--state", "nonsense") == 4


def test_outbox_says_that_the_server_cannot_be_used(books: Config, capsys: pytest.CaptureFixture[str]) -> None:
    set_up(books, free_port())
    db.open_books(books.books)
    settings.load(books)
    outbox.put("test_email", "1", sample_context("test_email"), to_address="amina@example.org")
    deliver.everything("1-worker", books, "")
    assert run("outbox") == 0
    assert "No mail goes out just now. 127.0.0.1 answers, but no mail server" in capsys.readouterr().err


def set_up(config: Config, port: int) -> None:
    db.open_books(config.books)
    settings.change(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="plain", smtp_from="shop@example.org")
    db.close()
