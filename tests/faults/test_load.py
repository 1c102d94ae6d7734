"""A neglected shop: 5,000 debts due, 10,000 unread notices: seconds, and one mail a person (F31). Budget: 15 s."""

from __future__ import annotations

import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from flask import Flask

from tracker import clock, db
from tracker.jobs import runner
from tracker.ops import job_runs
from tracker.shop import books, notifications, settings, suppliers, users

DEBTS, NOTICES = 5_000, 10_000
MOST_SECONDS = 10.0  # of work; other tests may run beside this one


def neglect(people: dict[str, int]) -> None:
    """Debts of forty suppliers, late by up to a hundred days, and notices that nobody ever read."""
    now, today = db.instant_text(clock.now()), clock.today()
    owed = [suppliers.add(f"Supplier {number:02}").id for number in range(40)]
    with db.write():
        first = db.rows("SELECT IFNULL(MAX(id), 0) + 1 FROM payable")[0][0]
        debts, entries = [], []
        for number in range(first, first + DEBTS):
            due = (today - timedelta(days=1 + number % 100)).isoformat()
            debts.append((number, owed[number % 40], f"R{number}", f"r{number}", due, due, 1000, 1000, now))
            entries.append((number, now, due, 1000, f"payable:{number}"))
        run_many(
            "INSERT INTO payable (id, supplier_id, reference, reference_key, kind, issued_on, due_on, amount,"
            " left_to_pay, created_at) VALUES (?, ?, ?, ?, 'invoice', ?, ?, ?, ?, ?)",
            debts,
        )
        run_many(
            "INSERT INTO payable_entry (payable_id, at, moved_on, kind, amount, source) VALUES (?, ?, ?, 'owe', ?, ?)",
            entries,
        )
        notices = [
            (people["amina"], f"product:{n}", f"Product {n} is low.", f"/products/{n}", now) for n in range(NOTICES)
        ]
        run_many(
            "INSERT INTO notification (user_id, kind, severity, subject, message, link, created_at)"
            " VALUES (?, 'old_news', 'warning', ?, ?, ?, ?)",
            notices,
        )


def run_many(sql: str, rows: list[tuple[Any, ...]]) -> None:
    db.books.connection().executemany(sql, rows)


def test_a_neglected_shop_is_reminded_in_seconds_with_one_mail_each(
    app: Flask, shop: SimpleNamespace, amina: Any
) -> None:
    neglect(shop.people)
    settings.load()
    users.edit(shop.people["wanjiru"], email="wanjiru@shop.example")
    users.choose_notices(shop.people["wanjiru"], "everything")
    mails = db.rows("SELECT COUNT(*) FROM mail")[0][0]
    for job in ("debt_reminders", "reorder_alerts", "notification_cleanup", "books_check"):
        begun = time.process_time()
        ended = runner.run_due("me", job_runs.request(job).id)
        assert ended and ended.state == "done" and ended.outcome != "failed", ended and (ended.error or ended.result)
        assert time.process_time() - begun < MOST_SECONDS, job
    kinds = dict(db.rows("SELECT kind || ':' || to_address, COUNT(*) FROM mail WHERE id > ? GROUP BY 1", mails))
    assert kinds == {
        f"{kind}:{name}@shop.example": 1 for kind in ("debt_reminder", "reorder_alert") for name in ("amina", "wanjiru")
    }
    assert notifications.standing(shop.people["amina"]).unread == 100, "the bell counts to a hundred"
    assert db.rows("SELECT COUNT(*) FROM notification WHERE kind = 'old_news'") == [(NOTICES,)], "an unread one went"
    for path in ("/", "/debts", "/notifications", "/notifications?page=150", "/bell", "/health", "/payments/new"):
        begun = time.process_time()
        assert amina.get(path).status_code == 200, path
        assert time.process_time() - begun < 2, path
    assert amina.send("/notifications/read").status_code == 303
    assert notifications.standing(shop.people["amina"]).unread == 0 and books.verify() == []
