"""Starting with the computer: the texts of systemd units, a Windows task and a launchd job, and systemd's installation.

All of them start `run.py` alone (or, split, `run.py web` and the worker); it supervises the rest. A stop stays a stop.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tracker.config import Config
from tracker.errors import Refused
from tracker.files import write_private

SYSTEM_UNITS = Path("/etc/systemd/system")
USER_UNITS = Path.home() / ".config" / "systemd" / "user"
LABEL = "org.finance-tracker"

Run = Callable[[list[str]], int]  # a command and its exit code


@dataclass(frozen=True)
class Unit:
    """One systemd unit: its file's name and text."""

    name: str
    text: str


def units(config: Config, split: bool, system: bool, user: str = "") -> list[Unit]:
    """`finance-tracker.service`, or with `split` one unit each for web and worker; a system unit runs as `user`."""
    parts = (
        [("-web", "web", "web"), ("-worker", "worker", "worker")] if split else [("", "web and worker", "--no-browser")]
    )
    return [
        Unit(f"finance-tracker{suffix}.service", _unit(config, title, argument, system, user))
        for suffix, title, argument in parts
    ]


def _unit(config: Config, title: str, argument: str, system: bool, user: str) -> str:
    root = config.root
    words = (base_python(), str(root / "run.py"), argument)
    command = " ".join(_systemd_word(word).replace("$", "$$") for word in words)
    lines = [
        "[Unit]",
        f"Description=Finance Tracker ({title})",
        "After=network.target time-sync.target",
        "Wants=time-sync.target",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={command}",
        f"WorkingDirectory={_systemd_path(root)}",
        *(f"Environment={_systemd_word(f'{name}={value}')}" for name, value in _environment(config).items()),
        *([f"User={user}"] if system and user else []),
        "Restart=on-failure",
        "RestartSec=2",
        "RestartPreventExitStatus=75 78",
        "KillMode=mixed",
        "TimeoutStopSec=90",
        "UMask=0077",
        "NoNewPrivileges=yes",
        *(_file_sandbox(config) if system else []),
        "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
        "LockPersonality=yes",
        "RestrictRealtime=yes",
        "",
        "[Install]",
        f"WantedBy={'multi-user.target' if system else 'default.target'}",
    ]
    return "\n".join(lines) + "\n"


def _file_sandbox(config: Config) -> list[str]:
    """Only the data folder can be written. For system units: older systemd can't do this for a user's own units."""
    return [
        "ProtectSystem=strict",
        f"ReadWritePaths={_systemd_word(str(config.data))}",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectKernelTunables=yes",
        "ProtectKernelModules=yes",
        "ProtectControlGroups=yes",
        "ProtectClock=yes",
        "RestrictSUIDSGID=yes",
    ]


def _environment(config: Config) -> dict[str, str]:
    """What the service needs of the environment it is made in; a password stays in `.env`, never in a unit."""
    kept = sorted(name for name in config.fixed if "PASSWORD" not in name and not name.startswith("TRACKER_TEST"))
    present = {name: os.environ.get(name, "").strip() for name in kept}
    return {name: value for name, value in present.items() if value}


def _systemd_word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[^\w@%+=:,./-]", text) else escaped


def _systemd_path(path: Path) -> str:
    return str(path).replace("%", "%%")  # a lone path is taken as it stands, spaces and all


