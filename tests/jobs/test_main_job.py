"""The main job on real input, as a shop does it: start, set up, import Northwind, wait for the hour, read the mails.

Then the power goes in the middle of a delivery. Budget: 150 s, most of it spent waiting for a minute of the clock.
"""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.jobs.real import PATIENCE, RealShop, wait_until
from tests.mail import servers
from tests.mail.servers import Sink
from tracker.config import ROOT, Config

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

NORTHWIND = ROOT / "tracker" / "demo_data"
DEBTS = (
    ("Exotic Liquids", "EL-101", -3, "1250.00"),
    ("Tokyo Traders", "TT-7", 0, "300.00"),
    ("Pavlova, Ltd.", "PV-9", 5, "80.50"),
)


class Slow(Sink):
    """A mail server that takes its time before it says that a mail is in."""

    pause = 0.0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        import asyncio

        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(self.pause)
        return answer


@pytest.fixture
def sink() -> Iterator[Slow]:
    found = Slow()
    controller = servers.start(found)
    found.port = controller.port  # type: ignore[attr-defined]
    yield found
    controller.stop()


@pytest.fixture
def shop(config: Config, sink: Slow) -> Iterator[RealShop]:
    """Nothing but an empty data folder; `pull_the_plug` ends whatever was started."""
    config.data.parent.mkdir(parents=True, exist_ok=True)
    real = RealShop(config, sink.port)  # type: ignore[attr-defined]
    yield real
    for process in real.workers:
        pull_the_plug(process)


def start(shop: RealShop) -> subprocess.Popen[str]:
    """`run.py`, until it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), "--no-browser"],
        env=shop.environment(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    shop.workers.append(process)  # type: ignore[arg-type]
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Finance Tracker is ready at "):
            return process
    raise AssertionError("run.py ended before it was ready")


def pull_the_plug(process: subprocess.Popen[Any]) -> None:
    """Kill run.py and everything it started, at once."""
    with suppress(psutil.NoSuchProcess):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        psutil.wait_procs(family, PATIENCE)
    process.wait(PATIENCE)


def set_up(shop: RealShop) -> None:
    words = "setup --country KE --admin-name Amina --admin-user amina --admin-email amina@example.org --password-stdin"
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words.split(), "--shop", "Mama Amina's"],
        env=shop.environment(),
        input="a sentence nobody guesses",
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def import_everything(shop: RealShop, folder: Path) -> None:
    for kind in ("categories", "suppliers", "products"):
        done = shop.json("import", kind, str(NORTHWIND / f"{kind}.csv"))
        assert (done["errors"], done["added"]) == ([], {"categories": 8, "suppliers": 29, "products": 77}[kind])
    today = date.fromisoformat(shop.run_python("from tracker import clock; print(clock.today())"))
    path = folder / "debts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["supplier", "reference", "issued_on", "due_on", "amount", "paid", "notes"])
        for supplier, reference, days, amount in DEBTS:
            due = today + timedelta(days=days)
            writer.writerow([supplier, reference, due - timedelta(days=30), due, amount, "", ""])
    assert shop.json("import", "debts", str(path))["added"] == 3


def in_a_minute(shop: RealShop) -> str:
    """The next whole minute of the shop's clock that is at least ten seconds away, as HH:MM."""
    program = (
        "from datetime import timedelta; from tracker import clock;"
        "print((clock.local() + timedelta(seconds=70)).strftime('%H:%M'))"
    )
    return shop.run_python(program)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def by_kind(sink: Slow) -> dict[str, list[EmailMessage]]:
    found: dict[str, list[EmailMessage]] = {}
    for mail in sink.mails:
        found.setdefault(str(mail["X-Finance-Tracker-Kind"]), []).append(mail)
    return found


