"""The processes: start all (no command), web, worker, start, stop, restart, status, dev."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from tracker import config as settings
from tracker.cli.output import complain, document, say
from tracker.config import Config
from tracker.errors import Busy, NotFound, ShopError

NAMES = ("web", "worker")
GOING = 3.0  # seconds that the port and lock of a shop that was just killed may take to come free
LEAVING = 90.0  # seconds that a stop may take: the worker's 60 and the web's 15, and some air


def register(add: Any) -> None:
    status = add("status", "whether everything runs, since when, and the last error", _status, everyday=True)
    status.add_argument("name", nargs="?", metavar="web|worker")
    status.add_argument("--json", action="store_true", help="one JSON document")
    for verb, help in _VERBS.items():
        command = add(verb, help, _command, everyday=verb == "stop")
        command.set_defaults(verb=verb)
        command.add_argument("name", nargs="?", metavar="web|worker")
        command.add_argument("--no-browser", action="store_true", help="don't open the browser")
    dev = add("dev", "start with reload on change, for programmers", _dev)
    dev.add_argument("--no-jobs", action="store_true", help="no worker: no job runs and no mail goes out")
    dev.add_argument("--no-browser", action="store_true", help="don't open the browser")
    add("prepare", "what each start does first: update the tables, build the mails", _prepare)
    add("web", "only the web process, in this window", _web)
    add("worker", "only the worker process, in this window", _worker)


_VERBS = {
    "start": "start everything, or a part that was stopped",
    "stop": "finish the work in hand and stop; it stays stopped",
    "restart": "stop and start again, one after the other",
}


# --- everything -----------------------------------------------------------------------------------------------------


def start_all(arguments: argparse.Namespace) -> int:
    """Web and worker under the supervisor, in this window until they are stopped; 0 at once when they run already."""
    return _supervise(arguments, dev=False, no_jobs=False)


def _dev(arguments: argparse.Namespace) -> int:
    if arguments.no_jobs:
        os.environ["TRACKER_NO_JOBS"] = "1"  # the web process must not miss a worker
    return _supervise(arguments, dev=True, no_jobs=arguments.no_jobs)


def _supervise(arguments: argparse.Namespace, dev: bool, no_jobs: bool) -> int:
    from tracker.ops.supervisor import Supervisor, standard_programs

    config = settings.load()
    browser = not arguments.no_browser
    if _runs_already(config, browser):
        return 0
    port_is_free(config)
    if code := _prepared():
        return code

    def ready() -> None:
        say(f"Finance Tracker is ready at {config.url}/")
        if browser:
            open_browser(config.url)

    _show_what_fails()
    try:
        return Supervisor(config, standard_programs(config, no_jobs, sys.executable), ready, dev=dev).run()
    except Busy:  # another start was quicker
        deadline = time.monotonic() + GOING
        while not _runs_already(config, browser):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        return 0


def _runs_already(config: Config, browser: bool) -> bool:
    from tracker.ops import control

    try:
        status = control.call(config, "status")
    except control.NotRunning:
        return False
    say(f"Finance Tracker is already running, pid {status['pid']}, {status['url']}")
    if browser:
        open_browser(str(status["url"]))
    return True


def _prepared() -> int:
    """`run.py prepare` in a process of its own: this one stays small and never has the books open."""
    import subprocess

    from tracker.cli import child

    return child.run([sys.executable, str(settings.ROOT / "run.py"), "prepare"], stdin=subprocess.DEVNULL)


def _prepare(_: argparse.Namespace) -> int:
    from tracker.mail import mjml
    from tracker.ops import startup
    from tracker.ops.setup_code import setup_code

    try:
        startup.open_shop(settings.load())
        code = setup_code(settings.load())
    finally:
        startup.close_shop()
    if code:
        say(f"Set-up code: {code}")
    try:
        mjml.build()
    except ShopError as error:  # it is compiled when it is needed; the doctor says so too
        complain(error.message)
    return 0


def _show_what_fails() -> None:
    """A program that can't be kept running is said in this window (or the journal) too, not only in supervisor.log."""
    import logging

    from tracker import log

    handler = logging.StreamHandler()
    handler.setLevel(logging.ERROR)
    handler.setFormatter(log.line_format())
    logging.getLogger().addHandler(handler)


def port_is_free(config: Config) -> None:
    """Raises Busy naming the port when another program has it, Misconfigured when it can't be had at all."""
    from tracker.ops.listening import bind

    deadline = time.monotonic() + GOING
    while True:
        try:
            bind(config).close()
            return
        except Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def open_browser(url: str) -> None:
    """Show the shop where there is a screen: not over SSH, not as a service, not in a text browser."""
    remote = os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY")
    desktop = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if remote or not desktop or os.environ.get("CI"):
        return
    import webbrowser

    try:
        webbrowser.open(url)
    except (webbrowser.Error, OSError) as error:
        complain(f"The browser could not be opened ({error}). Open {url} by hand.")


# --- one process in this window -------------------------------------------------------------------------------------


def _web(arguments: argparse.Namespace) -> int:
    from tracker import log
    from tracker.web.serve import serve

    log.to_standard_streams()
    arguments.timetable()  # so that the hours of tasks.py are in the books before the first worker starts
    return serve(settings.load())


def _worker(arguments: argparse.Namespace) -> int:
    return int(arguments.timetable().main())


# --- a word to the running supervisor -------------------------------------------------------------------------------


def known(name: str | None, names: tuple[str, ...] = NAMES) -> str | None:
    """The name itself, or None for everything. Raises NotFound."""
    if name is not None and name not in names:
        raise NotFound(f"There is no process called {name!r}; there are {', '.join(names[:-1])} and {names[-1]}.")
    return name


def _command(arguments: argparse.Namespace) -> int:
    from tracker.ops import control

    config, verb, name = settings.load(), arguments.verb, known(arguments.name)
    try:
        if verb == "stop" and name is None:
            control.call(config, "shutdown")
            return _wait_for_the_end(config)
        status = control.call(config, verb, name=name)
    except control.NotRunning:
        if verb == "start" and name is None:
            return start_all(arguments)
        if verb == "stop":
            say("Finance Tracker is not running.")
            return 0
        raise
    _show(status)
    wanted = "STOPPED" if verb == "stop" else "RUNNING"
    return 0 if all(program["state"] == wanted for program in status["programs"]) else 1


def _wait_for_the_end(config: Config) -> int:
    from tracker.ops import supervisor

    lock = supervisor.lock(config)
    deadline = time.monotonic() + LEAVING
    while lock.is_held():
        if time.monotonic() > deadline:
            raise Busy("Finance Tracker is still finishing its work. `run.py status` shows what it waits for.")
        time.sleep(0.02)
    say("Finance Tracker has stopped.")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from tracker.ops import control, status

    config, name = settings.load(), known(arguments.name)
    try:
        now = control.call(config, "status", name=name)
    except control.NotRunning:
        now = status.offline_status(config, (name,) if name else NAMES)
    if arguments.json:
        document(now)
    else:
        _show(now)
    return 0 if all(program["state"] == "RUNNING" for program in now["programs"]) else 3


def _show(now: dict[str, Any]) -> None:
    from tracker.ops import status

    for line in status.status_lines(now):
        say(line)
