"""No password, token or key stands anywhere it could be read; a fresh start lets nobody in from outside. About 15 s."""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest
from flask import Flask

from tests.security.conftest import dump
from tests.security.walker import pages
from tracker import db, log
from tracker.config import ROOT, Config, Smtp
from tracker.mail import deliver
from tracker.ops import secrets as keys
from tracker.shop import links, settings, users
from tracker.web.security import login_cookie

FIRST, SECOND, WRONG = "acacia-lantern-forty-two", "baobab-window-ninety", "not-the-password-at-all"
SMTP = "hunter2-hunter2-mail"


@pytest.fixture
def config(config: Config) -> Config:
    """Here the settings page names the server, and keeps its password."""
    from dataclasses import replace

    return replace(config, smtp=Smtp())


def signed_in(app: Flask, name: str, password: str) -> Any:
    client = app.test_client()
    form = {"csrf_token": client.token, "username": name, "password": password}  # type: ignore[attr-defined]
    answer = client.post("/login", data=form, headers={"Origin": "http://localhost:8000"})
    return client if answer.status_code == 303 else None


def everything_known(config: Config) -> str:
    """All tables of both databases, and all files of the data folder that are no database and no secret."""
    tables = db.rows("SELECT name FROM sqlite_master WHERE type = 'table'", database=db.ops)
    rows = str(dump()) + str([db.rows(f"SELECT * FROM {name}", database=db.ops) for (name,) in tables])
    files = [path for path in config.data.rglob("*") if path.is_file() and "sqlite3" not in path.name]
    texts = [path.read_bytes().decode("latin-1") for path in files if path.parent != config.secret]
    return rows + "\n".join(texts)