def base_python() -> str:
    """The Python under the virtual environment: it can mend `.venv`, which the environment's own could not."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


# --- systemd: install, uninstall ------------------------------------------------------------------------------------


def systemctl(command: list[str]) -> int:
    """Run systemctl. Raises Refused where there is no systemd."""
    if shutil.which("systemctl") is None or not Path("/run/systemd/system").is_dir():
        raise Refused(
            "This computer does not run systemd. `run.py service show` with --windows or --macos shows the text for "
            "other systems; what it prints for systemd can be copied to the computer that has it."
        )
    return subprocess.run(["systemctl", *command], stdin=subprocess.DEVNULL, check=False).returncode


def install(config: Config, split: bool, system: bool, user: str, folder: Path, run: Run = systemctl) -> list[str]:
    """Write the units, start them now and with the computer. Returns what was done, a sentence each. Raises Refused."""
    scope = [] if system else ["--user"]
    _run(run, [*scope, "--version"])
    if not config.data.is_dir():
        raise Refused(f"The data folder {config.data} is not there yet. Start Finance Tracker once by hand first.")
    other = units(config, not split, system, user)
    if left := [unit.name for unit in other if (folder / unit.name).exists()]:
        raise Refused(f"{left[0]} is installed. Take it away first: run.py service uninstall.")
    wanted = units(config, split, system, user)
    for unit in wanted:
        _write(folder / unit.name, unit.text)
    names = [unit.name for unit in wanted]
    _run(run, [*scope, "daemon-reload"])
    _run(run, [*scope, "enable", "--now", *names])
    said = [f"{folder / name} is written, started, and starts with the computer." for name in names]
    if not system:
        said.append("It runs while you are logged in. To run from the start: sudo loginctl enable-linger $USER")
    if system and user == "root":
        said.append(f"It runs as root. Better: give {config.root} to a user of its own and install again.")
    if os.environ.get("SMTP_PASSWORD"):
        said.append(
            f"SMTP_PASSWORD is not written into a unit that everybody can read: put it into {config.root / '.env'}."
        )
    return said


def uninstall(config: Config, system: bool, folder: Path, run: Run = systemctl) -> list[str]:
    """Stop the units and take them away; the data stays. Returns what was done."""
    scope = [] if system else ["--user"]
    there = [u.name for split in (False, True) for u in units(config, split, system) if (folder / u.name).exists()]
    if not there:
        return [f"No unit of Finance Tracker is installed in {folder}."]
    _run(run, [*scope, "disable", "--now", *there])
    for name in there:
        (folder / name).unlink()
    _run(run, [*scope, "daemon-reload"])
    return [f"{name} is stopped and taken away. The data folder is as it was." for name in there]


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, text.encode())
        path.chmod(0o644)
    except OSError as error:
        raise Refused(
            f"{path} can't be written ({error.strerror}). Start it with sudo, or install for yourself: --user."
        ) from error


def _run(run: Run, command: list[str]) -> None:
    if code := run(command):
        raise Refused(f"`systemctl {shlex.join(command)}` failed with code {code}; its own words stand above.")


def older_schedulers(folders: list[tuple[Path, bool]]) -> list[str]:
    """Sentences and commands for units of an earlier scheduler, which would send the same reminders a second time.

    `folders` are unit folders, each with whether it is the system's.
    """
    said: list[str] = []
    for folder, system in folders:
        for path in sorted(folder.glob("*scheduler*.service")):
            if not re.search(r"scheduler\.py|wiseman", path.name + _text(path)):
                continue
            sudo, scope = ("sudo ", "") if system else ("", "--user ")
            said += [
                f"An older scheduler is installed: {path}. It would do the same jobs a second time. Take it away with:",
                f"  {sudo}systemctl {scope}stop {path.stem}",
                f"  {sudo}systemctl {scope}disable {path.stem}",
                f"  {sudo}rm {shlex.quote(str(path))}",
                f"  {sudo}systemctl {scope}daemon-reload",
            ]
    return said


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


# --- Windows and macOS ----------------------------------------------------------------------------------------------


def windows_task(config: Config) -> str:
    """A task for the Task Scheduler: at start-up, without a time limit, on battery too, one instance, restarted."""
    arguments = f'"{config.root / "run.py"}" --no-browser'
    return f"""<?xml version="1.0"?>
<Task version="1.4" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Finance Tracker: web and worker</Description></RegistrationInfo>
  <Triggers><BootTrigger><Enabled>true</Enabled></BootTrigger></Triggers>
  <Principals>
    <Principal id="Author"><LogonType>S4U</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>false</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <IdleSettings><StopOnIdleEnd>false</StopOnIdleEnd><RestartOnIdle>false</RestartOnIdle></IdleSettings>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(base_python())}</Command>
      <Arguments>{escape(arguments)}</Arguments>
      <WorkingDirectory>{escape(str(config.root))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


def launchd_plist(config: Config) -> str:
    """A launchd agent: starts at log-in, is kept alive after a failure, and gets a minute to finish."""
    import plistlib

    agent = {
        "Label": LABEL,
        "ProgramArguments": [base_python(), str(config.root / "run.py"), "--no-browser"],
        "WorkingDirectory": str(config.root),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ExitTimeOut": 60,
        "ThrottleInterval": 10,
        "ProcessType": "Background",
        "Umask": 0o077,
        "EnvironmentVariables": _environment(config),
    }
    return plistlib.dumps(agent, sort_keys=False).decode()