def test_the_shop_is_told_on_time_exactly_once_whatever_happens(shop: RealShop, sink: Slow, tmp_path: Path) -> None:
    running = start(shop)
    set_up(shop)
    import_everything(shop, tmp_path)

    at = in_a_minute(shop)
    for job in ("debt_reminders", "reorder_alerts"):
        assert shop.run("jobs", "set", job, "--at", at).returncode == 0
    wait_until(lambda: len(by_kind(sink)) == 2, "both mails at their minute", 120)

    mails = by_kind(sink)
    assert {kind: len(found) for kind, found in mails.items()} == {"debt_reminder": 1, "reorder_alert": 1}
    read_the_debt_mail(text_of(mails["debt_reminder"][0]))
    read_the_reorder_mail(text_of(mails["reorder_alert"][0]))
    runs = {job: shop.json("jobs", job, "--runs") for job in ("debt_reminders", "reorder_alerts")}
    assert {job: (len(found), found[0]["state"], found[0]["trigger"]) for job, found in runs.items()} == {
        "debt_reminders": (1, "done", "schedule"),
        "reorder_alerts": (1, "done", "schedule"),
    }

    for job in ("debt_reminders", "reorder_alerts"):  # the same day again sends nothing
        again = shop.json("job", job)
        assert (again["state"], again["counts"]["mails"]) == ("nothing", 0)
    assert len(sink.raw) == 2

    sink.pause = 1.5  # the server dawdles before it says yes: there the worker dies
    assert shop.run("job", "debt_reminders", "--again", "--no-wait").returncode == 0
    wait_until(lambda: shop.json("outbox", "--state", "sending"), "a mail on its way")
    os.kill(worker_pid(shop), getattr(signal, "SIGKILL", signal.SIGTERM))
    time.sleep(0.5)
    pull_the_plug(running)
    sink.pause = 0.0
    start(shop)
    wait_until(lambda: not shop.json("outbox", "--state", "sending"), "the outbox after the power cut")
    wait_until(lambda: not shop.json("outbox", "--state", "queued"), "nothing left waiting")
    ids = [mail["Message-ID"] for mail in sink.mails]
    assert len(ids) == len(set(ids)), "a mail arrived twice"
    assert len(ids) in (2, 3)
    known = len(shop.json("outbox", "--state", "sent")) + len(shop.json("outbox", "--state", "held"))
    assert known == 3, "every mail is either sent or honestly unsure"
    assert shop.run("job", "books_check").returncode == 0


def worker_pid(shop: RealShop) -> int:
    (pid,) = [one["pid"] for one in shop.json("status")["programs"] if one["name"] == "worker"]
    return int(pid)


def read_the_debt_mail(text: str) -> None:
    overdue, soon = re.split(r"(?im)^.*due in the next.*$|^.*next 7 days.*$", text, maxsplit=1)
    assert "EL-101" in overdue and "3 days late" in overdue and "1,250" in overdue
    assert "TT-7" not in overdue and "PV-9" not in overdue
    assert "TT-7" in soon and "PV-9" in soon and "EL-101" not in soon


def read_the_reorder_mail(text: str) -> None:
    """Exactly the products at or below their level, by the file's own figures: 18, of which 16 are covered."""
    low, covered, ordered = set(), set(), set()
    everything = set()
    with (NORTHWIND / "products.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            everything.add(row["name"])
            on_hand, coming, level = (int(row[key]) for key in ("units_in_stock", "units_on_order", "reorder_level"))
            if row["discontinued"] == "0" and on_hand <= level:
                low.add(row["name"])
                ordered |= {row["name"]} if coming else set()
                covered |= {row["name"]} if on_hand + coming > level else set()
    assert (len(low), len(ordered), len(covered)) == (18, 17, 16)
    listed = [re.sub("[\u2066-\u2069]", "", line) for line in re.findall(r"(?m)^\s*- (.*)$", text)]
    named = {max((name for name in everything if line.startswith(name)), key=len) for line in listed}
    assert named == low and len(listed) == 18
    before = text[: text.index("Already ordered")]
    assert {name for name in low if f"- \u2068{name}" in before or f"- {name}" in before} == low - covered
