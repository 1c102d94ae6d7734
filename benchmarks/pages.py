"""What a page takes over HTTP, with log-in and layout; its floor is a bare Flask page over one raw question.

Both are served by Waitress from processes of their own: `python -m benchmarks.pages ours|floor DATA PORT`.
"""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks import floor
from benchmarks.measure import Operation
from tests.ports import free_port
from tracker import clock
from tracker.config import ROOT, Config
from tracker.shop import sessions
from tracker.web import access, create_app

IDS = re.compile(r'<a href="/(?:products|debts)/(\d+)">')


def operations(config: Config, scale: int) -> Iterator[Operation]:
    """The pages of this shop. SQLite's steps and statements are counted in this process, the time over HTTP."""
    token = sessions.start(1)
    servers = {which: Served(which, config, free_port(), token) for which in ("ours", "floor")}
    client = create_app(config).test_client()
    client.set_cookie(access.COOKIE, token, domain="localhost")

    def operation(name: str, ours: str, theirs: str, target: float) -> Operation:
        return Operation(
            name,
            lambda: servers["ours"].get(ours),
            lambda: servers["floor"].get(theirs),
            target=target,
            counted=lambda: client.get(ours, base_url="http://localhost:8000"),
            clocks=(servers["ours"].cpu, servers["floor"].cpu),
            same=_same_ids,
            pairs=15,
            inner=3,
        )

    try:
        deep = scale // 100
        yield operation("page of products", "/products", "/products?page=1", 2.5)
        yield operation("page, deep", f"/products?page={deep}", f"/products?page={deep}", 3.0)
        yield operation("page, search, rare", "/products?q=sku-00077", "/products?q=sku-00077", 3.0)
        yield operation("page, search, common", "/products?q=ham", "/products?q=ham", 3.0)
        yield operation("page of overdue debts", "/debts?state=overdue", "/debts", 2.5)
    finally:
        for server in servers.values():
            server.stop()


def _same_ids(ours: str, theirs: str) -> None:
    found = [list(dict.fromkeys(IDS.findall(text))) for text in (ours, theirs)]
    assert found[0] and found[0] == found[1], (found[0][:5], found[1][:5])


class Served:
    """One of the two servers, and the one connection that asks it."""

    def __init__(self, which: str, config: Config, port: int, token: str) -> None:
        command = [sys.executable, "-m", "benchmarks.pages", which, str(config.data), str(port)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)
        self.client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Cookie": f"{access.COOKIE}={token}"}
        _wait(self)

    def get(self, path: str) -> str:
        self.client.request("GET", path, headers=self.headers)
        answer = self.client.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, (path, answer.status)
        return text

    def cpu(self) -> float:
        return sum(psutil.Process(self.process.pid).cpu_times()[:2])

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(30)


def _wait(server: Served) -> None:
    for _ in range(300):
        with suppress(OSError, http.client.HTTPException, AssertionError):
            server.get("/livez")
            return
        server.client.close()
        time.sleep(0.05)
    raise SystemExit("The server of the pages did not start.")


