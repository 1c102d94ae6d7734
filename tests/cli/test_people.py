"""The commands for people, in a process of their own as a shop's PC runs them. Budget: 25 s."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import cast
from tracker.config import ROOT

SETUP = ("setup", "--shop", "Duka la Amina", "--country", "KE", "--admin-name", "Amina", "--admin-user", "amina")


class Shell:
    """Runs `run.py` on a data folder of this test's own."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *words], input=typed, capture_output=True, encoding="utf-8",
            timeout=60, check=False, env={**os.environ, "TRACKER_DATA": str(self.data)},
        )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "data")


def people(run: Shell) -> dict[str, dict[str, object]]:
    return {one["username"]: one for one in json.loads(run("user", "list", "--json").stdout)}


def test_an_unattended_set_up_works_once(run: Shell) -> None:
    first = run(*SETUP, "--password-stdin", typed=f"{cast.PASSWORD}\n")
    assert (first.returncode, first.stderr) == (0, "")
    second = run(*SETUP[:-1], "zawadi", "--password-stdin", typed=f"{cast.PASSWORD}\n")
    assert second.returncode == 1
    assert second.stderr.strip() == "The shop is set up already. Sign in instead."
    assert list(people(run)) == ["amina"]


def test_a_set_up_that_is_refused_says_why_and_makes_nobody(run: Shell) -> None:
    for words, typed in (
        (("--password-stdin",), "short\n"),
        (("--password-stdin",), ""),
        (("--password-stdin", "--timezone", "Mars/Base"), f"{cast.PASSWORD}\n"),
    ):
        failed = run(*SETUP, *words, typed=typed)
        assert failed.returncode == 1 and len(failed.stderr.strip().splitlines()) == 1
    assert run(*SETUP).returncode == 2
    assert people(run) == {}


def test_people_are_added_listed_given_a_password_and_disabled(run: Shell) -> None:
    assert run("user", "add", "juma", "--role", "cashier", "--link").returncode == 1, "nobody before the owner"
    run(*SETUP, "--password-stdin", typed=f"{cast.PASSWORD}\n")
    link = run("user", "add", "juma", "--role", "cashier", "--link")
    assert link.returncode == 0 and "/welcome/" in link.stdout
    added = run(
        "user",
        "add",
        "vera",
        "--email",
        "v@shop.example",
        "--role",
        "viewer",
        "--password-stdin",
        typed=f"{cast.PASSWORD}\n",
    )
    assert added.returncode == 0
    assert run("user", "add", "weak", "--role", "viewer", "--password-stdin", typed="short\n").returncode == 1
    assert run("user", "add", "king", "--role", "king", "--link").returncode == 2
    assert {name: one["has_password"] for name, one in people(run).items()} == {
        "amina": True,
        "juma": False,
        "vera": True,
    }
    assert run("user", "password", "juma", "--password-stdin", typed="seven other words\n").returncode == 0
    assert run("user", "disable", "juma").returncode == 0
    assert (people(run)["juma"]["active"], people(run)["juma"]["has_password"]) == (False, True)
    assert run("user", "disable", "amina").returncode == 1
    assert run("user", "disable", "nobody").returncode == 4


def test_notices_are_printed_for_people_and_for_programs(run: Shell) -> None:
    run(*SETUP, "--password-stdin", typed=f"{cast.PASSWORD}\n")
    assert run("notices", "--user", "amina").stdout == "There are no notices.\n"
    run("user", "password", "amina", "--password-stdin", typed="seven other words\n")
    found = json.loads(run("notices", "--user", "amina", "--json").stdout)
    assert [one["kind"] for one in found] == ["account"] and found[0]["created_at"].endswith("Z")
    assert "password was changed" in run("notices", "--user", "amina").stdout
    assert run("notices", "--user", "nobody", "--json").returncode == 4
