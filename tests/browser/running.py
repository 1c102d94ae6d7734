"""The whole program as a shop runs it: `run.py` with its supervisor, web process and worker, and a real mail server."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil

from tests.jobs.real import PATIENCE, wait_until
from tests.jobs.real import RealShop as Commands
from tests.mail import servers
from tests.mail.servers import Sink
from tests.ports import free_port
from tracker.config import ROOT, Config

PASSWORD = "mango-verandah-seventeen"
READY, CODE = "Finance Tracker is ready at ", "Set-up code: "


@dataclass
class Running:
    """A started shop: its address, its command line, and the mails that arrived outside."""

    config: Config
    sink: Sink
    commands: Commands
    controller: Any
    process: subprocess.Popen[str] | None = None
    code: str = ""
    said: list[str] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.config.url

    def start(self) -> None:
        """`run.py`, until it says that it is ready."""
        env = self.commands.environment(TRACKER_SUPERVISOR_PORT=str(self.config.supervisor_port))
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), "--no-browser"],
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith(CODE):
                self.code = line.removeprefix(CODE).strip()
            if line.startswith(READY):
                return
        raise AssertionError(f"run.py ended before it was ready: {self.said}")

    def set_up(self) -> None:
        """Amina's shop, filled with the demo shop, without the browser."""
        words = "setup --country KE --admin-name Amina --admin-user amina --admin-email amina@example.org"
        done = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *words.split(), "--password-stdin", "--shop", "Amina’s Shop"],
            env=self.commands.environment(),
            input=PASSWORD,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        filled = self.commands.run("demo", "load")
        assert filled.returncode == 0, filled.stderr
        self.commands.run_python(
            "from tracker.shop import passwords, users;"
            "who = users.add('wanjiru', 'Wanjiru', 'manager', 'wanjiru@example.org');"
            f"users.store_password(who.id, passwords.hashed({PASSWORD!r}))"
        )

    def signed_in(self, name: str) -> str:
        """A log-in token of this person, as signing in gives one; the same for all who ask."""
        if name not in self.tokens:
            self.tokens[name] = self.commands.run_python(
                f"from tracker.shop import sessions, users; print(sessions.start(users.find({name!r}).id))"
            )
        return self.tokens[name]

    def mail(self, kind: str, to: str = "amina@example.org") -> EmailMessage:
        """The first mail of this kind to this address that arrived at the mail server."""

        def found() -> list[EmailMessage]:
            return [one for one in self.sink.mails if one["X-Finance-Tracker-Kind"] == kind and to in str(one["To"])]

        mails: list[EmailMessage] = wait_until(found, f"a mail of the kind {kind} to {to}")
        return mails[0]

    def stop(self) -> None:
        """End `run.py` and everything that it started."""
        if self.process is not None:
            family: list[Any] = []
            with suppress(psutil.NoSuchProcess):
                family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
            for member in family:
                with suppress(psutil.NoSuchProcess):
                    member.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
            psutil.wait_procs(family, 20)
            self.process.communicate(timeout=20)
        self.controller.stop()


def running(folder: Path) -> Running:
    """A shop that is not started yet, with a data folder in `folder` and a mail server of its own."""
    config = Config(root=ROOT, data=folder / "data", port=free_port(), supervisor_port=free_port())
    sink = Sink()
    controller = servers.start(sink)
    return Running(config, sink, Commands(config, controller.port), controller)


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")
