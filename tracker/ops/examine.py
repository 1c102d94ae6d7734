"""Looks at a database file, or makes a copy ready to be used, in a process of its own.

A broken or hostile file can at worst end that process. `python -m tracker.ops.examine look FILE` prints what it found
as JSON; `look-live` and `prepare` likewise.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import peewee

from tracker import clock, db
from tracker.config import ROOT
from tracker.errors import ShopError
from tracker.ops import migrations

PATIENCE = 120.0  # seconds; a 50 MB file takes less than 2
MEMORY = 2 << 30
LEDGERS = ("stock_movement", "cash_entry", "payable_entry", "audit", "mail_attempt")
PUT_BACK = "books.put_back"
HELD = "Not sent by itself: these books were put back from a copy, and it may have gone out already."


@dataclass(frozen=True)
class Report:
    """`kind`: whole, older, newer, empty, foreign, broken, wrong (does not add up). `problems` are sentences."""

    kind: str = "broken"
    problems: list[str] = field(default_factory=list)
    applied: list[str] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)  # the last row of each ledger
    last_at: str = ""  # when something was last booked
    journal: str = ""
    is_set_up: bool = False
    lineage: int = 0  # changes with each restore: what came before is not "newer" than what came after

    @property
    def is_good(self) -> bool:
        return self.kind in ("whole", "older")

    def is_behind(self, other: Report) -> bool:
        """Whether the other file continues these books: rows of a ledger that this one lacks, no restore in between."""
        return self.lineage == other.lineage and any(
            self.marks.get(table, 0) < mark for table, mark in other.marks.items()
        )


def look(path: Path) -> Report:
    """Examine a file that nobody writes any more. It is only read; a `-wal` beside it is not applied."""
    return _ask("look", path)


def look_live(path: Path) -> Report:
    """Examine the books as SQLite finds them, its own `-wal` applied."""
    return _ask("look-live", path)


def prepare(path: Path, words: str = "", is_running_copy: bool = False) -> Report:
    """Examine a private copy; if it is good, migrate it, hold what it would mail, and examine it again.

    `words` go into its record of changes.

    A copy of a running shop (`is_running_copy`) keeps its log-ins and schedules; only its mail is held.
    """
    return _ask("prepare-running" if is_running_copy else "prepare", path, words)


def _ask(what: str, path: Path, words: str = "") -> Report:
    command = [sys.executable, "-m", "tracker.ops.examine", what, str(path.resolve()), words, str(migrations.SCRIPTS)]
    environment = {**os.environ, "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Report(**json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return Report(problems=[f"Looking at {path.name} took longer than {PATIENCE:.0f} seconds."])
    except (ValueError, TypeError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return Report(problems=[f"{path.name} could not be looked at: {said[-1] if said else done.returncode}."])


# --- in the child ----------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    what, path, words = arguments[0], Path(arguments[1]), "".join(arguments[2:3])
    if arguments[3:]:
        migrations.SCRIPTS = Path(arguments[3])  # those of the process that asks
    _limit()
    try:
        report = _look(path, live=what not in ("look", "prepare"))
        if what.startswith("prepare") and report.is_good:
            db.close()
            _prepare(path, words, keep_running=what == "prepare-running")
            report = _look(path, live=True)
    except (peewee.DatabaseError, db.sqlite3.DatabaseError, ShopError) as error:
        report = Report(problems=[f"{path.name} can't be read: {error}."])
    finally:
        db.close()
    sys.stdout.write(json.dumps(asdict(report)))
    return 0


def _limit() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(PATIENCE), int(PATIENCE)))


def _open(path: Path, mode: str, query_only: bool) -> None:
    pragmas = [("trusted_schema", 0), ("cell_size_check", 1), ("query_only", int(query_only)), ("foreign_keys", 1)]
    db.books.init(f"{path.resolve().as_uri()}?{mode}", pragmas=pragmas, timeout=5, uri=True)


def _look(path: Path, live: bool) -> Report:
    _open(path, "mode=rw" if live else "mode=ro&immutable=1", query_only=True)
    tables = {name for (name,) in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables <= {migrations.HISTORY}:
        return Report("empty", [f"{path.name} is empty."])
    if not {migrations.HISTORY, "setting", "user"} <= tables:
        return Report("foreign", [f"{path.name} is not a Finance Tracker's database."])
    applied, known = migrations.applied(), migrations.names()
    if applied != known[: len(applied)]:
        return Report("newer", [f"{path.name} was written by a newer Finance Tracker ({applied[-1]})."], applied)
    differing = migrations.differences(upto=applied[-1])
    if differing:
        words = f"{path.name} has tables or triggers that Finance Tracker did not make: {', '.join(differing[:5])}."
        return Report("foreign", [words], applied)
    problems = _damage(path)
    if problems:
        return Report("broken", problems, applied)
    if applied != known:
        return Report("older", [], applied, *_progress())
    problems = _wrong_figures()
    return Report("wrong" if problems else "whole", problems, applied, *_progress())


def _damage(path: Path) -> list[str]:
    found = [str(row[0]) for row in db.rows("PRAGMA integrity_check(5)")]
    if found != ["ok"]:
        return [f"{path.name} is damaged: {' '.join(words.split())[:160]}." for words in found]
    broken = db.rows("PRAGMA foreign_key_check")
    return [f"{path.name}: {len(broken)} rows of {broken[0][0]} point to nothing."] if broken else []


def _wrong_figures() -> list[str]:
    from tracker.shop import books, settings  # only where figures are asked

    settings.load()
    return [fault.sentence for fault in books.verify(thorough=False)]


def _progress() -> tuple[dict[str, int], str, str, bool, int]:
    marks = {table: int(db.rows(f"SELECT coalesce(max(id), 0) FROM {table}")[0][0]) for table in LEDGERS}
    moments = [db.rows(f"SELECT at FROM {table} {_ours(table)} ORDER BY id DESC LIMIT 1") for table in LEDGERS]
    journal = str(db.rows("PRAGMA journal_mode")[0][0])
    is_set_up = bool(db.rows("SELECT 1 FROM setting WHERE key = 'is_set_up' AND value = '1'"))
    last_at = max((found[0][0] for found in moments if found), default="")
    return marks, last_at, journal, is_set_up, int(db.rows("PRAGMA user_version")[0][0])


def _ours(table: str) -> str:
    # That books were put back is no change of the shop's: it must not make them look newer than they are.
    return f"WHERE action <> '{PUT_BACK}'" if table == "audit" else ""


# --- making a copy ready ---------------------------------------------------------------------------------------------


def _prepare(path: Path, words: str, keep_running: bool) -> None:
    _open(path, "mode=rw", query_only=False)
    if not keep_running:
        migrations.bring_up()
        db.books.execute_sql(f"PRAGMA user_version = {secrets.randbits(31)}")
    now = db.instant_text(clock.now())
    with db.write():
        _hold_mail()
        if not keep_running:
            _end_what_ran(now)
        if words:
            from tracker.shop import audit

            audit.note(PUT_BACK, "books", words=words)
    db.close()


def _hold_mail() -> None:
    _do(
        "UPDATE mail SET state = 'held', stage = NULL, owner = NULL, error = ? WHERE state IN ('queued', 'sending')",
        HELD,
    )
    _do("DELETE FROM mail_pause")


def _end_what_ran(now: str) -> None:
    _do(
        "UPDATE job_run SET state = 'cancelled', owner = NULL, ended_at = ?, note = 'the books were put back'"
        " WHERE state IN ('queued', 'running')",
        now,
    )
    _do("UPDATE schedule SET seen_until = max(seen_until, ?)", now)
    _do("UPDATE session SET ended_at = ? WHERE ended_at IS NULL", now)
    _do("UPDATE one_time_link SET used_at = ? WHERE used_at IS NULL", now)


def _do(sql: str, *values: Any) -> None:
    db.books.execute_sql(sql, values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
