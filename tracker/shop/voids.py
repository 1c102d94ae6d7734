"""Voids: a posted document is taken back once, today, with a reason, by the opposite posting in every ledger."""

from __future__ import annotations

import re
from collections.abc import Iterable

import peewee

from tracker import clock, db, text
from tracker.errors import NotFound, Refused
from tracker.shop import audit, cash, payables, stock


class Void(db.Model):
    """Which document was voided, why, when and by whom."""

    document = peewee.TextField()
    reason = peewee.TextField()
    voided_on = db.DayField()
    at = db.InstantField()
    user_id = peewee.IntegerField(null=True)


def void(document: str, reason: str) -> Void:
    """Void "payment:12", "payable:3", "stock:55" or "cash:9": each ledger posts the opposite of what it posted.

    Raises Refused when it is voided already, when there is no reason, or when a ledger says no (a debt that is partly
    paid, goods or money that are gone); NotFound when no ledger knows the document.
    """
    cleaned = text.line(reason, "reason", "reason", required=True)
    with db.write():
        before = of(document)
        if before:
            raise Refused(f"This was voided on {payables.short_day(before.voided_on)} already: {before.reason}")
        reversed_ = payables.reverse(document) + cash.reverse(document) + _reversed_stock(document, cleaned)
        if not reversed_:
            raise NotFound("There is nothing to void here. Was it made by another document? Void that one.")
        row = Void.create(
            document=document, reason=cleaned, voided_on=clock.today(), at=clock.now(), user_id=audit.actor().id
        )
        audit.note("void", document, reason=cleaned)
    return row


def _reversed_stock(document: str, reason: str) -> int:
    kind, _, number = document.partition(":")
    if kind == "stock" and number.isdecimal():  # a movement that no document made is its own
        source = stock.get_movement(int(number)).source
        if re.fullmatch("[a-z]+:[0-9]+", source) and source != document:
            raise Refused(f"This movement belongs to {source.replace(':', ' ')}. Void that one.")
        return len(stock.reverse(int(number), reason))
    posted = db.rows("SELECT 1 FROM stock_movement WHERE source = ? AND source <> '' LIMIT 1", document)
    return len(stock.reverse(document, reason)) if posted else 0


def of(document: str) -> Void | None:
    """The void of a document, if it was voided."""
    return Void.get_or_none(Void.document == document)


def among(documents: Iterable[str]) -> dict[str, Void]:
    """Those of these documents that were voided, in one statement."""
    wanted = list(documents)
    return {row.document: row for row in Void.select().where(Void.document.in_(wanted))} if wanted else {}
