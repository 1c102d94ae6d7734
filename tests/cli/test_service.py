"""Starting with the computer: what the units, the task and the launchd job say, and what install does. Budget: 2 s."""

from __future__ import annotations

import plistlib
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tracker.config import Config
from tracker.errors import Refused
from tracker.ops import service

TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


class Systemctl:
    """Stands where systemctl would: remembers what it was told and answers with a code."""

    def __init__(self, code: int = 0) -> None:
        self.told: list[str] = []
        self.code = code

    def __call__(self, command: list[str]) -> int:
        self.told.append(" ".join(command))
        return self.code


@pytest.fixture
def shop(config: Config) -> Config:
    config.data.mkdir()
    return config


def settings_of(unit: service.Unit) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit.text.splitlines() if "=" in line)


def test_one_unit_starts_all_and_a_stop_stays_a_stop(config: Config) -> None:
    (unit,) = service.units(config, split=False, system=True, user="amina")
    said = settings_of(unit)
    assert unit.name == "finance-tracker.service"
    assert said["ExecStart"].endswith(f"{config.root}/run.py --no-browser")
    wanted = {"Type": "exec", "Restart": "on-failure", "RestartSec": "2", "KillMode": "mixed", "TimeoutStopSec": "90"}
    assert wanted.items() <= said.items()
    assert said["RestartPreventExitStatus"] == "75 78"
    assert "time-sync.target" in said["After"]
    assert said["User"] == "amina"


def test_a_system_unit_may_write_the_data_folder_only(config: Config) -> None:
    (unit,) = service.units(config, split=False, system=True)
    said = settings_of(unit)
    assert (said["ProtectSystem"], said["ReadWritePaths"]) == ("strict", str(config.data))


def test_split_makes_a_unit_each_for_web_and_worker(config: Config) -> None:
    web, worker = service.units(config, split=True, system=False)
    assert (web.name, worker.name) == ("finance-tracker-web.service", "finance-tracker-worker.service")
    assert settings_of(web)["ExecStart"].endswith("run.py web")
    assert settings_of(worker)["ExecStart"].endswith("run.py worker")
    assert settings_of(web)["WantedBy"] == "default.target"


def test_paths_with_spaces_percents_and_dollars_reach_systemd_whole(config: Config) -> None:
    odd = replace(config, root=Path("/srv/my $hop"), data=Path("/srv/100% mine"))
    said = settings_of(service.units(odd, split=False, system=True)[0])
    assert '"/srv/my $$hop/run.py"' in said["ExecStart"]
    assert said["WorkingDirectory"] == "/srv/my $hop"
    assert said["ReadWritePaths"] == '"/srv/100%% mine"'


def test_settings_of_the_environment_come_along_but_no_password(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKER_PORT", "8123")
    monkeypatch.setenv("SMTP_PASSWORD", "hush-hush")
    set_here = replace(config, fixed=frozenset({"TRACKER_PORT", "SMTP_PASSWORD", "TRACKER_HOST"}))
    (unit,) = service.units(set_here, split=False, system=True)
    assert "Environment=TRACKER_PORT=8123" in unit.text
    assert "hush-hush" not in unit.text
    assert "TRACKER_HOST" not in unit.text


def test_install_writes_starts_and_enables(shop: Config, tmp_path: Path) -> None:
    systemctl = Systemctl()
    said = service.install(shop, False, True, "amina", tmp_path / "units", systemctl)
    assert (tmp_path / "units" / "finance-tracker.service").read_text(encoding="utf-8").startswith("[Unit]")
    assert systemctl.told == ["--version", "daemon-reload", "enable --now finance-tracker.service"]
    assert "starts with the computer" in said[0]


def test_install_refuses_a_second_way_beside_the_first(shop: Config, tmp_path: Path) -> None:
    service.install(shop, False, False, "", tmp_path, Systemctl())
    with pytest.raises(Refused, match=r"finance-tracker\.service is installed"):
        service.install(shop, True, False, "", tmp_path, Systemctl())
    service.install(shop, False, False, "", tmp_path, Systemctl())  # the same one again only renews it


def test_install_refuses_without_a_data_folder(config: Config, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="once by hand first"):
        service.install(config, False, True, "", tmp_path, Systemctl())


def test_a_failing_systemctl_is_said(shop: Config, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="failed with code 5"):
        service.install(shop, False, True, "", tmp_path, Systemctl(5))
    assert list(tmp_path.glob("*.service")) == []


def test_uninstall_stops_and_takes_away_what_is_there(shop: Config, tmp_path: Path) -> None:
    service.install(shop, True, False, "", tmp_path, Systemctl())
    systemctl = Systemctl()
    said = service.uninstall(shop, False, tmp_path, systemctl)
    assert systemctl.told[0] == "--user disable --now finance-tracker-web.service finance-tracker-worker.service"
    assert len(said) == 2
    assert list(tmp_path.glob("*.service")) == []
    assert "No unit" in service.uninstall(shop, False, tmp_path, systemctl)[0]


def test_an_older_scheduler_is_named_with_the_commands_that_remove_it(tmp_path: Path) -> None:
    old = tmp_path / "wiseman-scheduler.service"
    old.write_text("[Service]\nExecStart=/usr/bin/python scheduler.py\n", encoding="utf-8")
    (tmp_path / "disk-scheduler.service").write_text("[Service]\nExecStart=/sbin/tune\n", encoding="utf-8")
    said = "\n".join(service.older_schedulers([(tmp_path, True)]))
    assert "sudo systemctl stop wiseman-scheduler" in said
    assert "sudo systemctl disable wiseman-scheduler" in said
    assert f"sudo rm {old}" in said
    assert "disk-scheduler" not in said
    assert "systemctl --user stop wiseman-scheduler" in "\n".join(service.older_schedulers([(tmp_path, False)]))


def test_no_older_scheduler_no_word(tmp_path: Path) -> None:
    assert service.older_schedulers([(tmp_path, True), (tmp_path / "missing", False)]) == []


def test_the_windows_task_has_no_time_limit_and_runs_on_battery(config: Config) -> None:
    task = ElementTree.fromstring(service.windows_task(replace(config, root=Path("/shops/Kimani & Nur"))))

    def text(path: str) -> str | None:
        return task.findtext("/".join(f"{TASK}{part}" for part in path.split("/")))

    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert text("Settings/DisallowStartIfOnBatteries") == text("Settings/StopIfGoingOnBatteries") == "false"
    assert text("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert (text("Settings/RestartOnFailure/Interval"), text("Settings/RestartOnFailure/Count")) == ("PT1M", "999")
    assert task.find(f"{TASK}Triggers/{TASK}BootTrigger") is not None
    assert text("Actions/Exec/Arguments") == '"/shops/Kimani & Nur/run.py" --no-browser'


def test_the_launchd_job_starts_at_log_in_and_has_a_minute_to_finish(config: Config) -> None:
    job = plistlib.loads(service.launchd_plist(config).encode())
    assert job["RunAtLoad"] is True
    assert job["KeepAlive"] == {"SuccessfulExit": False}
    assert job["ExitTimeOut"] == 60
    assert job["ProgramArguments"][1:] == [str(config.root / "run.py"), "--no-browser"]
