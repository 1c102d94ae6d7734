"""The command line: one parser, one place where what went wrong becomes a sentence and an exit code.

A group of commands is a module of this package with `register(add)`; its name stands in MODULES as soon as it exists.
A module imports what it needs inside its functions, so that `run.py status` does not wait for Flask.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn, Protocol

from tracker import __version__
from tracker.cli.output import complain
from tracker.errors import Busy, Misconfigured, NotFound, ShopError

Run = Callable[[argparse.Namespace], int]

MODULES = ("processes", "jobs", "backups", "doctor", "mail", "logs", "service", "tests", "people", "data")
DONE, FAILED, WRONG_USAGE, NOT_RUNNING, NO_SUCH_NAME, BUSY, CONFIGURATION, INTERRUPTED = 0, 1, 2, 3, 4, 75, 78, 130


class Add(Protocol):
    """Adds one command; the six that a shop needs are `everyday` and stand in `--help`, the rest in `--help-all`."""

    def __call__(self, name: str, help: str, run: Run, everyday: bool = False) -> argparse.ArgumentParser: ...


def main(argv: list[str], timetable: Callable[[], Any]) -> int:
    """Run one command and return its exit code. `timetable` imports tasks.py, which only the door may do."""
    os.umask(0o077)
    _speak_utf8()
    try:
        arguments = _parser().parse_args(argv)
        arguments.timetable = timetable
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except ShopError as error:
        complain(error.message)
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `run.py logs | head`: the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    finally:
        _leave_the_shop()


def _leave_the_shop() -> None:
    """A command that opened the shop closes it, whatever came of it: else the next start takes it for one that died."""
    startup = sys.modules.get("tracker.ops.startup")
    if startup is not None:
        startup.close_shop()


def exit_code(error: ShopError) -> int:
    """The number that a script sees for this error. Source: docs/interfaces.md, "Exit codes"."""
    for kind, code in ((Busy, BUSY), (NotFound, NO_SUCH_NAME), (Misconfigured, CONFIGURATION)):
        if isinstance(error, kind):
            return code
    from tracker.ops.control import NotRunning

    return NOT_RUNNING if isinstance(error, NotRunning) else FAILED


def _speak_utf8() -> None:
    """Windows' old consoles and pipes speak a code page; a name that it lacks must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        complain(f"{message[:1].upper()}{message[1:]}. `{self.prog} --help` shows how it is used.")
        raise SystemExit(WRONG_USAGE)


class _Door(_Parser):
    """The parser of `run.py` itself: it knows its commands by name and shows the everyday ones first."""

    def __init__(self) -> None:
        super().__init__(prog="run.py", add_help=False, allow_abbrev=False)
        self.lines: list[tuple[str, str, bool]] = []
        self.commands = self.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def add(self, name: str, help: str, run: Run, everyday: bool = False) -> argparse.ArgumentParser:
        self.lines.append((name, help, everyday))
        command = self.commands.add_parser(name, description=help, allow_abbrev=False)
        command.set_defaults(run=run)
        return command

    def page(self, everything: bool) -> str:
        """What `--help` and `--help-all` print."""
        shown = [(name, help) for name, help, everyday in self.lines if everyday or everything]
        commands = "\n".join(f"  {name:<12}{help}" for name, help in shown)
        more = "" if everything else "\n  --help-all  the other commands"
        return (
            "python3 run.py            starts Finance Tracker and shows it in the browser\n"
            "python3 run.py COMMAND    does one thing (COMMAND --help says how)\n\n"
            f"{commands}\n\n"
            "  --no-browser  start without opening the browser\n"
            f"  --version   {__version__}{more}\n"
        )

    def error(self, message: str) -> NoReturn:
        if "invalid choice" in message:
            message = f"there is no command {message.split(chr(39))[1]!r}"
        super().error(message)


class _Show(argparse.Action):
    """An option that prints a text and is done."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> NoReturn:
        assert isinstance(parser, _Door)
        texts = {"help": parser.page(False), "help_all": parser.page(True), "version": f"{__version__}\n"}
        sys.stdout.write(texts[self.dest])
        parser.exit()


def _parser() -> _Door:
    door = _Door()
    door.add_argument("-h", "--help", action=_Show, nargs=0)
    door.add_argument("--help-all", action=_Show, nargs=0)
    door.add_argument("--version", action=_Show, nargs=0)
    for name in MODULES:
        import_module(f"tracker.cli.{name}").register(door.add)
    from tracker.cli.processes import start_all

    door.add_argument("--no-browser", action="store_true")
    door.set_defaults(run=start_all)
    return door
