"""A seeded vandal: asks every route with every method as everybody, with values that nobody should ever send."""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_from_bytes, urlencode, urlsplit

from bs4 import BeautifulSoup
from flask import Flask

from tests.security.conftest import dump
from tests.web.conftest import Browser
from tracker import db
from tracker.shop import sessions
from tracker.web.security import login_cookie

HERE = "http://localhost:8000"
SLOWEST = 5.0  # seconds of work for one answer
METHODS = ("GET", "POST", "POST", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
IDS = (
    "0", "-1", "1", "2", "999999", str(2**31), str(2**63 - 1), str(2**63), "9" * 400, "9" * 5000, "1.0", "1e3", "x",
    "%00", "%ED%A0%80", "..%2f..%2fetc%2fpasswd", "٣", "²", " 1", "1;DROP TABLE product", "debts", "backup",
    "debt_reminders", "worker", "web", "products", "in",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "-1", "1", "0.001", "0.0001", "1,5", "1.234,50", "1 000", "1e9", "1E400", "NaN", "nan", "Infinity",
    "-inf", "0x10", "٣٤", "１２", "²", "½", str(10**12 - 1), str(10**12 + 1), str(10**13), str(2**63 - 1), str(2**63),
    str(-(2**63)), "9" * 40, "9" * 5000, "KES 5", "5 KES", "+", "-", ".", ",", "--1", "1-", "١٬٢٣٤٫٥٠",
)  # fmt: skip
DAYS = (
    "0000-00-00", "0001-01-01", "1989-12-31", "2026-02-30", "2026-11-23", "2200-12-31", "9999-12-31", "10000-01-01",
    "-2026-01-01", "23.11.2026", "11/23/2026", "2026-W48-1", "20261123", "٢٠٢٦-١١-٢٣", "now", "24:00", "99:99",
)  # fmt: skip
TEXTS = (
    "", " ", "\t\r\n", "\0", "a\0b", "\u202etxt.exe\u2066", "\u200b", "\ufeff", "\u3164", "e\u0301" * 90,
    "a" + "\u0301" * 150, "👩‍👩‍👧‍👦" * 20, "مرحبا " * 30, "\u2028\u2029", "x" * 201, "x" * 2001, "x" * 100_000,
    "\r\nX-Evil: 1", "\r\n.\r\nMAIL FROM:<x@y.z>", '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>", "{{7*7}}", "{0.__class__}", "${7*7}", "%s%n%d", "' OR 1=1 --",
    "'; DROP TABLE product; --", "../../etc/passwd", "C:\\con", "\\\\host\\share", "/dev/zero", "file:///etc/passwd",
    "javascript:alert(1)", "http://[", "//evil", "=1+1", "a@b", "a@[::1]", "@", "null", "true", "[]", "{}", '{"a":1}',
    "\ud800", "\udcff", "\U0010ffff", "* * * * *", "0 0 30 2 *", "*/0 * * * *", "0 0 29 2 1#5", "L L L L L",
    "1-99999 * * * *", "@daily",
)  # fmt: skip
QUERY = (
    "q", "sort", "dir", "page", "size", "format", "state", "show", "supplier", "category", "account", "debt",
    "before", "next", "kind", "name", "barcode", "country", "update", "column-name", "v",
)  # fmt: skip
EXTRA = (
    "role", "id", "is_active", "balance", "on_hand", "created_at", "user_id", "csrf_token", "newest", "days", "back",
    "only", "quantity-1", "quantity-99999999999999999999", "quantity-x", "part-1", "part-²", "theme", "reason",
    "another", "look", "again", "file", "request_key", "form_name",
)  # fmt: skip
WORDS = {
    "Origin": ("null", "http://[", "http://evil.example", "http://localhost:8000", "http://localhost:99999", "::", " "),
    "Referer": ("http://[", "http://localhost:8000/\udcff", "//", "http://localhost:8000//evil", "x" * 5000, "http://]["),
    "Cookie": ("shop=x", "ft_session=" + "a" * 5000, "theme=\x01", "=;=;", "ft_session=\udcff", "shop=.eJ; shop=.eJ"),
    "Content-Type": ("application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=",
                     "application/x-www-form-urlencoded; charset=utf-16", "multipart/form-data; boundary=\"\xff\""),
    "HX-Request": ("true", "yes"), "HX-History-Restore-Request": ("true",), "X-Poll": ("1",), "HX-Target": ("x" * 999,),
    "X-CSRFToken": ("x", "", "é", "a.b.c"), "X-HTTP-Method-Override": ("DELETE",), "Accept-Language": ("x" * 3000, "*"),
    "X-Forwarded-For": ("1.2.3.4, x", "::1"), "X-Forwarded-Host": ("evil.example",), "Forwarded": ("for=x;host=evil",),
    "Range": ("bytes=0-,1-2", "bytes=-99999999999999999999"), "If-None-Match": ('"', "*"),
    "User-Agent": ("", "\xff" * 999, "<script>alert(1)</script>"),
    "If-Modified-Since": ("Thu, 99 Foo 99999 99:99:99 GMT", "0"), "Authorization": ("Basic =", "Digest x"),
    "Host": ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", "1.2.3.4:0"),
    "Accept": ("application/json", "\xff"), "Content-Encoding": ("gzip",), "Cache-Control": ("max-age=x",),
    "Content-Length": ("-1", "x", "99999999999", "0"), "Transfer-Encoding": ("chunked", "x"),
}  # fmt: skip
# What would end the game for everybody, or only slow it down: asked without a token alone.
SPARED = re.compile(r"/demo|/log(in|out)|/me/(password|sessions)|/settings/mail/test|/setup/mail/test")
NO_CHANGE = {"login_failure", "session"}  # a refused try may be counted; being seen may be noted


@dataclass
class Form:
    """A form of a page: where it goes and what stands in it."""

    action: str
    fields: list[tuple[str, str]]


@dataclass
class Walker:
    """Sends requests and keeps what went wrong."""

    app: Flask
    shop: SimpleNamespace
    rng: random.Random
    clients: dict[str, Browser] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    codes: dict[int, int] = field(default_factory=dict)

    def start(self) -> None:
        for name in (*self.shop.people, "zawadi"):
            self.sign_in(name)
        self.forms = list(self._gather())
        self._state, self._changes = dump(), self._counter()
        self._log = _Incidents()
        logging.getLogger("tracker.web.errors").addHandler(self._log)
        logging.getLogger("tracker.web.chrome").addHandler(self._log)

    def sign_in(self, name: str) -> None:
        client = self.app.test_client()
        if name in self.shop.people:
            client.set_cookie(login_cookie(self.app), sessions.start(self.shop.people[name]), domain="localhost")
        self.clients[name] = client  # type: ignore[assignment]
        self.tokens[name] = client.token  # type: ignore[attr-defined]

    def _gather(self) -> Any:
        """All forms that the owner meets, from every page that can be opened."""
        seen = set()
        for path in pages(self.app, self.shop):
            page = BeautifulSoup(self.clients["amina"].get(path).text, "html.parser")
            for form in page.find_all("form", method=re.compile("post", re.I)):
                action = str(form.get("action") or path)
                names = [
                    (str(one["name"]), _value(one)) for one in form.select("[name]") if one["name"] != "csrf_token"
                ]
                key = (re.sub(r"\d+", "1", action), tuple(sorted({name for name, _ in names})))
                if key not in seen and not SPARED.search(action):
                    seen.add(key)
                    yield Form(action, names)

    # --- one step -----------------------------------------------------------------------------------------------------

    def step(self) -> None:
        who = self.rng.choice(("amina", "amina", "wanjiru", "juma", "vera", "zawadi"))
        if self.rng.random() < 0.5 and self.forms:
            form = self.rng.choice(self.forms)
            fields = self._spoilt(form.fields)
            fields.append(("csrf_token", self.tokens[who]))
            self.send(who, "POST", form.action, fields, self._headers(0.15))
            return
        rule = self.rng.choice(self._rules)
        method = self.rng.choice(METHODS)
        fields = (
            [] if method == "GET" else [(self.rng.choice(EXTRA), self._bad()) for _ in range(self.rng.randint(0, 4))]
        )
        if method != "GET" and self.rng.random() < 0.8 and not SPARED.match(rule):
            fields.append(("csrf_token", self.tokens[who]))
        path = self._path(rule) + self._query()
        self.send(who, method, path, fields, self._headers(0.3))

    @property
    def _rules(self) -> list[str]:
        return [rule.rule for rule in self.app.url_map.iter_rules()]

    def _spoilt(self, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """A form as a page sends it, with one to three things wrong, or nothing at all."""
        sent = list(fields)
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 3))):
            if not sent:
                break
            at = self.rng.randrange(len(sent))
            name = sent[at][0]
            do = self.rng.random()
            if do < 0.7:
                sent[at] = (name, self._bad())
            elif do < 0.8:
                del sent[at]
            elif do < 0.9:
                sent.insert(at, (name, self._bad()))
            else:
                sent.append((self.rng.choice(EXTRA), self._bad()))
        return sent

    def _bad(self) -> str:
        return self.rng.choice(self.rng.choice((NUMBERS, NUMBERS, DAYS, TEXTS, TEXTS, IDS)))

    def _path(self, rule: str) -> str:
        def part(match: re.Match[str]) -> str:
            return _encoded(self.rng.choice(("1", "2")) if self.rng.random() < 0.4 else self.rng.choice(IDS))

        return re.sub(r"<[^>]+>", part, rule)

    def _query(self) -> str:
        if self.rng.random() < 0.4:
            return ""
        good = {"format": ("csv", "xlsx"), "sort": ("name", "due", "owed"), "dir": ("desc",), "page": ("2", "100000")}
        pairs = []
        for _ in range(self.rng.randint(1, 4)):
            name = self.rng.choice(QUERY)
            value = self.rng.choice(good[name]) if name in good and self.rng.random() < 0.5 else self._bad()
            pairs.append((name, value[:20_000]))
        return "?" + _form(pairs)

    def _headers(self, share: float) -> dict[str, str]:
        sent = {"Origin": HERE}
        while self.rng.random() < share:
            name = self.rng.choice(list(WORDS))
            sent[name] = self.rng.choice(WORDS[name])
        return sent

    # --- sending and judging ------------------------------------------------------------------------------------------

    def send(self, who: str, method: str, path: str, fields: list[tuple[str, str]], headers: dict[str, str]) -> None:
        content: dict[str, Any] = {"data": _form(fields), "content_type": "application/x-www-form-urlencoded"}
        if method == "GET":
            content = {}
        elif "Content-Type" in headers:
            content["content_type"] = headers.pop("Content-Type")
        told = f"{who} {method} {path[:150]!r} {[(n, v[:60]) for n, v in fields if n != 'csrf_token']} {headers}"
        headers = {name: value.encode("utf-8", "surrogateescape").decode("latin-1") for name, value in headers.items()}
        base = f"http://{headers.pop('Host')}" if "Host" in headers else HERE
        begun = time.process_time()  # not the wall clock: other tests may run beside this one
        try:
            answer = self.clients[who].open(path, method=method, headers=headers, base_url=base, **content)
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error} at {told}")
            return
        self._judge(answer, time.process_time() - begun, told, who)

    def _judge(self, answer: Any, seconds: float, told: str, who: str) -> None:
        code = answer.status_code
        self.codes[code] = self.codes.get(code, 0) + 1
        size = len(answer.data)
        if (code >= 500 and "/healthz" not in told) or self._log.said:
            self.wrong.append(f"{code}: {told}\n    {' | '.join(self._log.said)}")
            self._log.said.clear()
        if seconds > SLOWEST:
            self.wrong.append(f"{seconds:.1f} s ({size} bytes): {told}")
        self.wrong += [f"{words}: {told}" for words in unsafe_headers(answer)]
        if b"Traceback (most recent" in answer.get_data():
            self.wrong.append(f"a traceback: {told}")
        if self._counter() != self._changes:
            self._compare(code, told)
        if code in (302, 303) and "/login" in answer.headers.get("Location", "") and who != "zawadi":
            self.sign_in(who)
            self._compare(200, told)

    def _compare(self, code: int, told: str) -> None:
        before, self._state = self._state, dump()
        changed = [t for t in before if before[t] != self._state[t] and t not in NO_CHANGE]
        if code >= 400 and changed:
            self.wrong.append(f"{code} changed {changed}: {told}")
        if "user" in changed:  # somebody was disabled or degraded: all play on as who they were
            for name, user_id in self.shop.people.items():
                role = {"amina": "admin", "wanjiru": "manager", "juma": "cashier", "vera": "viewer"}[name]
                db.books.execute_sql("UPDATE user SET is_active = 1, role = ? WHERE id = ?", (role, user_id))
            self._state = dump()
        self._changes = self._counter()

    @staticmethod
    def _counter() -> int:
        return int(db.rows("SELECT total_changes()")[0][0])


