"""Starting with the computer: `run.py service install`, `uninstall`, `show`."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Any

from tracker import config as settings
from tracker.cli.output import complain, say


def register(add: Any) -> None:
    command = add("service", "start Finance Tracker with the computer: install, uninstall, show", _service)
    command.add_argument("what", choices=("install", "uninstall", "show"))
    command.add_argument("--split", action="store_true", help="two units, one for web and one for the worker")
    scope = command.add_mutually_exclusive_group()
    scope.add_argument("--system", action="store_true", help="for the computer (needs sudo); the default for root")
    scope.add_argument("--user", action="store_true", help="for you alone; the default for everybody else")
    system = command.add_mutually_exclusive_group()
    system.add_argument("--windows", action="store_true", help="show the Task Scheduler's XML")
    system.add_argument("--macos", action="store_true", help="show launchd's plist")


def _service(arguments: argparse.Namespace) -> int:
    from tracker.ops import service

    config = settings.load()
    system = arguments.system or (not arguments.user and hasattr(os, "geteuid") and os.geteuid() == 0)
    folder = service.SYSTEM_UNITS if system else service.USER_UNITS
    if arguments.what == "show":
        _show(arguments, system, folder)
        return 0
    if arguments.what == "install":
        said = service.install(config, arguments.split, system, runs_as(config.root), folder)
        said += service.older_schedulers([(service.SYSTEM_UNITS, True), (service.USER_UNITS, False)])
    else:
        said = service.uninstall(config, system, folder)
    for sentence in said:
        say(sentence)
    return 0


def _show(arguments: argparse.Namespace, system: bool, folder: Path) -> None:
    from tracker.ops import service

    config = settings.load()
    if arguments.windows or (sys.platform == "win32" and not (arguments.system or arguments.user)):
        say(service.windows_task(config).rstrip())
        complain(_WINDOWS)
    elif arguments.macos or (sys.platform == "darwin" and not (arguments.system or arguments.user)):
        say(service.launchd_plist(config).rstrip())
        complain(_MACOS)
    else:
        for unit in service.units(config, arguments.split, system, runs_as(config.root)):
            say(f"# {folder / unit.name}")
            say(unit.text)


_WINDOWS = (
    "Save this as finance-tracker.xml, then in PowerShell as administrator: Register-ScheduledTask -TaskName "
    "'Finance Tracker' -User (whoami) -Xml (Get-Content finance-tracker.xml -Raw -Encoding UTF8)"
)
_MACOS = (
    "Save this as ~/Library/LaunchAgents/org.finance-tracker.plist, then: "
    "launchctl bootstrap gui/$UID ~/Library/LaunchAgents/org.finance-tracker.plist"
)


def runs_as(root: Path) -> str:
    """Whom a system unit runs as: whoever the program's folder belongs to, so that sudo does not make it root's."""
    try:
        return root.owner()
    except (KeyError, NotImplementedError, OSError):
        return getpass.getuser()
