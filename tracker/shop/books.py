"""The check of the books: every invariant that the tables must hold, and the exact row that does not.

Source of the names I1 to I12: docs/decisions.md, "What must hold". Caches are compared with the sums of their ledgers,
ledgers with their reversals, voids with both. Whether the tables themselves are as a fresh install's is asked by
`tracker.ops.migrations.differences`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tracker import db
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import settings

LEDGERS = ("stock_movement", "cash_entry", "payable_entry", "audit", "void", "mail_attempt")  # their rows never change
_DOCUMENTS = {  # what a void or a form's key may name, and the table that holds it
    "payment": "payment",
    "payable": "payable",
    "cash": "cash_entry",
    "stock": "stock_movement",
    "incoming": "incoming",
    "product": "product",
    "supplier": "supplier",
}


@dataclass(frozen=True)
class Fault:
    """One thing in the books that can't be: which invariant, in words, and the row."""

    invariant: str
    sentence: str
    table: str
    row: int | None = None


Rows = Callable[..., list[tuple[Any, ...]]]


def verify(database: db.ThreadKeptDatabase = db.books, thorough: bool = True) -> list[Fault]:
    """Every fault in the books as they are at one moment; an empty list is a clean bill of health.

    `thorough` also lets SQLite read every page of the file (seconds for a large one); without it only sums are made.
    """

    def rows(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return db.rows(sql, *values, database=database)

    checks = [_stock, _on_order, _cash, _payables, _payments, _reversals, _voids, _request_keys, _mails, _triggers]
    if thorough:
        checks.insert(0, _file)
    with database.atomic():  # one snapshot: a sale between two questions must not look like a fault
        return [fault for check in checks for fault in check(rows)]


def figures(database: db.ThreadKeptDatabase = db.books) -> dict[str, int]:
    """Counts and sums (minor units, thousandths) that tell one state of the books from another, for copies."""
    counted = (
        "product",
        "supplier",
        "stock_movement",
        "payable",
        "payment",
        "cash_entry",
        "void",
        "user",
        "mail",
        "audit",
    )
    counts = ", ".join(f"(SELECT COUNT(*) FROM {table})" for table in counted)
    summed = {
        "stock_value": "SELECT IFNULL(SUM(stock_value), 0) FROM product",
        "owed": "SELECT IFNULL(SUM(left_to_pay), 0) FROM payable WHERE left_to_pay > 0",
        "cash": "SELECT IFNULL(SUM(balance), 0) FROM cash_account",
    }
    sums = ", ".join(f"({sql})" for sql in summed.values())
    values = db.rows(f"SELECT {counts}, {sums}", database=database)[0]
    return dict(zip([f"{table}_rows" for table in counted] + list(summed), values, strict=True))


# --- the file ---------------------------------------------------------------------------------------------------------


def _file(rows: Rows) -> Iterator[Fault]:
    for (words,) in rows("PRAGMA integrity_check(20)"):
        if words != "ok":
            yield Fault("I12", f"The file is damaged: {words}.", "sqlite_master")
    for table, row, parent, _ in rows("PRAGMA foreign_key_check"):
        yield Fault("I12", f"Row {row} of {table} points to a {parent} that does not exist.", table, row)


def _triggers(rows: Rows) -> Iterator[Fault]:
    there = {name for (name,) in rows("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    for table in LEDGERS:
        for verb in ("update", "delete"):
            if f"append_only_{table}_{verb}" not in there:
                words = "changed" if verb == "update" else "removed"
                yield Fault("I5", f"The guard that keeps rows of {table} from being {words} is missing.", table)


# --- I1: goods --------------------------------------------------------------------------------------------------------


def _stock(rows: Rows) -> Iterator[Fault]:
    sql = """SELECT p.id, p.sku, p.on_hand, IFNULL(m.quantity, 0), p.stock_value, IFNULL(m.value, 0)
        FROM product p LEFT JOIN (SELECT product_id, SUM(quantity) AS quantity, SUM(value) AS value
            FROM stock_movement GROUP BY product_id) m ON m.product_id = p.id
        WHERE p.on_hand <> IFNULL(m.quantity, 0) OR p.stock_value <> IFNULL(m.value, 0)
            OR (p.on_hand = 0 AND p.stock_value <> 0) OR (p.on_hand < 0 AND NOT ?)"""
    for row, sku, on_hand, moved, value, worth in rows(sql, settings.current().allow_negative_stock):
        if on_hand != moved:
            words = f"{sku}: {Quantity(on_hand)} on hand, but its movements add up to {Quantity(moved)}."
        elif value != worth:
            words = f"{sku}: its stock is worth {_money(value)}, but its movements add up to {_money(worth)}."
        elif on_hand < 0:
            words = f"{sku}: {Quantity(on_hand)} on hand, which is below zero."
        else:
            words = f"{sku}: nothing on hand, yet worth {_money(value)}."
        yield Fault("I1", words, "product", row)


def _on_order(rows: Rows) -> Iterator[Fault]:
    sql = """SELECT p.id, p.sku, p.on_order, IFNULL(i.rest, 0) FROM product p
        LEFT JOIN (SELECT product_id, SUM(quantity - arrived) AS rest FROM incoming WHERE closed_at IS NULL
            GROUP BY product_id) i ON i.product_id = p.id WHERE p.on_order <> IFNULL(i.rest, 0)"""
    for row, sku, kept, rest in rows(sql):
        words = f"{sku}: {Quantity(kept)} on order, but its open orders add up to {Quantity(rest)}."
        yield Fault("I1", words, "product", row)


# --- I3, I4: money ----------------------------------------------------------------------------------------------------


def _cash(rows: Rows) -> Iterator[Fault]:
    sql = """SELECT a.id, a.name, a.kind, a.balance, IFNULL(e.amount, 0) FROM cash_account a
        LEFT JOIN (SELECT account_id, SUM(amount) AS amount FROM cash_entry GROUP BY account_id) e
            ON e.account_id = a.id
        WHERE a.balance <> IFNULL(e.amount, 0) OR (a.balance < 0 AND a.kind <> 'bank')"""
    for row, name, _, balance, booked in rows(sql):
        if balance != booked:
            words = f"{name} shows {_money(balance)}, but its entries add up to {_money(booked)}."
        else:
            words = f"{name} holds {_money(balance)}, which is below zero."
        yield Fault("I4", words, "cash_account", row)


def _payables(rows: Rows) -> Iterator[Fault]:
    sql = """SELECT p.id, p.reference, s.name, p.amount, p.left_to_pay, p.voided_at IS NOT NULL,
            IFNULL(e.rest, 0), IFNULL(e.owed, 0)
        FROM payable p LEFT JOIN supplier s ON s.id = p.supplier_id
        LEFT JOIN (SELECT payable_id, SUM(amount) AS rest, SUM(amount) FILTER (WHERE kind = 'owe') AS owed
            FROM payable_entry GROUP BY payable_id) e ON e.payable_id = p.id
        WHERE p.left_to_pay <> IFNULL(e.rest, 0) OR p.amount <> IFNULL(e.owed, 0)
            OR p.left_to_pay NOT BETWEEN 0 AND p.amount OR (p.voided_at IS NOT NULL AND p.left_to_pay <> 0)"""
    for row, reference, supplier, amount, left, is_voided, rest, owed in rows(sql):
        name = f"{supplier} {reference}".strip()
        if amount != owed:
            words = f"{name}: the debt says {_money(amount)}, but {_money(owed)} was booked."
        elif left != rest:
            words = f"{name}: {_money(left)} left to pay, but its entries add up to {_money(rest)}."
        elif is_voided:
            words = f"{name}: voided, yet {_money(left)} is left to pay."
        else:
            words = f"{name}: {_money(left)} left to pay of {_money(amount)}, which can't be."
        yield Fault("I3", words, "payable", row)


def _payments(rows: Rows) -> Iterator[Fault]:
    sql = """SELECT p.id, p.amount,
            (SELECT IFNULL(-SUM(e.amount), 0) FROM payable_entry e
                WHERE e.source = 'payment:' || p.id AND e.source <> '' AND e.kind = 'settle') AS settled,
            (SELECT IFNULL(-SUM(c.amount), 0) FROM cash_entry c
                WHERE c.source = 'payment:' || p.id AND c.source <> '' AND c.kind = 'out') AS paid
        FROM payment p WHERE settled <> p.amount OR paid <> p.amount"""
    for row, amount, settled, paid in rows(sql):
        words = (
            f"Payment {row} of {_money(amount)} settled {_money(settled)} of debts and took {_money(paid)} out of cash."
        )
        yield Fault("I2", words, "payment", row)


# --- I5: reversals and voids ------------------------------------------------------------------------------------------

_POSTINGS = {  # ledger: (whose, what was posted)
    "stock_movement": ("product_id", ("quantity", "value")),
    "cash_entry": ("account_id", ("amount",)),
    "payable_entry": ("payable_id", ("amount",)),
}


def _reversals(rows: Rows) -> Iterator[Fault]:
    for table, (whose, amounts) in _POSTINGS.items():
        differing = " OR ".join(f"r.{amount} <> -o.{amount}" for amount in amounts)
        sql = f"""SELECT r.id, o.id FROM {table} r LEFT JOIN {table} o ON o.id = r.reverses_id
            WHERE r.reverses_id > 0
                AND (o.id IS NULL OR r.{whose} <> o.{whose} OR o.kind = 'reversal' OR {differing})"""
        for row, original in rows(sql):
            words = f"Row {row} of {table} is not the exact opposite of row {original}, which it takes back."
            yield Fault("I5", words, table, row)


def _voids(rows: Rows) -> Iterator[Fault]:
    for table in _POSTINGS:
        yield from _half_voided(rows, table)
    nothing = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {table} o JOIN {table} r ON r.reverses_id = o.id WHERE {_of_void(table)})"
        for table in _POSTINGS
    )
    for row, document in rows(f"SELECT v.id, v.document FROM void v WHERE {nothing}"):
        yield Fault("I5", f"{document} was voided, but nothing of it was taken back.", "void", row)
    sql = """SELECT v.id, v.document FROM void v
        WHERE NOT EXISTS (SELECT 1 FROM audit a WHERE a.subject = v.document AND a.action = 'void')"""
    for row, document in rows(sql):
        yield Fault("I11", f"{document} was voided, but the record does not say by whom.", "void", row)


def _half_voided(rows: Rows, table: str) -> Iterator[Fault]:
    # Residues are left out: one that a reversal itself posted stands for good.
    sql = f"""SELECT o.id, v.document FROM void v JOIN {table} o ON {_of_void(table)}
        LEFT JOIN {table} r ON r.reverses_id = o.id WHERE r.id IS NULL AND o.kind NOT IN ('reversal', 'residue')"""
    for row, document in rows(sql):
        yield Fault("I5", f"{document} was voided, but row {row} of {table} still stands.", table, row)
    own = "'stock:' || o.id" if table == "stock_movement" else "o.source"
    sql = f"""SELECT r.id, o.id FROM {table} r CROSS JOIN {table} o
        WHERE o.id = r.reverses_id AND r.reverses_id > 0
            AND NOT EXISTS (SELECT 1 FROM void v WHERE v.document IN (o.source, {own}))"""
    for row, original in rows(sql):
        yield Fault("I5", f"Row {row} of {table} takes back row {original}, but nothing was voided.", table, row)


def _of_void(table: str) -> str:
    """That row o was posted by the document of void v; a movement of goods may be its own document, "stock:55"."""
    by_source = f"SELECT id FROM {table} WHERE source = v.document AND source <> ''"
    if table == "stock_movement":
        by_source += " UNION ALL SELECT CAST(SUBSTR(v.document, 7) AS INTEGER) WHERE v.document GLOB 'stock:[0-9]*'"
    return f"o.id IN ({by_source})"


# --- I6, I9: keys and mails -------------------------------------------------------------------------------------------


def _request_keys(rows: Rows) -> Iterator[Fault]:
    for name, table in _DOCUMENTS.items():
        sql = f"""SELECT k.key, k.document FROM request_key k WHERE k.document GLOB '{name}:[0-9]*'
            AND NOT EXISTS (SELECT 1 FROM {table} t WHERE t.id = CAST(SUBSTR(k.document, ?) AS INTEGER))"""
        for key, document in rows(sql, len(name) + 2):
            yield Fault("I6", f"The form {key} made {document}, which does not exist.", "request_key")
    sql = """SELECT document, COUNT(*) FROM request_key
        WHERE document GLOB '[a-z]*:[0-9]*' GROUP BY document HAVING COUNT(*) > 1"""
    for document, count in rows(sql):
        yield Fault("I6", f"{document} was made by {count} forms.", "request_key")


def _mails(rows: Rows) -> Iterator[Fault]:
    sql = """SELECT id, state, stage, owner, sent_at FROM mail
        WHERE (state = 'sent' AND sent_at IS NULL) OR (state = 'sending' AND (stage IS NULL OR owner IS NULL))
            OR (state <> 'sending' AND stage IS NOT NULL)"""
    for row, state, stage, owner, _ in rows(sql):
        if state == "sent":
            words = f"Mail {row} counts as sent, but nobody noted when."
        elif state == "sending":
            words = f"Mail {row} is being sent, but by {owner or 'nobody'} at no known stage."
        else:
            words = f"Mail {row} is {state}, yet at the stage {stage}."
        yield Fault("I9", words, "mail", row)


def _money(minor: int) -> str:
    return Money(minor).with_currency()
