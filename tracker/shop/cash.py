"""The cash ledger: what is in the tills, at the bank and in mobile money, and every amount that came or went.

An account's balance is kept in the transaction of each entry. A till and a mobile-money account hold what they hold:
they never go below zero. A bank account may (an overdraft); the page says so. Manual entries are their own document:
the source of one is "cash:9", and the two rows of a transfer share the first one's.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

import peewee

from tracker import clock, db, text
from tracker.errors import NotFound, Refused
from tracker.money import ZERO, Money, positive
from tracker.shop import audit, request_keys

KINDS = {"till": "Till", "bank": "Bank", "mobile_money": "Mobile money"}


class CashAccount(db.Model):
    """A place where the shop's money lies."""

    name = peewee.TextField()
    name_key = peewee.TextField()
    kind = peewee.TextField()
    balance = db.MoneyField(default=0)
    position = peewee.IntegerField(default=0)
    created_at = db.InstantField()
    archived_at = db.InstantField(null=True)


class CashEntry(db.Model):
    """One amount in (+) or out (-), or the reversal of either."""

    account_id = peewee.IntegerField()
    at = db.InstantField()
    moved_on = db.DayField()
    kind = peewee.TextField()
    amount = db.MoneyField()
    source = peewee.TextField(default="")
    note = peewee.TextField(default="")
    user_id = peewee.IntegerField(null=True)
    reverses_id = peewee.IntegerField(null=True)


# --- accounts ---------------------------------------------------------------------------------------------------------


def add_account(name: str, kind: str, opening: Money = ZERO) -> CashAccount:
    """A new account with what is in it now. Raises Refused for a name that is taken, or an empty till below zero."""
    if kind not in KINDS:
        raise Refused("Choose till, bank or mobile money.", "kind")
    cleaned = text.line(name, "name", "name", text.NAME, required=True)
    with db.write():
        _refuse_same_name(cleaned)
        account = CashAccount.create(
            name=cleaned, name_key=text.key(cleaned), kind=kind, created_at=clock.now(),
            position=db.count(CashAccount.select()),
        )  # fmt: skip
        if opening:
            _post(account.id, "opening", opening, "", "Opening balance")
        audit.note("cash.add_account", f"cash_account:{account.id}", name=cleaned, kind=kind, opening=opening.plain())
    return account_of(account.id)


def rename(account_id: int, name: str) -> None:
    """Give an account another name."""
    cleaned = text.line(name, "name", "name", text.NAME, required=True)
    with db.write():
        before = account_of(account_id)
        _refuse_same_name(cleaned, but=account_id)
        CashAccount.update(name=cleaned, name_key=text.key(cleaned)).where(CashAccount.id == account_id).execute()
        audit.note("cash.rename", f"cash_account:{account_id}", was=before.name, now=cleaned)


def archive(account_id: int) -> None:
    """Put an empty account away; its entries stay in the book."""
    with db.write():
        account = account_of(account_id)
        if account.balance:
            raise Refused(f"{account.name} still holds {account.balance.with_currency()}. Transfer it first.")
        CashAccount.update(archived_at=clock.now()).where(CashAccount.id == account_id).execute()
        audit.note("cash.archive", f"cash_account:{account_id}", name=account.name)


def _refuse_same_name(name: str, but: int | None = None) -> None:
    same = CashAccount.get_or_none(CashAccount.name_key == text.key(name))
    if same and same.id != but:
        raise Refused(f"There is an account “{same.name}” already.", "name")


# --- postings ---------------------------------------------------------------------------------------------------------


def take(
    account_id: int, amount: Money, source: str = "", note: str = "", on: date | None = None, key: str = ""
) -> CashEntry:
    """Money comes into an account. The same key again returns the first entry."""
    return _once(key, account_id, "in", positive(amount), source, note, on)


def pay_out(
    account_id: int, amount: Money, source: str = "", note: str = "", on: date | None = None, key: str = ""
) -> CashEntry:
    """Money leaves an account. Raises Refused when a till or mobile-money account holds less."""
    return _once(key, account_id, "out", -positive(amount), source, note, on)


def transfer(
    from_id: int, to_id: int, amount: Money, note: str = "", on: date | None = None, key: str = ""
) -> CashEntry:
    """Money goes from one account to another: two entries with one source, voided together. Returns the first."""
    if from_id == to_id:
        raise Refused("Choose two different accounts.", "to_account")
    with db.write():
        before = request_keys.made(key, "cash")
        if before is not None:
            return entry(before)
        words = text.line(note, "note", "note") or f"{account_of(from_id).name} to {account_of(to_id).name}"
        first = _once(key, from_id, "out", -positive(amount), "", words, on)
        _post(to_id, "in", amount, first.source, words, on)
    return first


def reverse(source: str) -> int:
    """Post the opposite, today, of everything that this source posted and that stands; returns how many entries."""
    reversal = CashEntry.alias()
    undone = reversal.select(peewee.SQL("1")).where(reversal.reverses_id == CashEntry.id)
    mine = (CashEntry.source == source) & (CashEntry.source != "") & (CashEntry.kind != "reversal")
    with db.write():
        # What goes back into an account comes first, so that undoing a transfer does not stumble over an empty till.
        standing = list(CashEntry.select().where(mine & ~peewee.fn.EXISTS(undone)).order_by(CashEntry.amount))
        for row in standing:
            _post(row.account_id, "reversal", -row.amount, source, row.note, reverses=row.id)
    return len(standing)


