"""How long a mail takes to compile, to fill and to hand over: `python -m benchmarks.mail [MAILS] [--json]`.

Floors measured in the same run: Jinja alone on the compiled frame, and smtplib alone handing the same bytes to the same
server. The server is a real one (aiosmtpd) in a process of its own, the books a real shop's in a temporary folder.
"""

from __future__ import annotations

import json
import smtplib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.ports import free_port
from tracker import db
from tracker.config import ROOT, Config
from tracker.mail import deliver, mjml, render, shield
from tracker.mail.compose import Letter
from tracker.mail.samples import sample_context
from tracker.ops.startup import open_shop
from tracker.shop import outbox, settings


def main(words: list[str]) -> None:
    numbers = [word for word in words if word != "--json"]
    mails = int(numbers[0]) if numbers else 300
    found = {**_templates(), **_delivery(mails)}
    if "--json" in words:
        print(json.dumps(found, indent=1))
        return
    for name, value in found.items():
        print(f"{name:<48}{value:>10.3f}")


def _templates() -> dict[str, float]:
    shop = render.ShopFacts.of("Mama Amina’s", "http://192.168.1.20:8000", "en_KE")
    sources = [shield.read(name, mjml.FOLDER) for name in mjml.names()]
    began = time.perf_counter()
    for source in sources:
        shield.compile_source(source)
    cold = time.perf_counter() - began
    contexts = {kind: sample_context(kind) for kind in render.KINDS}
    large = contexts["debt_reminder"]
    row = large["suppliers"][0]["debts"][0]
    large = {**large, "suppliers": [{**large["suppliers"][0], "debts": [row] * 1000}], "count": 1000}
    return {
        "compile six mails, import included, ms": cold * 1e3,
        "compile six mails, warm, ms": _median(lambda: [shield.compile_source(source) for source in sources], 5),
        "find a compiled mail, ms": _median(lambda: mjml.load("debt_reminder"), 200),
        "fill the debt reminder, ms": _median(
            lambda: render.render("debt_reminder", contexts["debt_reminder"], shop), 50
        ),
        "fill one of 1,000 debts, ms": _median(lambda: render.render("debt_reminder", large, shop), 10),
        "put it into its envelope, ms": _median(lambda: _letter(shop).as_bytes(), 50),
    }


def _letter(shop: render.ShopFacts) -> Letter:
    rendered = render.render("debt_reminder", sample_context("debt_reminder"), shop)
    return Letter(rendered, "debt_reminder", ("a@example.org", "Amina"), ("s@example.org", "Shop"), "<1@x.invalid>")


def _delivery(mails: int) -> dict[str, float]:
    port = free_port()
    server = get_context("spawn").Process(target=_serve, args=(port,), daemon=True)
    server.start()
    try:
        _wait_for(port)
        with tempfile.TemporaryDirectory() as folder:
            config = Config(root=ROOT, data=Path(folder) / "data")
            open_shop(config)
            settings.change(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="plain", smtp_from="shop@example.org")
            for number in range(mails):
                context = sample_context("debt_reminder")
                outbox.put("debt_reminder", str(number), context, to_address=f"p{number}@example.org")
            began = time.perf_counter()
            done = deliver.everything("1-benchmark", config, "")
            whole = time.perf_counter() - began
            assert done.sent == mails, done
            db.close()
        floor = _floor(port, mails)
    finally:
        server.terminate()
        server.join()
    return {
        "deliver from the outbox, mails a second": mails / whole,
        "smtplib alone, the same bytes, mails a second": mails / floor,
    }


def _floor(port: int, mails: int) -> float:
    body = _letter(render.ShopFacts.of("Shop", "http://192.168.1.20:8000")).as_bytes()
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, local_hostname="[127.0.0.1]", timeout=10) as client:
        for number in range(mails):
            client.sendmail("s@example.org", f"p{number}@example.org", body)
    return time.perf_counter() - began


def _serve(port: int) -> None:
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Sink

    Controller(Sink(), hostname="127.0.0.1", port=port, server_hostname="sink.test").start()
    time.sleep(600)


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            smtplib.SMTP("127.0.0.1", port, local_hostname="[127.0.0.1]", timeout=5).quit()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The test server did not start.")


def _median(work: Callable[[], Any], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3


if __name__ == "__main__":
    main(sys.argv[1:])
