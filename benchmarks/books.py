"""What the books and the jobs take: low stock, reminders, badges, a write, a mail, a backup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import floor
from benchmarks.measure import Operation
from tracker import clock, db
from tracker.config import Config
from tracker.jobs import runner
from tracker.mail import render
from tracker.ops import backups, job_runs
from tracker.shop import low_stock, notifications
from tracker.shop.low_stock import LowProduct


def operations(config: Config, scale: int) -> Iterator[Operation]:
    """Those of this module, on an open shop of this many products."""
    raw = floor.connect(config.books)
    yield Operation(
        "low-stock scan",
        lambda: low_stock.rows(clock.today()),
        lambda: floor.low_stock(raw),
        target=1.5,
        raw=raw,
        same=_same_low,
        pairs=25,
    )
    yield Operation(
        "reorder job",
        lambda: _run("reorder_alerts"),
        lambda: floor.reorder_job(raw),
        target=2.0,
        raw=raw,
        undo=lambda: undo(raw, "reorder_alert", "reorder_alerts"),
        outcome=lambda: _told(raw, "reorder_alert", "reorder_alerts"),
    )
    yield Operation(
        "debt reminder job",
        lambda: _run("debt_reminders"),
        lambda: floor.debt_job(raw),
        target=1.5,
        raw=raw,
        undo=lambda: undo(raw, "debt_reminder", "debt_reminders"),
        outcome=lambda: _told(raw, "debt_reminder", "debt_reminders"),
    )
    yield Operation(
        "unread badge",
        lambda: notifications.standing(1).unread,
        lambda: floor.unread(raw, 1),
        target=1.5,
        raw=raw,
        pairs=25,
        inner=50,
    )
    yield Operation("one write", _write, lambda: _raw_write(raw), target=2.0, raw=raw, pairs=25, inner=10)
    yield _mail()
    yield Operation(
        "backup, verified",
        lambda: _backup(config),
        lambda: floor.backup(raw, config.data / "floor.sqlite3"),
        target=1.3,
        pairs=3 if scale < 100_000 else 2,
        same=_same_size,
    )
    (config.data / "floor.sqlite3").unlink(missing_ok=True)
    raw.close()


# --- low stock --------------------------------------------------------------------------------------------------------


def _same_low(ours: list[LowProduct], theirs: list[tuple[Any, ...]]) -> None:
    def plain(row: LowProduct) -> tuple[Any, ...]:
        expected = row.expected_on.isoformat() if row.expected_on else None
        snoozed = row.snoozed_until.isoformat() if row.snoozed_until else None
        return (
            row.id, row.sku, row.name, row.unit, row.on_hand.thousandths, row.reorder_level.thousandths,
            row.on_order.thousandths, row.supplier_id, row.supplier, expected, snoozed, row.cost.minor, row.phone,
            row.suggested.thousandths, row.state,
        )  # fmt: skip

    assert [plain(row) for row in ours] == theirs
    assert theirs


# --- jobs -------------------------------------------------------------------------------------------------------------


def _run(job: str) -> None:
    run = runner.run_due("benchmark", job_runs.request(job).id)
    assert run is not None and run.outcome == "done", run and run.error


def _told(raw: Any, kind: str, job: str) -> tuple[Any, ...]:
    """What a run left in the books: notices, mails, how many products were told of, the run."""
    words = "message" if kind == "reorder_alert" else "'one line'"
    notices = raw.execute(
        f"SELECT user_id, severity, subject, {words}, link FROM notification"
        " WHERE kind = ? AND read_at IS NULL AND (subject GLOB 'product:*' OR subject = 'overdue')"
        " ORDER BY user_id, subject",
        (kind,),
    ).fetchall()
    mails = raw.execute("SELECT user_id, context FROM mail WHERE key GLOB ? ORDER BY id", (f"{kind}:*",)).fetchall()
    told = raw.execute("SELECT count(*) FROM product WHERE low_told_on = ?", (clock.today().isoformat(),)).fetchone()
    runs = raw.execute("SELECT count(*) FROM job_run WHERE job = ? AND state = 'done'", (job,)).fetchone()
    assert notices and mails
    return notices, [(user, json.loads(context)) for user, context in mails], told, runs


def undo(raw: Any, kind: str, job: str) -> None:
    """Take back what a run of this job told people."""
    raw.execute("BEGIN IMMEDIATE")
    raw.execute(
        "DELETE FROM notification WHERE kind = ? AND read_at IS NULL AND"
        " (subject GLOB 'product:*' OR subject = 'overdue')",
        (kind,),
    )
    raw.execute("DELETE FROM mail WHERE key GLOB ?", (f"{kind}:*",))
    raw.execute("DELETE FROM job_run WHERE job = ?", (job,))
    if kind == "reorder_alert":
        raw.execute("UPDATE product SET low_told_on = NULL WHERE low_told_on = ?", (clock.today().isoformat(),))
    raw.execute("COMMIT")


# --- a write, a mail, a backup ----------------------------------------------------------------------------------------

_CHANGE = "UPDATE user SET theme = CASE theme WHEN 'dark' THEN 'light' ELSE 'dark' END WHERE id = 1"


def _write() -> int:
    with db.write():
        return int(db.books.execute_sql(_CHANGE).rowcount)


def _raw_write(raw: Any) -> int:
    raw.execute("BEGIN IMMEDIATE")
    changed = raw.execute(_CHANGE).rowcount
    raw.execute("COMMIT")
    return int(changed)


def _mail() -> Operation:
    """The reminder of 1,000 debts; its floor is Jinja alone on the same compiled frames and the same prepared rows."""
    shop = render.ShopFacts.of("Mama Amina’s", "http://192.168.1.20:8000", "en_KE")
    debts = [
        {
            "id": n,
            "reference": f"INV-{n}",
            "amount": 5000 + n,
            "left": 5000 + n,
            "due_on": "2026-11-11",
            "days_late": 12,
        }
        for n in range(1000)
    ]
    context = {
        "person": "Amina", "today": "2026-11-23", "total": 6_000_000, "count": 1000, "due_soon_days": 7, "due_soon": [],
        "due_soon_total": 0, "quiet_count": 0,
        "suppliers": [
            {"supplier": f"Supplier {n}", "supplier_id": n, "phone": "0700", "total": 250_000,
             "debts": debts[n * 50 : n * 50 + 50]}
            for n in range(20)
        ],
    }  # fmt: skip
    prepared = render._prepared("debt_reminder", context, render.MOST_ROWS)
    values = render._with_formats({**prepared, "shop": shop, "reach": render._reach(shop)}, shop)

    def jinja_alone() -> tuple[str, str]:
        subject, _, text = render._text.get_template("debt_reminder.txt").render(values).partition("\n")
        subject = subject.removeprefix("Subject:").strip()
        html = render._html.get_template("debt_reminder").render({**values, "subject": subject})
        return text.lstrip("\n"), html

    def same(ours: render.Rendered, theirs: tuple[str, str]) -> None:
        assert (ours.text, ours.html) == theirs

    return Operation(
        "mail of 1,000 rows", lambda: render.render("debt_reminder", context, shop), jinja_alone, target=2.0, same=same
    )


def _backup(config: Config) -> int:
    path = backups.back_up(config)
    size = path.stat().st_size
    for left in (path, path.with_name(path.name + ".sha256")):
        left.unlink()
    return size


def _same_size(ours: int, theirs: int) -> None:
    assert ours == theirs, (ours, theirs)


def size_of(path: Path) -> float:
    """In MB."""
    return path.stat().st_size / 1e6
