"""The newest good snapshot or backup takes the place of books that can't be used, and it is said what is lost."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tracker import clock, crashes
from tracker.config import Config
from tracker.errors import DataError
from tracker.files import private_folder
from tracker.ops import copies, examine, exchange, instance

LOOKED_AT = 8  # copies of each folder, at most: each costs a second in a large shop


def has_copies(config: Config) -> bool:
    return bool(copies.listed(config.snapshots) or copies.listed(config.backups))


def newest_good(config: Config, lineage: int) -> tuple[Path, examine.Report] | None:
    """The snapshot or backup with the latest booking in it, of the whole ones; those since the last restore first."""
    found = [good for folder in (config.snapshots, config.backups) if (good := _first_good(folder, lineage))]
    return max(found, key=lambda good: (good[1].lineage == lineage, good[1].last_at)) if found else None


def _first_good(folder: Path, lineage: int) -> tuple[Path, examine.Report] | None:
    first = None
    for path in copies.listed(folder)[:LOOKED_AT]:
        report = examine.look(path) if copies.is_intact(path) is not False else None
        if report and report.is_good:
            if report.lineage == lineage:
                return path, report
            first = first or (path, report)
    return first


def fall_back(config: Config, why: str) -> tuple[str, str]:
    """Put the newest good copy in the place of the books; what was here is set aside. Returns its name and the words.

    Raises DataError when there is no good copy; then everything is where it was.
    """
    known = instance.known(config)
    good = newest_good(config, known.lineage if known else 0)
    if good is None:
        raise DataError(
            f"The books can't be used: {why}. No good snapshot or backup lies in {config.data}. Bring one from your"
            " second folder and run: run.py restore FILE --yes."
        )
    source, _ = good
    written = _last_written(config)
    incoming = exchange.incoming(config)
    private_folder(incoming.parent)
    incoming.unlink(missing_ok=True)
    copies.plain_copy(source, incoming)
    prepared = examine.prepare(incoming, f"started from {source.name}: {why}")
    if prepared.kind != "whole":
        raise DataError(
            f"The books can't be used: {why}; and {source.name} could not be made ready. Run: run.py restore."
        )
    crashes.at("recovery.ready")
    aside = exchange.exchange(config, source.name, prepared.lineage)
    taken = copies.taken_at(source)
    words = f"{why[0].upper()}{why[1:]}. The shop goes on from {source.name}, taken {local(taken)}."
    words += f" {_lost(taken, written)}"
    words += (
        f" The files that were here lie in {aside.name}. Mail that was waiting is held, and everybody logs in again."
    )
    return source.name, words


def _last_written(config: Config) -> datetime | None:
    times = []
    for name in exchange.SET[:2]:
        with suppress(OSError):
            times.append((config.data / name).stat().st_mtime)
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _lost(taken: datetime, written: datetime | None) -> str:
    if written is None:
        return "What was booked after that is not in it: check the last payments and stock."
    minutes = max(0, -(-int((written - taken).total_seconds()) // 60))
    if not minutes:
        return "Nothing later is known to be missing."
    span = "1 minute" if minutes == 1 else f"{minutes} minutes"
    return f"Up to {span} of changes are missing: check the payments and stock since then."


def local(moment: datetime) -> str:
    return f"{clock.local(moment):%Y-%m-%d %H:%M:%S}"