def _once(key: str, account_id: int, kind: str, amount: Money, source: str, note: str, on: date | None) -> CashEntry:
    with db.write():
        before = request_keys.made(key, "cash")
        if before is not None:
            return entry(before)
        number = _post(account_id, kind, amount, source, text.line(note, "note", "note"), on)
        request_keys.keep_document(key, f"cash:{number}")
        return entry(number)


def _post(
    account_id: int,
    kind: str,
    amount: Money,
    source: str,
    note: str,
    on: date | None = None,
    reverses: int | None = None,
) -> int:
    account = account_of(account_id)
    if account.archived_at and not reverses:
        raise Refused(f"{account.name} is archived. Choose another account.", "account")
    if amount < ZERO and account.kind != "bank" and account.balance + amount < ZERO:
        raise Refused(f"{_named(account)} holds only {account.balance.with_currency()}.", "amount")
    # A row of its own document must know its number when it is written: ledger rows are never changed afterwards.
    number = db.rows("SELECT IFNULL(MAX(id), 0) + 1 FROM cash_entry")[0][0]
    CashEntry.insert(
        id=number, account_id=account_id, at=clock.now(), moved_on=on or clock.today(), kind=kind, amount=amount,
        source=source or f"cash:{number}", note=note, user_id=audit.actor().id, reverses_id=reverses,
    ).execute()  # fmt: skip
    CashAccount.update(balance=CashAccount.balance + amount.minor).where(CashAccount.id == account_id).execute()
    return int(number)


def _named(account: CashAccount) -> str:
    return "The till" if account.name_key == "till" else account.name


# --- questions --------------------------------------------------------------------------------------------------------


def account_of(account_id: int) -> CashAccount:
    """One account, archived or not. Raises NotFound."""
    found = CashAccount.get_or_none(CashAccount.id == account_id)
    if found is None:
        raise NotFound("There is no such account.", "account")
    return found


def entry(entry_id: int) -> CashEntry:
    """One entry. Raises NotFound."""
    found = CashEntry.get_or_none(CashEntry.id == entry_id)
    if found is None:
        raise NotFound("There is no such entry in the cash book.")
    return found


def balance(account_id: int) -> Money:
    """What an account holds now; below zero is an overdraft."""
    return account_of(account_id).balance


def balances(archived: bool = False) -> list[CashAccount]:
    """The accounts in their order, each with its balance; archived ones too when asked for."""
    query = CashAccount.select().order_by(CashAccount.position, CashAccount.id)
    return list(query if archived else query.where(CashAccount.archived_at.is_null()))


def total_held() -> Money:
    """All accounts together."""
    return db.total(CashAccount.select(peewee.fn.SUM(CashAccount.balance)))


def entries(account_id: int | None = None, before: int | None = None, limit: int = 50) -> list[CashEntry]:
    """The book, newest first; `before` is the last number of the page above (keyset paging)."""
    query = CashEntry.select().order_by(CashEntry.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(CashEntry.account_id == account_id)
    if before is not None:
        query = query.where(CashEntry.id < before)
    return list(query)


class BookRow(NamedTuple):
    """An entry as the cash book shows it."""

    id: int
    at: datetime
    moved_on: date
    account_id: int
    account: str
    kind: str
    amount: Money
    source: str
    note: str
    who: str
    is_voided: bool


_ROWS = """SELECT e.id, e.at, e.moved_on, e.account_id, a.name, e.kind, e.amount, e.source, e.note,
    COALESCE(u.name, 'Finance Tracker'), EXISTS (SELECT 1 FROM cash_entry r WHERE r.reverses_id = e.id)
    FROM cash_entry e JOIN cash_account a ON a.id = e.account_id LEFT JOIN user u ON u.id = e.user_id"""


def book(account_id: int | None = None, search: str = "", limit: int = -1, offset: int = 0) -> list[BookRow]:
    """The cash book, newest first, in one statement; `search` looks into the notes."""
    where, values = ["1"], list[Any]()
    if account_id is not None:
        where, values = ["e.account_id = ?"], [account_id]
    if search.strip():
        where.append("INSTR(LOWER(e.note), ?)")
        values.append(text.key(search))
    sql = f"{_ROWS} WHERE {' AND '.join(where)} ORDER BY e.id DESC LIMIT ? OFFSET ?"
    return [_row(found) for found in db.rows(sql, *values, limit, offset)]


def row_of(entry_id: int) -> BookRow:
    """One entry as the book shows it. Raises NotFound."""
    found = db.rows(f"{_ROWS} WHERE e.id = ?", entry_id)
    if not found:
        raise NotFound("There is no such entry in the cash book.")
    return _row(found[0])


def _row(r: tuple[Any, ...]) -> BookRow:
    at, moved_on = datetime.fromisoformat(r[1]), date.fromisoformat(r[2])
    return BookRow(r[0], at, moved_on, r[3], r[4], r[5], Money(r[6]), r[7], r[8], r[9], bool(r[10]))
