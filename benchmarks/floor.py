"""The twins in raw SQLite: the same work on the same file with the least that Python can do, no models, no types.

They are what ours is compared with, so they are written for speed alone; each takes a connection of its own.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from tracker import clock, db
from tracker.shop import books


def connect(path: Path) -> Any:
    """A connection with the books' own settings, outside of Peewee; statements commit by themselves."""
    connection = db.sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, timeout=5)
    for pragma in ("synchronous = FULL", "foreign_keys = 1", "cache_size = -16000", "temp_store = 2"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


# --- questions --------------------------------------------------------------------------------------------------------

LOW = """
SELECT p.id, p.sku, p.name, p.unit, p.on_hand, p.reorder_level, p.on_order, p.supplier_id, s.name,
    CASE WHEN p.on_order > 0 THEN
        (SELECT MIN(i.expected_on) FROM incoming i WHERE i.product_id = p.id AND i.closed_at IS NULL) END,
    CASE WHEN p.snoozed_until > :today THEN p.snoozed_until END, p.cost, s.phone,
    CASE WHEN p.on_hand + p.on_order > p.reorder_level THEN 0 ELSE
        MAX(IFNULL(p.reorder_quantity, 2 * p.reorder_level - p.on_hand) - p.on_order, 1000) END,
    CASE WHEN p.snoozed_until > :today THEN 'snoozed' WHEN p.on_hand + p.on_order > p.reorder_level THEN 'ordered'
        WHEN p.low_told_on < :today THEN 'still_low' ELSE 'new' END
FROM product p INDEXED BY product_low LEFT JOIN supplier s ON s.id = p.supplier_id
WHERE p.archived_at IS NULL AND p.on_hand <= p.reorder_level
ORDER BY s.name_key IS NULL, s.name_key, p.name_key, p.id"""

DUE = """
SELECT p.id, p.supplier_id, s.name, p.reference, p.due_on, p.amount, p.left_to_pay, s.phone,
    p.dispute IS NOT NULL OR IFNULL(p.snoozed_until > :today, 0) OR IFNULL(p.promised_on >= :today, 0),
    CAST(julianday(:today) - julianday(p.due_on) AS INTEGER)
FROM payable p CROSS JOIN supplier s
WHERE s.id = p.supplier_id AND p.left_to_pay > 0 AND p.due_on <= date(:today, '+7 days') ORDER BY p.due_on, p.id"""


def low_stock(connection: Any) -> list[tuple[Any, ...]]:
    return connection.execute(LOW, {"today": clock.today().isoformat()}).fetchall()  # type: ignore[no-any-return]


def due(connection: Any) -> list[tuple[Any, ...]]:
    return connection.execute(DUE, {"today": clock.today().isoformat()}).fetchall()  # type: ignore[no-any-return]


def unread(connection: Any, user: int) -> int:
    sql = "SELECT count(*) FROM (SELECT 1 FROM notification WHERE user_id = ? AND read_at IS NULL LIMIT 100)"
    return int(connection.execute(sql, (user,)).fetchone()[0])


# --- jobs -------------------------------------------------------------------------------------------------------------

_TELL = """INSERT INTO notification (user_id, kind, severity, subject, message, link, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, kind, subject) WHERE read_at IS NULL AND subject <> '' DO UPDATE SET
severity = excluded.severity, message = excluded.message, link = excluded.link, created_at = excluded.created_at"""


def reorder_job(connection: Any) -> None:
    """Ask, tell each admin of each new product, queue a mail to each, note who was told: three commits as ours."""
    run, now, today = _asked_and_claimed(connection, "reorder_alerts"), _now(), clock.today().isoformat()
    rows = low_stock(connection)
    parts: dict[str, list[Any]] = {name: [] for name in ("sold_out", "new", "still_low", "ordered", "later")}
    fresh = []
    for row in rows:
        number, sku, name, unit, on_hand, level, on_order, _, supplier, expected, snoozed, _, _, suggested, state = row
        part = {"snoozed": "later", "ordered": "ordered"}.get(state) or ("sold_out" if on_hand <= 0 else state)
        parts[part].append(
            {"id": number, "sku": sku, "name": name, "unit": unit, "on_hand": on_hand, "reorder_level": level,
             "on_order": on_order, "suggested": suggested, "supplier": supplier, "expected_on": expected,
             "snoozed_until": snoozed}
        )  # fmt: skip
        if state == "new":
            left = "is sold out" if on_hand <= 0 else f"is low: {on_hand // 1000} left, level {level // 1000}"
            words = f"{name} {left}. Order {suggested // 1000}{f' from {supplier}' if supplier else ''}."
            severity = "critical" if on_hand <= 0 else "warning"
            fresh.append((severity, f"product:{number}", words, f"/products/{number}", now))
    connection.execute("BEGIN IMMEDIATE")
    body = json.dumps({"today": today, "count": len(rows), **parts}, ensure_ascii=False)
    for user, person, address in _admins(connection):
        connection.executemany(_TELL, [(user, "reorder_alert", *notice) for notice in fresh])
        _mail(connection, run, "reorder_alert", user, person, address, body)
    ids = [(today, int(notice[1][8:])) for notice in fresh]
    connection.executemany("UPDATE product SET low_told_on = ? WHERE low_told_on IS NULL AND id = ?", ids)
    _finished(connection, run)


def debt_job(connection: Any) -> None:
    """Ask, group by supplier, tell each admin once, queue a mail with every line to each."""
    run, now, today = _asked_and_claimed(connection, "debt_reminders"), _now(), clock.today().isoformat()
    late: dict[int, dict[str, Any]] = {}
    soon, quiet, total, count, soon_total = [], 0, 0, 0, 0
    for number, supplier_id, supplier, reference, due_on, amount, left, phone, is_quiet, days in due(connection):
        if is_quiet:
            quiet += 1
        elif days > 0:
            group = late.get(supplier_id)
            if group is None:
                group = late[supplier_id] = {
                    "supplier": supplier, "supplier_id": supplier_id, "phone": phone, "total": 0, "debts": []
                }  # fmt: skip
            group["total"] += left
            group["debts"].append(
                {"id": number, "reference": reference, "amount": amount, "left": left, "due_on": due_on,
                 "days_late": days}
            )  # fmt: skip
            total += left
            count += 1
        else:
            soon.append({"supplier": supplier, "reference": reference, "left": left, "due_on": due_on})
            soon_total += left
    facts = {
        "today": today, "total": total, "count": count, "suppliers": list(late.values()), "due_soon_days": 7,
        "due_soon": soon, "due_soon_total": soon_total, "quiet_count": quiet,
    }  # fmt: skip
    body = json.dumps(facts, ensure_ascii=False)
    connection.execute("BEGIN IMMEDIATE")
    for user, person, address in _admins(connection):
        notice = ("warning", "overdue", f"{count} debts overdue", "/debts?state=overdue", now)
        connection.execute(_TELL, (user, "debt_reminder", *notice))
        _mail(connection, run, "debt_reminder", user, person, address, body)
    _finished(connection, run)


def _asked_and_claimed(connection: Any, job: str) -> int:
    now = _now()
    sql = "INSERT INTO job_run (job, trigger, state, due_at, created_at) VALUES (?, 'hand', 'queued', ?, ?)"
    run = int(connection.execute(sql, (job, now, now)).lastrowid)
    sql = "UPDATE job_run SET state = 'running', owner = 'floor', attempt = 1, started_at = ? WHERE id = ?"
    connection.execute(sql, (now, run))
    return run


def _finished(connection: Any, run: int) -> None:
    sql = "UPDATE job_run SET state = 'done', outcome = 'done', result = 'Done.', ended_at = ? WHERE id = ?"
    connection.execute(sql, (_now(), run))
    connection.execute("COMMIT")


def _admins(connection: Any) -> list[tuple[int, str, str]]:
    sql = "SELECT id, name, email FROM user WHERE role = 'admin' AND is_active = 1 ORDER BY id"
    return connection.execute(sql).fetchall()  # type: ignore[no-any-return]


def _mail(connection: Any, run: int, kind: str, user: int, person: str, address: str, body: str) -> None:
    now, key = _now(), f"{kind}:all:{clock.today()}:{user}"
    body = f'{{"person": {json.dumps(person)}, {body[1:]}'
    connection.execute(
        "INSERT INTO mail (key, kind, user_id, to_address, to_name, context, message_id, state, due_at, created_at,"
        " run_id) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
        (key, kind, user, address, person, body, f"<{secrets.token_hex(16)}@floor.invalid>", now, now, run),
    )


def _now() -> str:
    return db.instant_text(clock.now())


# --- copies -----------------------------------------------------------------------------------------------------------


def backup(connection: Any, target: Path) -> int:
    """VACUUM INTO, then the checks that a backup must pass, in this process. Returns the copy's size."""
    target.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(target),))
    copy = db.ThreadKeptDatabase()
    copy.init(f"{target.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        assert db.rows("PRAGMA integrity_check(5)", database=copy) == [("ok",)]
        assert not db.rows("PRAGMA foreign_key_check", database=copy)
        assert not books.verify(copy, thorough=False)
    finally:
        copy.close_all()
    with target.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    return target.stat().st_size
