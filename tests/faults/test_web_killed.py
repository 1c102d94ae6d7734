"""The web process killed again and again while four people book payments: nothing acknowledged is lost or doubled (F1).

Each client sends a payment until it is acknowledged, with one key for all its tries. Kills: 6, more with
TRACKER_WEB_KILLS. Budget: 40 s.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import secrets
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest

from tests import cast
from tests.jobs.real import PATIENCE, RealShop, wait_until
from tracker import clock, db
from tracker.config import ROOT, Config
from tracker.money import Money
from tracker.ops.startup import close_shop, open_shop
from tracker.shop import books as checks
from tracker.shop import cash, payables, sessions

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("TRACKER_WEB_KILLS", "6"))
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Client:
    """One person's browser: a cookie, a token, and what was acknowledged (the key and where it led)."""

    port: int
    path: str
    account: int
    cookie: str
    token: str = ""
    acknowledged: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, body: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        here = f"http://127.0.0.1:{self.port}"
        headers = {"Cookie": self.cookie, "Origin": here, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, self.path, body, headers)
        answer = connection.getresponse()
        answer.read_text = answer.read().decode("utf-8")  # type: ignore[attr-defined]
        connection.close()
        return answer

    def come_in(self) -> None:
        answer = self.ask("GET")
        found = TOKEN.search(answer.read_text)  # type: ignore[attr-defined]
        if found:
            self.token = found[1]
            for line in answer.headers.get_all("Set-Cookie") or []:
                self.cookie += "; " + line.split(";")[0]

    def pay_once(self) -> None:
        """One payment of 1.00, sent until somebody says that it is booked."""
        key = secrets.token_urlsafe(16)
        form = {
            "amount": "1.00", "account": self.account, "paid_on": clock.today().isoformat(),
            "request_key": key, "form_name": "PaymentForm",
        }  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError, http.client.HTTPException):
                if not self.token:
                    self.come_in()
                answer = self.ask("POST", urlencode({**form, "csrf_token": self.token}))
                if answer.status == 303:
                    self.acknowledged[key] = answer.headers["Location"]
                    return
                assert answer.status < 500 or answer.status == 503, answer.read_text  # type: ignore[attr-defined]
            time.sleep(0.05)
        raise AssertionError("never acknowledged")


def start_web(shop: RealShop) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "web"],
        env=shop.environment(), cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    shop.workers.append(process)
    return process


def answers(shop: RealShop) -> bool:
    with suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", shop.config.port, timeout=2)
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    return False


def test_what_was_acknowledged_is_there_once_however_often_web_is_killed(config: Config, seed: int) -> None:
    open_shop(config)
    amina = cast.shop()
    kimani = cast.kimani()
    payables.owe(int(kimani.id), Money(1_000_000_00), clock.today())
    bank = cash.add_account("Chaos bank", "bank", Money(2_000_000_00))
    drawn, shop, done = random.Random(seed), RealShop(config), threading.Event()
    clients = [
        Client(
            config.port, f"/payments/new?supplier={kimani.id}", int(bank.id), f"ft_session={sessions.start(amina.id)}"
        )
        for _ in range(4)
    ]
    faults: list[BaseException] = []

    def work(client: Client) -> None:
        try:
            while not done.is_set():
                client.pay_once()
        except BaseException as error:
            faults.append(error)

    try:
        web = start_web(shop)
        wait_until(lambda: answers(shop), "the first web process")
        threads = [threading.Thread(target=work, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for _ in range(KILLS):
            before = sum(len(client.acknowledged) for client in clients)
            wait_until(lambda before=before: sum(len(c.acknowledged) for c in clients) > before, "an acknowledgement")
            time.sleep(drawn.uniform(0.0, 0.4))
            shop.kill(web)
            web = start_web(shop)
            wait_until(lambda: answers(shop), "web after a kill")
        done.set()
        for thread in threads:
            thread.join(PATIENCE * 2)
    finally:
        done.set()
        shop.close()
    assert not faults, (faults[0], seed)
    told = [location for client in clients for location in client.acknowledged.values()]
    assert len(told) >= KILLS and len(set(told)) == len(told), f"two keys led to one payment, seed {seed}"
    booked = {f"/payments/{number}" for (number,) in db.rows("SELECT id FROM payment")}
    assert {location.split("?")[0] for location in told} == booked, f"seed {seed}"
    assert checks.verify() == []
    close_shop()
