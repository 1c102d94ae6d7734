"""Exchanges the books for a copy that is ready, so that a kill at any moment ends in the old or the new ones.

A plan is written down first (`data/restore-pending.json`); what follows are renames, each harmless twice. Whoever comes
next, the restore itself or the next start, carries the plan out from wherever it was left, or takes it back whole.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracker import clock, crashes
from tracker.config import Config
from tracker.errors import DataError
from tracker.files import flush_folder, private_folder, write_private
from tracker.ops import copies, examine, instance

SET = tuple(name + end for name in ("shop.sqlite3", "ops.sqlite3") for end in ("", "-wal", "-shm", "-journal"))


def incoming(config: Config) -> Path:
    """Where a copy is made ready: in the data folder, so that a rename is all that is left."""
    return config.data / "restore" / "shop.sqlite3"


def exchange(config: Config, name: str, lineage: int) -> Path:
    """Put the copy at `incoming` in the place of the books. Returns where the present files went.

    Raises DataError when the copy is not whole in its new place; then the files that were there are back. The caller
    holds the migrate lock and nobody has the books open.
    """
    aside = free_folder(config)
    ready = incoming(config)
    copies.flush(ready)
    plan = {
        "from": name,
        "sha256": copies.digest(ready),
        "aside": aside.name,
        "lineage": lineage,
        "present": [found for found in SET if (config.data / found).exists()],
    }
    _write_plan(config, plan)
    crashes.at("restore.planned")
    problem = finish_pending(config)
    if problem:
        raise DataError(problem)
    return aside


def finish_pending(config: Config) -> str:
    """Carry out the plan that was written down, from wherever a kill left it. Returns why it had to be taken back."""
    path = _plan_path(config)
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    problem = plan.get("problem") or _carry_out(config, plan)
    if problem:
        _write_plan(config, {**plan, "problem": problem})  # from here on it is only taken back
        crashes.at("restore.refused")
        _take_back(config, plan)
        problem += " The books that were here are back."
    instance.remember(config, None if problem else plan["lineage"])
    crashes.at("restore.checked")
    shutil.rmtree(incoming(config).parent, ignore_errors=True)
    path.unlink()
    flush_folder(config.data)
    return problem


def is_pending(config: Config) -> bool:
    return _plan_path(config).exists()


def tidy(config: Config) -> None:
    """Remove what a restore that was killed before its plan left half-made. Call under the migrate lock."""
    if not is_pending(config):
        shutil.rmtree(incoming(config).parent, ignore_errors=True)


def _plan_path(config: Config) -> Path:
    return config.data / "restore-pending.json"


def _write_plan(config: Config, plan: dict[str, Any]) -> None:
    write_private(_plan_path(config), json.dumps(plan).encode())


def _carry_out(config: Config, plan: dict[str, Any]) -> str:
    ready, aside = incoming(config), config.data / plan["aside"]
    if ready.exists():
        if copies.digest(ready) != plan["sha256"]:
            return f"{plan['from']} changed while it was being restored."
        _move(config.data, aside)
        crashes.at("restore.moved")
        os.replace(ready, config.books)
        flush_folder(config.data)
        crashes.at("restore.renamed")
    elif "shop.sqlite3" in plan["present"] and not (aside / "shop.sqlite3").exists():
        return f"{plan['from']} vanished while it was being restored."
    return "" if examine.look_live(config.books).is_good else f"{plan['from']} was not whole in its new place."


def free_folder(config: Config) -> Path:
    stem = f"replaced-{clock.local():%Y%m%d-%H%M%S}"
    place = 1
    while (config.data / (stem if place == 1 else f"{stem}-{place}")).exists():
        place += 1
    return config.data / (stem if place == 1 else f"{stem}-{place}")


def _move(data: Path, aside: Path) -> None:
    """Move the books and all that belongs to them; the books last, so that a kill half-way is seen."""
    private_folder(aside)
    for name in reversed(SET):
        if (data / name).exists():
            os.replace(data / name, aside / name)
            crashes.at(f"restore.moved.{name}")
    flush_folder(aside)
    flush_folder(data)


def _take_back(config: Config, plan: dict[str, Any]) -> None:
    """Every file that was here comes back, what came since goes; the books last, so that a kill half-way is seen."""
    aside = config.data / plan["aside"]
    for name in reversed(SET):
        if (aside / name).exists():
            os.replace(aside / name, config.data / name)
        elif name not in plan["present"]:
            (config.data / name).unlink(missing_ok=True)
        crashes.at(f"restore.back.{name}")
    with suppress(OSError):
        aside.rmdir()
    flush_folder(config.data)
