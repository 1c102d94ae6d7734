"""What goes out as a file: the columns that an import reads, and the ledgers for whoever wants to count again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tracker import db
from tracker.errors import NotFound, Refused
from tracker.files import write_private
from tracker.money import Money
from tracker.quantity import Quantity
from tracker.shop import sheets

_PIECE = 5_000  # rows of a ledger that are fetched at a time


class Export(NamedTuple):
    """A kind of file: its columns, and its rows typed as `sheets` writes them."""

    columns: Sequence[str]
    rows: Callable[[], Iterable[Sequence[Any]]]


def write(kind: str, path: Path) -> int:
    """Write the file whole or not at all; its ending decides, .csv or .xlsx. Returns how many rows. Raises Refused."""
    export = KINDS.get(kind)
    if export is None:
        raise NotFound(f"There is nothing to export named {kind}. There are: {', '.join(KINDS)}.")
    counter = _Counted(export.rows())
    if path.suffix.lower() == ".csv":
        out = io.StringIO(newline="")
        sheets.write_csv(out, export.columns, counter)
        content = out.getvalue().encode("utf-8-sig")
    elif path.suffix.lower() == ".xlsx":
        content = sheets.to_xlsx(kind, export.columns, counter)
    else:
        raise Refused("Name the file .csv or .xlsx.")
    try:
        write_private(path, content)
    except OSError as error:
        raise Refused(f"The file {path} can't be written: {error.strerror}.") from error
    return counter.number


class _Counted:
    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.rows, self.number = rows, 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self.rows:
            self.number += 1
            yield row


# --- what an import reads ---------------------------------------------------------------------------------------------


def _categories() -> Iterable[Sequence[Any]]:
    return db.rows("SELECT code, name, description FROM category ORDER BY id")


def _suppliers() -> Iterable[Sequence[Any]]:
    return db.rows("SELECT code, name, contact, phone, email, address, terms_days, notes FROM supplier ORDER BY id")


def _products() -> Iterator[Sequence[Any]]:
    found = db.rows(
        "SELECT p.sku, p.name, c.name, p.unit, p.barcode, p.cost, p.price, p.on_hand, p.reorder_level, "
        "p.reorder_quantity, p.on_order, s.name, p.archived_at IS NULL FROM product p "
        "LEFT JOIN category c ON c.id = p.category_id LEFT JOIN supplier s ON s.id = p.supplier_id ORDER BY p.id"
    )
    for sku, name, category, unit, barcode, cost, price, on_hand, level, usual, on_order, supplier, active in found:
        yield (
            sku, name, category, unit, barcode, Money(cost), Money(price), Quantity(on_hand), _some(Quantity, level),
            _some(Quantity, usual), Quantity(on_order), supplier, bool(active),
        )  # fmt: skip


def _debts() -> Iterator[Sequence[Any]]:
    """Every debt that was not voided, with what was paid of it by whatever means."""
    found = db.rows(
        "SELECT s.name, d.reference, d.issued_on, d.due_on, d.amount, d.amount - d.left_to_pay, d.note "
        "FROM payable d JOIN supplier s ON s.id = d.supplier_id WHERE d.voided_at IS NULL ORDER BY d.id"
    )
    for supplier, reference, issued_on, due_on, amount, paid, note in found:
        yield (supplier, reference, *_days(issued_on, due_on), Money(amount), Money(paid), note)


# --- the ledgers ------------------------------------------------------------------------------------------------------


def _stock_movements() -> Iterator[Sequence[Any]]:
    sql = (
        "SELECT m.id, m.at, m.moved_on, p.sku, p.name, m.kind, m.reason, m.quantity, m.value, m.source, m.note, u.name "
        "FROM stock_movement m JOIN product p ON p.id = m.product_id LEFT JOIN user u ON u.id = m.user_id"
    )
    for number, at, moved_on, sku, name, kind, reason, quantity, value, source, note, who in _in_pieces(sql, "m"):
        moment, money = datetime.fromisoformat(at), Money(value)
        yield number, moment, *_days(moved_on), sku, name, kind, reason, Quantity(quantity), money, source, note, who


def _payments() -> Iterator[Sequence[Any]]:
    sql = (
        "SELECT y.id, y.paid_on, s.name, a.name, y.amount, y.reference, y.note, u.name, "
        "EXISTS (SELECT 1 FROM void v WHERE v.document = 'payment:' || y.id) FROM payment y "
        "JOIN supplier s ON s.id = y.supplier_id JOIN cash_account a ON a.id = y.account_id "
        "LEFT JOIN user u ON u.id = y.user_id"
    )
    for _, paid_on, supplier, account, amount, reference, note, who, voided in _in_pieces(sql, "y"):
        yield *_days(paid_on), supplier, account, Money(amount), reference, note, who, bool(voided)


def _cash() -> Iterator[Sequence[Any]]:
    sql = (
        "SELECT e.id, e.at, e.moved_on, a.name, e.kind, e.amount, e.source, e.note, u.name FROM cash_entry e "
        "JOIN cash_account a ON a.id = e.account_id LEFT JOIN user u ON u.id = e.user_id"
    )
    for number, at, moved_on, account, kind, amount, source, note, who in _in_pieces(sql, "e"):
        yield number, datetime.fromisoformat(at), *_days(moved_on), account, kind, Money(amount), source, note, who


def _in_pieces(sql: str, table: str) -> Iterator[tuple[Any, ...]]:
    """A ledger's rows by number, a piece at a time: it may have a million. The number is the first column."""
    last = 0
    while found := db.rows(f"{sql} WHERE {table}.id > ? ORDER BY {table}.id LIMIT ?", last, _PIECE):
        yield from found
        last = found[-1][0]


def _days(*stored: str) -> list[date]:
    return [date.fromisoformat(one) for one in stored]


def _some(kind: Callable[[int], Any], stored: int | None) -> Any:
    return None if stored is None else kind(stored)


KINDS: dict[str, Export] = {
    "products": Export(
        ("sku", "name", "category", "unit", "barcode", "cost", "price", "on_hand", "reorder_level", "reorder_quantity",
         "on_order", "supplier", "active"), _products,
    ),
    "suppliers": Export(
        ("code", "name", "contact", "phone", "email", "address", "terms_days", "notes"), _suppliers,
    ),
    "categories": Export(("code", "name", "description"), _categories),
    "debts": Export(("supplier", "reference", "issued_on", "due_on", "amount", "paid", "notes"), _debts),
    "stock_movements": Export(
        ("number", "at", "date", "sku", "product", "kind", "reason", "quantity", "value", "source", "notes",
         "recorded_by"), _stock_movements,
    ),
    "payments": Export(
        ("date", "supplier", "account", "amount", "reference", "notes", "recorded_by", "voided"), _payments,
    ),
    "cash": Export(
        ("number", "at", "date", "account", "kind", "amount", "source", "notes", "recorded_by"), _cash,
    ),
}  # fmt: skip