class _Incidents(logging.Handler):
    """What the program logged about itself while it answered."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            error, trace = record.exc_info[1], record.exc_info[2]
            while trace and trace.tb_next:
                trace = trace.tb_next
            where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
            self.said.append(f"{type(error).__name__}: {str(error)[:200]} at {where}")


def unsafe_headers(answer: Any) -> list[str]:
    """What is missing or wrong around an answer, whatever it says."""
    headers, found = answer.headers, []
    place = urlsplit(headers.get("Location", ""))
    if place.netloc not in ("", urlsplit(answer.request.host_url).netloc) or place.path.startswith(("//", "/\\")):
        found.append(f"leads away to {headers['Location']}")
    if "'none'" not in headers.get("Content-Security-Policy", "") or headers.get("X-Content-Type-Options") != "nosniff":
        found.append("lacks the safe headers")
    if headers.get("Cache-Control") != "no-store" and not answer.request.path.startswith("/static/"):
        found.append("may be stored")
    if (
        answer.data
        and "charset" not in headers.get("Content-Type", "")
        and headers.get("Content-Type", "")[:5] == "text/"
    ):
        found.append(f"says no charset: {headers.get('Content-Type')}")
    for cookie in headers.getlist("Set-Cookie"):
        if not ("HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and "Domain" not in cookie):
            found.append(f"sets the cookie {cookie[:60]}")
        if len(cookie) > 4096:
            found.append(f"sets a cookie of {len(cookie)} bytes")
    found += [
        f"carries the header {name}" for name, _ in headers if name.lower() in ("x-evil", "server", "x-powered-by")
    ]
    return found


def pages(app: Flask, shop: SimpleNamespace) -> list[str]:
    """An address that exists for every page of the program."""
    known = {"movement_id": shop.movement, "order_id": shop.order, "user_id": shop.people["juma"], "mail_id": shop.mail}
    number = {"/debts": shop.debt, "/payments": shop.payment, "/cash/accounts": shop.till, "/cash/entries": shop.entry}
    found = []
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        first = next((value for start, value in number.items() if rule.rule.startswith(start)), 1)
        chosen = {**known, "number": first, "job": "debt_reminders", "kind": "products", "way": "in", "name": "worker"}

        def part(match: re.Match[str], chosen: dict[str, Any] = chosen) -> str:
            return str(chosen.get(match[1].rpartition(":")[2], 1))

        found.append(re.sub(r"<([^>]+)>", part, rule.rule))
    return found


def _value(one: Any) -> str:
    if one.name == "select":
        chosen = one.select_one("option[selected]") or one.select_one("option[value]:not([value=''])")
        return str(chosen["value"]) if chosen else ""
    return str(one.get("value") or (one.text if one.name in ("textarea", "button") else "") or "1")


def _form(pairs: list[tuple[str, str]]) -> str:
    return urlencode([(_bytes(name), _bytes(value)) for name, value in pairs])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _encoded(text: str) -> str:
    return text if "%" in text else quote_from_bytes(_bytes(text))
