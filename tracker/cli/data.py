"""Data in and out on the command line: `import`, `export` and the demo shop."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker import config as environment
from tracker.cli.output import complain, document, say
from tracker.cli.shop import open_shop
from tracker.errors import Refused

if TYPE_CHECKING:
    from tracker.shop.imports import Outcome, Wish

ERRORS_SHOWN = 20


def register(add: Any) -> None:
    """`run.py import …`, `run.py export …` and `run.py demo …`."""
    bring = add("import", "bring in products, suppliers, categories or debts from a CSV or Excel file", _import, True)
    bring.add_argument("kind", metavar="products|suppliers|categories|debts")
    bring.add_argument("file", nargs="?", metavar="FILE")
    bring.add_argument("--dry-run", action="store_true", help="only say what would happen")
    bring.add_argument("--update", action="store_true", help="change what exists already, instead of skipping it")
    bring.add_argument("--skip-bad", action="store_true", help="bring in the good rows when there are bad ones")
    bring.add_argument("--map", action="append", default=[], metavar="field=column", help="which column is which field")
    bring.add_argument("--template", action="store_true", help="print the header of such a file")
    bring.add_argument("--json", action="store_true", help="print JSON")
    export = add("export", "write products, suppliers, debts, movements … to a CSV or Excel file", _export)
    export.add_argument("kind", metavar="products|suppliers|categories|debts|stock_movements|payments|cash")
    export.add_argument("-o", "--output", required=True, metavar="FILE", help="ends in .csv or .xlsx")
    demo = add("demo", "fill an empty shop with a demo shop, or take it away again", _demo)
    demo.add_argument("what", choices=("load", "remove"))


# --- import -----------------------------------------------------------------------------------------------------------


def _import(arguments: argparse.Namespace) -> int:
    from tracker.shop import imports
    from tracker.shop.imports import files

    if arguments.template:
        sys.stdout.write(imports.template(arguments.kind).replace("\r\n", "\n"))
        return 0
    imports.header(arguments.kind)  # a wrong kind is said before the file is read
    if not arguments.file:
        raise Refused(f"Name the file: run.py import {arguments.kind} FILE. --template prints its header.")
    # The file is read before the books are open: no open file of theirs may ever be opened a second time.
    sheet = files.read_path(_not_our_own(Path(arguments.file)))
    wish = imports.Wish(arguments.update, arguments.skip_bad, _mapping(arguments.map))
    open_shop()
    outcome = (imports.preview if arguments.dry_run else imports.book)(arguments.kind, sheet, wish)
    for note in outcome.notes:
        complain(note)
    if arguments.json:
        document(outcome.as_json())
    else:
        _tell(outcome, arguments.dry_run, wish)
    return 0 if outcome.is_good else 1


def _not_our_own(path: Path) -> Path:
    data = environment.load().data.resolve()
    if path.resolve().is_relative_to(data):
        raise Refused("A file inside the data folder can't be imported. Copy it somewhere else first.")
    return path


def _mapping(given: list[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, sign, column = one.partition("=")
        if not sign or not column.strip():
            raise Refused(f"Write --map field=column, not --map {one}.")
        found[name.strip()] = column.strip()
    return found


def _tell(outcome: Outcome, dry: bool, wish: Wish) -> None:
    found = outcome.as_json()
    for error in found["errors"][:ERRORS_SHOWN]:
        where = f"row {error['row']}" + (f", {error['column']}" if error["column"] else "")
        complain(f"{where}: {error['message']}")
    if len(found["errors"]) > ERRORS_SHOWN:
        complain(f"and {len(found['errors']) - ERRORS_SHOWN:,} more.")
    if not outcome.is_good:
        bad = outcome.count("bad")
        complain(
            f"{bad:,} of {found['rows']:,} rows can't come in, so nothing was booked. Mend them, or add --skip-bad."
        )
        return
    would = "would be " if dry else ""
    say(
        f"{found['rows']:,} rows: {found['added']:,} {would}added, {found['updated']:,} {would}changed, "
        f"{found['skipped']:,} {would}left out."
    )
    if outcome.count("skip") and not wish.update:
        say(f"{outcome.count('skip'):,} were there already; --update changes them.")


# --- export -----------------------------------------------------------------------------------------------------------


def _export(arguments: argparse.Namespace) -> int:
    from tracker.shop import exports

    open_shop()
    path = Path(arguments.output)
    number = exports.write(arguments.kind, path)
    say(f"{number:,} rows in {path}.")
    return 0


# --- the demo shop ----------------------------------------------------------------------------------------------------


def _demo(arguments: argparse.Namespace) -> int:
    from tracker.shop import demo

    open_shop()
    if arguments.what == "load":
        demo.load()
        say("The demo shop is filled. `run.py demo remove` takes it away again.")
    else:
        demo.remove()
        say("The demo shop is gone. People, settings and hours are as they were.")
    return 0
