"""Copies on the command line: `backup`, `backup list`, `backup verify [FILE]`, `restore FILE --yes`."""

from __future__ import annotations

import argparse
from typing import Any

from tracker import config as environment
from tracker.cli.output import complain, document, say, table
from tracker.cli.shop import open_shop


def register(add: Any) -> None:
    """`run.py backup …` and `run.py restore …`."""
    backup = add("backup", "make a checked copy of the books, list the copies, verify them", _backup, everyday=True)
    backup.add_argument("what", nargs="?", choices=("now", "list", "verify"), default="now")
    backup.add_argument("file", nargs="?", help="a name from the list, or a path (verify: the newest without one)")
    backup.add_argument("--json", action="store_true", help="print JSON")
    restore = add("restore", "put a backup in the place of the books; the shop must be stopped", _restore)
    restore.add_argument("file", help="a name from `backup list`, or a path")
    restore.add_argument("--yes", action="store_true", help="really replace the present books")


def _backup(arguments: argparse.Namespace) -> int:
    config = environment.load()
    return {"now": _now, "list": _list, "verify": _verify}[arguments.what](config, arguments)


def _now(config: environment.Config, arguments: argparse.Namespace) -> int:
    from tracker.ops import backups

    open_shop(config)
    path = backups.back_up(config, "by hand")
    problem = backups.second_folder_problem(config)
    if arguments.json:
        document({"file": str(path), "problem": problem})
    else:
        say(str(path))
    if problem:
        complain(problem)
    return 1 if problem else 0


def _list(config: environment.Config, arguments: argparse.Namespace) -> int:
    from tracker import clock
    from tracker.ops import backups, instance, snapshots

    clock.use(instance.zone(config))
    found = [("backup", one) for one in backups.listing(config)]
    found += [("snapshot", one) for one in snapshots.listing(config)]
    if arguments.json:
        document(
            [{"kind": kind, "file": str(one.path), "taken_at": one.taken_at, "bytes": one.size} for kind, one in found]
        )
    elif found:
        rows = [
            (kind, one.path.name, f"{clock.local(one.taken_at):%Y-%m-%d %H:%M}", f"{one.size / 1e6:.1f} MB")
            for kind, one in found
        ]
        table(rows, ("kind", "name", "taken", "size"))
    else:
        say("There are no backups yet. Make one: python3 run.py backup.")
    return 0


def _verify(config: environment.Config, arguments: argparse.Namespace) -> int:
    from tracker.errors import NotFound
    from tracker.ops import backups

    if arguments.file:
        path = backups.find(config, arguments.file)
    else:
        found = backups.listing(config)
        if not found:
            raise NotFound("There is no backup to verify. Make one: python3 run.py backup.")
        path = found[0].path
    verdict = backups.verify(path)
    if arguments.json:
        document(
            {"file": str(path), "ok": verdict.is_good, "problems": verdict.problems, "last_booked_at": verdict.last_at}
        )
    elif verdict.is_good:
        say(f"{path.name} is whole.")
    else:
        for problem in verdict.problems:
            complain(problem)
    return 0 if verdict.is_good else 1


def _restore(arguments: argparse.Namespace) -> int:
    from tracker.ops.restore import restore

    say(restore(environment.load(), arguments.file, arguments.yes))
    say("Start the shop: python3 run.py. Log in again; mail that was waiting is held under Health.")
    return 0