def test_after_a_whole_journey_no_secret_can_be_read_anywhere(
    app: Flask, shop: SimpleNamespace, amina: Any, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    changed = dict(settings.as_dict(), smtp_from="shop@example.org", smtp_host="127.0.0.1", smtp_port="2525")
    changed = {name: ("1" if value is True else value) for name, value in changed.items() if value not in (False, "")}
    assert amina.send("/settings", **changed, smtp_tls="plain", smtp_password=SMTP).status_code == 303
    assert keys.smtp_password(config) == SMTP
    asked = amina.send("/users", name="Neema", username="neema", role="manager", email="")
    shown = amina.get(asked.headers["Location"]).text
    token = re.search(r"/welcome/([A-Za-z0-9_.\-]+)", shown)
    assert token, "no link was shown"
    assert token[1] not in amina.get(asked.headers["Location"]).text, "the link is shown a second time"
    neema = app.test_client()
    for step in (neema.get(f"/welcome/{token[1]}"), neema.get("/password/new")):
        said += [step.headers.get("Location", ""), step.text]
    made = neema.send("/password/new", password=FIRST, again=FIRST)  # type: ignore[attr-defined]
    assert made.status_code == 303, "the first password was refused"
    assert signed_in(app, "neema", WRONG) is None
    client = signed_in(app, "neema", FIRST)
    said.append(client.send("/me/password", current=WRONG, password=SECOND, again=SECOND).text)
    assert client.send("/me/password", current=FIRST, password=SECOND, again=SECOND).status_code == 303
    users.edit(users.find("neema").id, email="neema@shop.example")  # type: ignore[union-attr]
    assert neema.send("/password/forgot", username="neema").status_code == 200  # type: ignore[attr-defined]
    link = links.url(db.rows("SELECT id FROM one_time_link WHERE used_at IS NULL ORDER BY id DESC")[0][0])
    deliver.everything("me", config, keys.smtp_password(config))
    sessions = [one.get_cookie(login_cookie(app), domain="localhost").value for one in (amina, client)]
    hidden = {FIRST, SECOND, WRONG, SMTP, token[1], link.rpartition("/")[2], *sessions}
    hidden |= {keys.secret_key(config).hex(), keys.queue_key(config).hex()}
    said += [amina.get(path).text for path in pages(app, shop)]
    said += [
        amina.get(f"{path}?format=csv").text for path in ("/products", "/suppliers", "/health/mail", "/notifications")
    ]
    places = {"a page": "\n".join(said), "the log": caplog.text, "the books and files": everything_known(config)}
    found = [f"{secret[:12]}… in {place}" for secret in hidden for place, text in places.items() if secret in text]
    assert not found
    assert all(len(secret) > 10 for secret in hidden) and "neema" in places["the books and files"]


def test_what_only_the_shop_may_read_is_for_this_user_alone(
    app: Flask, shop: SimpleNamespace, amina: Any, config: Config
) -> None:
    keys.set_smtp_password(config, SMTP)
    import io as files

    brought = {"kind": "suppliers", "file": (files.BytesIO(b"name\nKimani\n"), "x.csv"), "csrf_token": amina.token}
    assert amina.post("/imports", data=brought, headers={"Origin": "http://localhost:8000"}).status_code == 303
    if sys.platform != "win32":
        for path in (config.data, *config.data.rglob("*")):
            mode = path.stat().st_mode & 0o777
            assert mode & 0o077 == 0, f"{path}: {mode:o}"


# --- the log ----------------------------------------------------------------------------------------------------------


def test_nobody_writes_lines_of_their_own_into_the_log(app: Flask, amina: Any) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(log.line_format())
    for name in ("tracker", "waitress"):
        logging.getLogger(name).addHandler(handler)
    app.add_url_rule("/broken/<path:x>", "broken", lambda x: 1 / 0)
    app.view_functions["broken"].access = app.view_functions["me.show"].access  # type: ignore[attr-defined]
    forged = "2026-11-23 08:00:00 error   - tracker: the till was opened"
    try:
        client = app.test_client()
        client.get(f"/nothing%0a{forged}%0d%0a", headers={"User-Agent": f"x\x0b{forged}"})
        amina.get("/broken/x%1b[2J")
        client.send("/login", username=f"amina\n{forged}\r\n", password=WRONG)  # type: ignore[attr-defined]
        logging.getLogger("tracker.x").error("said %s", f"a\r\n{forged}\u2028{forged}\x1b[31m")
        try:
            raise ValueError(f"x\n{forged}")
        except ValueError:
            logging.getLogger("tracker.x").exception("it broke")
    finally:
        for name in ("tracker", "waitress"):
            logging.getLogger(name).removeHandler(handler)
    lines = out.getvalue().splitlines()
    assert not [line for line in lines if line.startswith(forged)], out.getvalue()
    assert "\x1b" not in out.getvalue()


# --- a fresh start ----------------------------------------------------------------------------------------------------


@contextmanager
def web(config: Config, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The real web process, answering."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "SMTP_"))}
    named = {"TRACKER_DATA": str(config.data), "TRACKER_PORT": str(config.port)}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "web"], env=kept | named | more, cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        until = time.monotonic() + 40
        while True:
            try:
                with urlopen(f"http://127.0.0.1:{config.port}/livez", timeout=2) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, "the web process does not answer"
                time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.mark.slow
def test_a_fresh_start_listens_on_this_pc_alone_knows_nobody_and_has_no_debugger(config: Config) -> None:
    with web(config, FLASK_DEBUG="1", FLASK_ENV="development", WERKZEUG_DEBUG_PIN="off") as process:
        sockets = psutil.Process(process.pid).net_connections("inet")
        heard = {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}
        assert heard == {"127.0.0.1"}
        for path in ("/console", "/?__debugger__=yes&cmd=resource&f=debugger.js", "/.git/config", "/static/../run.py"):
            try:
                answer = urlopen(f"http://127.0.0.1:{config.port}{path}", timeout=10)
            except HTTPError as error:
                answer = error
            with answer:
                text = answer.read().decode()
                assert answer.url.endswith("/setup") or answer.status == 404, path
                assert not any(word in text for word in ("Werkzeug", "Traceback", "repositoryformatversion", "import "))
    from tracker.ops.startup import open_shop

    open_shop(config)
    assert users.everybody() == []
    modes: dict[Path, int] = {path: path.stat().st_mode & 0o077 for path in (config.data, *config.data.rglob("*"))}
    assert sys.platform == "win32" or not any(modes.values()), modes


def test_a_fault_shows_a_number_and_nothing_of_the_program(
    app: Flask, amina: Any, monkeypatch: pytest.MonkeyPatch, browser_of: Callable[[str], Any]
) -> None:
    from tracker.shop import products

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret words of the program")

    monkeypatch.setattr(products, "get", broken)
    for headers in ({}, {"HX-Request": "true"}, {"Accept": "application/json"}):
        answer = amina.get("/products/1", headers=headers)
        assert answer.status_code == 500
        told = answer.text + str(answer.headers)
        assert not any(word in told for word in ("secret words", "Traceback", "RuntimeError", ".py", str(ROOT)))
