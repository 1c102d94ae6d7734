"""Texts that would be seen at work if any page, file or mail took them for more than text, and how they get in."""

from __future__ import annotations

import re
from typing import Any

from tracker import db

PLAIN = "Plain words"
HOSTILE = (
    '"><img src=x onerror=alert(1)>',
    "</title></script><script>alert(1)</script>",
    "' onmouseover=alert(1) style=color:red x='",
    "{{1337*7331}}${1337*7331}{0.__class__}%(x)s{%x%}",
    '=HYPERLINK("http://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "x\r\nBcc: victim@evil.example\r\n\r\nX",
    "javascript:alert(1)",
    "<!--<svg onload=alert(1)>",
    "&lt;img src=x onerror=alert(1)&gt;",
)
SUM_OF_ALL_EVIL = ("9801547", "<class '", "__class__ of")  # what the fourth becomes when somebody evaluates it


class Planter:
    """Types one text into every field that takes text, as the owner does on the pages."""

    def __init__(self, client: Any, till: int) -> None:
        self.client, self.till, self.number = client, till, 0
        self.pages: list[str] = []

    def send(self, path: str, **fields: Any) -> str:
        """A form that must be taken; returns where it led."""
        answer = self.client.send(path, **fields)
        assert answer.status_code == 303, f"{path} {fields}: {answer.status_code} {_said(answer.text)}"
        return str(answer.headers["Location"])

    def plant(self, word: str) -> None:
        self.number += 1
        mark = f"{self.number}"
        supplier = self.send(
            "/suppliers", name=f"{word} s{mark}"[:200], code=word[:50] + mark, contact=word, phone=word[:60],
            notes=word, address=word, email=f"s{mark}@kimani.example",
        )  # fmt: skip
        number = supplier.rpartition("/")[2]
        product = self.send(
            "/products", name=f"{word} p{mark}",
            sku=word[:50] + mark, barcode=word[:50] + mark,
            category=f"{word} c{mark}", unit=word[:30], unit_decimals="0",
            reorder_level="5", on_hand="9", cost="2", price="3", notes=word,
            supplier_id=number,
        )  # fmt: skip
        self.send(f"{product}/receive", quantity="2", unit_cost="2", note=word)
        self.send(f"{product}/count", counted="7", note=word)
        self.send(f"{product}/adjust", quantity="5", reason="damage", note=word)
        self.send(f"{product}/order", quantity="4", note=word)
        movement = db.rows("SELECT MAX(id) FROM stock_movement")[0][0]
        self.send(f"{product}/movements/{movement}/void", reason=word)
        self.send(f"{product}/adjust", quantity="5", reason="theft", note=word)
        debt = self._owe(number, word, mark)
        payment = self.send(
            f"/payments/new?supplier={number}", amount="1", account=self.till, paid_on="2026-01-05",
            reference=word[:60], note=word,
        )  # fmt: skip
        self.send(f"{payment}/void", reason=word)
        self.send("/cash/in", account=self.till, amount="50", note=word, moved_on="2026-01-05")
        entry = db.rows("SELECT MAX(id) FROM cash_entry")[0][0]
        self.send(f"/cash/entries/{entry}/void", reason=word)
        self.send("/cash/accounts", name=f"{word} a{mark}", kind="till", opening="1")
        account = db.rows("SELECT MAX(id) FROM cash_account")[0][0]
        self.send("/users", name=word, username=f"{word.replace('@', '')[:50]}{mark}", role="viewer")
        user = db.rows("SELECT MAX(id) FROM user")[0][0]
        self.pages += [
            supplier, f"{supplier}/edit", product, f"{product}/edit", f"{product}/receive", f"{product}/adjust",
            f"{product}/order",
            debt, payment, f"/payments/new?supplier={number}", f"/cash/entries/{entry}", f"/cash/accounts/{account}",
            f"/users/{user}", f"/debts?supplier={number}", f"/products?supplier={number}", f"/cash?account={account}",
        ]  # fmt: skip

    def _owe(self, supplier: str, word: str, mark: str) -> str:
        facts = {"issued_on": "2026-01-01", "due_on": "2026-01-02", "amount": "100"}
        contested = self.send("/debts", supplier=supplier, reference=f"{word[:50]}d{mark}", note=word, **facts)
        self.send(f"{contested}/dispute", dispute=word)
        self.pages.append(contested)
        return self.send("/debts", supplier=supplier, reference=f"{word[:50]}e{mark}", note=word, **facts)

    def plant_what_others_say(self, word: str, mail: int) -> None:
        """A mail server's answer, a job's error, a browser's name: none of it is typed by us."""
        said = "UPDATE mail SET state = 'failed', reply = ?, error = ?, subject = ?, to_name = ? WHERE id = ?"
        db.books.execute_sql(said, (word, word, word, word, mail))
        db.books.execute_sql(
            "INSERT INTO mail_attempt (mail_id, at, stage, result, words) VALUES (?, ?, 'connect', 'failed', ?)",
            (mail, "2026-11-23T08:00:00.000Z", word),
        )
        db.books.execute_sql(
            "INSERT INTO job_run (job, slot, trigger, state, due_at, created_at, ended_at, outcome, result, note,"
            " error, trace, asked_by) VALUES ('backup', ?, 'hand', 'failed', ?, ?, ?, 'failed', ?, ?, ?, ?, ?)",
            (f"s{self.number}", *["2026-11-23T08:00:00.000Z"] * 3, *[word] * 5),
        )
        run = db.rows("SELECT MAX(id) FROM job_run")[0][0]
        self.pages += [f"/health/mail/{mail}", f"/health/runs/{run}", "/health/jobs/backup", "/me"]


def _said(page: str) -> str:
    found = re.findall(r'class="[^"]*(?:error|summary|note-bad)[^"]*"[^>]*>(.*?)</', page, re.DOTALL)
    return " | ".join(" ".join(re.sub("<[^>]+>", " ", text).split()) for text in found)[:400]
