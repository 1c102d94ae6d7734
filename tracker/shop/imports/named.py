"""What has a code and a name, categories and suppliers: matched by code, else by name; added or changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracker import db, text
from tracker.shop.imports import bulk, lines
from tracker.shop.imports.lines import Line


class Known:
    """All there is of a table, by code and by name, as files and people name it."""

    def __init__(self, table: str) -> None:
        found = db.rows(f"SELECT id, code_key, name_key FROM {table}")
        self.by_code = {code: number for number, code, _ in found if code}
        self.by_name = {name: number for number, _, name in found}

    def find(self, name_or_code: str) -> int | None:
        """By code, else by name."""
        key = text.key(name_or_code)
        return self.by_code.get(key) or self.by_name.get(key)


def prepare(
    found: Sequence[Line], table: str, update: bool, checked: Callable[..., dict[str, Any]], fields: Sequence[str]
) -> None:
    """Decide what becomes of each row. Existing ones are skipped, or changed where their filled cells differ."""
    known, codes, names = Known(table), dict[str, int](), dict[str, int]()
    columns = ", ".join(fields)
    stored = {row[0]: dict(zip(fields, row[1:], strict=True)) for row in db.rows(f"SELECT id, {columns} FROM {table}")}
    for line in found:
        for name, value in line.values.items():
            line.columns |= line.attempt(name, checked, **{name: value}) or {}
        code, name = line.columns.get("code_key") or "", line.columns.get("name_key", "")
        lines.once(line, "code", code, codes, "code")
        lines.once(line, "name", name, names, "name")
        line.target = known.by_code.get(code) or known.by_name.get(name)
        if line.target is None and not name and not line.faults:
            line.fault("name", "Enter a name.")
        _refuse_taken(line, known, code, name)
        if line.faults or line.target is None:
            continue
        before = stored[line.target]
        changed = {key for key in fields if line.columns.get(key, before[key]) != before[key]}
        line.columns = {key: value for key, value in line.columns.items() if key.removesuffix("_key") in changed}
        line.state = lines.SKIP if not update else lines.UPDATE if changed else lines.SAME


def _refuse_taken(line: Line, known: Known, code: str, name: str) -> None:
    for field, number in (("code", known.by_code.get(code)), ("name", known.by_name.get(name))):
        if number is not None and number != line.target:
            line.fault(field, f"Another one has this {field} already.")


def book(found: Sequence[Line], table: str, defaults: dict[str, Any]) -> None:
    """Write what was decided: a new row has `defaults` where the file says nothing."""
    number = bulk.next_number(table)
    audits: list[tuple[str, str, dict[str, Any]]] = []
    added: list[tuple[Any, ...]] = []
    for line in found:
        if line.state == lines.NEW:
            line.target = number + len(added)
            added.append((line.target, *(defaults | line.columns).values()))
            audits.append((f"{table}.add", f"{table}:{line.target}", {"name": line.columns["name"]}))
        elif line.state == lines.UPDATE and line.target is not None:
            bulk.change(table, line.target, line.columns)
            told = {name: value for name, value in line.columns.items() if not name.endswith("_key")}
            audits.append((f"{table}.edit", f"{table}:{line.target}", told))
    bulk.insert(table, ("id", *defaults), added)
    bulk.note(audits)


def resolve(line: Line, field: str, known: Mapping[str, Known], kind: str) -> int | None:
    """The number of the supplier or category that the row names; a fault when there is none."""
    wanted = line.values.get(field)
    if wanted is None:
        return None
    number = known[kind].find(wanted)
    if number is None:
        more = {"supplier": "suppliers", "category": "categories"}[kind]
        shown = wanted if len(wanted) <= 60 else f"{wanted[:60]}…"
        line.fault(field, f"There is no {kind} “{shown}”. Import the {more} first, or add it by hand.")
    return number
