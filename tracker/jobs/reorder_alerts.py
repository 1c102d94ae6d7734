"""The daily reorder alert: every product at or below its level once, in parts; in the app, and in one mail."""

from __future__ import annotations

from typing import Any

from tracker import clock
from tracker.jobs import audience
from tracker.ops.job_runs import Finish, JobRun, Work
from tracker.shop import low_stock, notifications, outbox, settings
from tracker.shop.low_stock import LowProduct
from tracker.shop.notifications import Notice

KIND = "reorder_alert"
# The parts of the mail, in its order. What is on its way or put off alone is no reason for a mail.
PARTS = ("sold_out", "new", "still_low", "ordered", "later")
QUIET = ("ordered", "later")


def run(run: JobRun) -> Finish:
    """Alert when something must be ordered: every day, or (a setting) only when something is new."""
    today = clock.today()
    rows = low_stock.rows(today)
    parts = _parts(rows)
    facts = context(parts)  # for everybody, and before the books are held

    def write() -> Work:
        urgent = [row for name in PARTS if name not in QUIET for row in parts[name]]
        if not urgent:
            return Work(_nothing(rows), "nothing")
        fresh = [row for row in urgent if row.state == "new"]
        if settings.current().reorder_mail == "news" and not fresh and not run.again:
            return Work(f"{_facts(rows)}. Nothing new since the last alert.", "nothing")
        already = outbox.of_day(KIND, "all")
        told = notifications.tell_all(
            KIND,
            [_notice(row) for row in fresh],
            lambda user: {"person": user.name, **facts},
            again=run.again,
            run_id=run.id,
        )
        low_stock.mark_told([row.id for row in fresh], today)
        return audience.work(KIND, told, already, _facts(rows), run.again)

    return write


def preview() -> dict[str, Any]:
    """What would go out now: the document of `run.py job reorder_alerts --preview --json`."""
    rows = [row for part in _parts(low_stock.rows(clock.today())).values() for row in part]
    return {
        "recipients": audience.recipients(KIND),
        "products": [
            {
                "sku": row.sku,
                "name": row.name,
                "on_hand": row.on_hand.plain(),
                "reorder_level": row.reorder_level.plain(),
                "on_order": row.on_order.plain(),
                "suggested": row.suggested.plain(),
                "supplier": row.supplier or "",
                "state": row.state,
            }
            for row in rows
        ],
        "sentence": _facts(rows) if any(row.state in ("new", "still_low") for row in rows) else _nothing(rows),
    }


def context(parts: dict[str, list[LowProduct]]) -> dict[str, Any]:
    """The mail's facts, plain JSON; the person's name comes in front."""
    listed = {name: [low_stock.context(row) for row in rows] for name, rows in parts.items()}
    count = sum(len(rows) for rows in parts.values())
    return {"today": clock.today().isoformat(), "count": count, **listed}


def _parts(rows: list[LowProduct]) -> dict[str, list[LowProduct]]:
    parts: dict[str, list[LowProduct]] = {name: [] for name in PARTS}
    for row in rows:
        parts[_part(row)].append(row)
    return parts


def _part(row: LowProduct) -> str:
    if row.state == "snoozed":
        return "later"
    if row.state == "ordered":
        return "ordered"
    return "sold_out" if row.on_hand.thousandths <= 0 else row.state


def _notice(row: LowProduct) -> Notice:
    is_out = row.on_hand.thousandths <= 0
    left = "is sold out" if is_out else f"is low: {row.on_hand.with_unit(row.unit)} left, level {row.reorder_level}"
    whom = f" from {row.supplier.rstrip('.')}" if row.supplier else ""
    message = f"{row.name} {left}. Order {row.suggested.with_unit(row.unit)}{whom}."
    return Notice(f"product:{row.id}", message, f"/products/{row.id}", "critical" if is_out else "warning")


def _facts(rows: list[LowProduct]) -> str:
    order = sum(row.state in ("new", "still_low") for row in rows)
    rest = len(rows) - order
    words = f"{order} product{'s' if order != 1 else ''} to order"
    return f"{words}, {rest} already ordered or put off" if rest else words


def _nothing(rows: list[LowProduct]) -> str:
    return f"Nothing to order: {len(rows)} low, all ordered or put off." if rows else "Nothing is low."