# --- in the child -----------------------------------------------------------------------------------------------------

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Floor</title></head><body>
<p>{{ total }} in all</p><table>
{% for number, what, name, more, on_hand, unit, level, on_order, price, value in rows %}
<tr><td><a href="/{{ kind }}/{{ number }}">{{ name }}</a><small>{{ what }}</small></td><td>{{ more or "" }}</td>
<td class="num{% if level is not none and on_hand <= level %} low{% endif %}">{{ on_hand }} {{ unit }}</td>
<td>{{ level if level is not none else "" }}</td><td>{{ on_order or "" }}</td><td>{{ price }}</td><td>{{ value }}</td>
</tr>
{% endfor %}</table></body></html>"""

_COLUMNS = """p.id, p.sku, p.name, s.name, p.on_hand / 1000, p.unit, p.reorder_level / 1000, p.on_order / 1000,
    p.price / 100.0, p.stock_value / 100.0"""
_FROM = "product p LEFT JOIN supplier s ON s.id = p.supplier_id LEFT JOIN category c ON c.id = p.category_id"
_FIRST = f"SELECT {_COLUMNS} FROM {_FROM} WHERE p.archived_at IS NULL ORDER BY p.name_key, p.id LIMIT 50"
_DEEP = f"""SELECT {_COLUMNS} FROM {_FROM} WHERE p.id IN (SELECT id FROM product WHERE archived_at IS NULL
    ORDER BY name_key, id LIMIT 50 OFFSET ?) ORDER BY p.name_key, p.id"""
_SEARCH = f"""SELECT {_COLUMNS} FROM {_FROM} WHERE p.archived_at IS NULL AND (instr(p.name_key, ?1)
    OR instr(p.sku_key, ?1) OR instr(p.barcode, ?1)) ORDER BY p.name_key, p.id LIMIT 50"""
# Supplier with the oldest debt first, then by date: the page of the first 50 debts needs the oldest of each supplier.
_DEBTS = """WITH late AS MATERIALIZED (SELECT p.id, p.supplier_id, p.due_on, p.left_to_pay FROM payable p
        WHERE p.left_to_pay > 0 AND p.due_on < ? AND p.dispute IS NULL),
    sums AS (SELECT supplier_id, MIN(due_on) AS oldest, SUM(left_to_pay) AS owed FROM late GROUP BY supplier_id),
    page AS MATERIALIZED (SELECT late.id, sums.oldest, sums.owed FROM late JOIN sums USING (supplier_id)
        ORDER BY oldest, supplier_id, due_on, id LIMIT 50)
    SELECT p.id, p.reference, s.name, s.phone, p.due_on, '', NULL, page.owed, p.amount / 100.0, p.left_to_pay / 100.0
    FROM page JOIN payable p ON p.id = page.id JOIN supplier s ON s.id = p.supplier_id
    ORDER BY page.oldest, p.supplier_id, p.due_on, p.id"""

# The sums that stand above it: by state, and of all that is open.
_SUMS = """WITH open AS MATERIALIZED (SELECT CASE WHEN p.dispute IS NOT NULL THEN 'quiet' WHEN p.due_on < ?1
        THEN 'overdue' WHEN p.due_on <= date(?1, '+7 days') THEN 'soon' ELSE 'later' END AS state, p.left_to_pay,
        p.supplier_id FROM payable p WHERE p.left_to_pay > 0)
    SELECT state, SUM(left_to_pay), COUNT(*), COUNT(DISTINCT supplier_id) FROM open GROUP BY state
    UNION ALL SELECT '', SUM(left_to_pay), COUNT(*), COUNT(DISTINCT supplier_id) FROM open"""


def floor_app(path: Path) -> Any:
    """Flask, one connection to a thread, one question and a count to a page, tuples straight into the template."""
    import threading

    from flask import Flask, request

    app, kept = Flask("floor"), threading.local()
    template = app.jinja_env.from_string(_PAGE)

    def connection() -> Any:
        if not hasattr(kept, "connection"):
            kept.connection = floor.connect(path)
        return kept.connection

    @app.get("/livez")
    def livez() -> str:
        return "alive"

    @app.get("/products")
    def products() -> str:
        key, page = request.args.get("q", "").casefold(), request.args.get("page", 1, int)
        if key:
            rows = connection().execute(_SEARCH, (key,)).fetchall()
        elif page > 1:
            rows = connection().execute(_DEEP, ((page - 1) * 50,)).fetchall()
        else:
            rows = connection().execute(_FIRST).fetchall()
        total = connection().execute("SELECT count(*) FROM product").fetchone()[0]
        return template.render(rows=rows, total=total, kind="products")

    @app.get("/debts")
    def debts() -> str:
        rows = connection().execute(_DEBTS, (clock.today().isoformat(),)).fetchall()
        total = connection().execute(_SUMS, (clock.today().isoformat(),)).fetchall()
        return template.render(rows=rows, total=total, kind="debts")

    return app


def serve(which: str, data: Path, port: int) -> None:
    """Answer until this process is ended; both the same way, so that the server's own cost is in both."""
    import waitress

    config = Config(root=ROOT, data=data)
    app = create_app(config) if which == "ours" else floor_app(config.books)
    waitress.serve(app, listen=f"127.0.0.1:{port}", threads=4, ident=None)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
