"""`run.py` on a machine that has nothing but Python: what it sets up, when again, and what it says. Budget: 25 s.

Nothing is fetched: pip is pointed at a port where nobody listens, and what must be there is a .venv made by hand.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests.ports import free_port
from tracker.config import ROOT

BASE = getattr(sys, "_base_executable", sys.executable)
NAMES = ("run.py", "requirements.txt", "requirements-dev.txt")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with what a fresh clone has at its top, and a package that only says that it was reached."""
    folder = tmp_path / "fresh clone"
    (folder / "tracker" / "cli").mkdir(parents=True)
    for name in NAMES:
        shutil.copy(ROOT / name, folder / name)
    (folder / "tracker" / "__init__.py").touch()
    (folder / "tracker" / "cli" / "__init__.py").write_text(
        "import sys\n\n"
        "def main(argv, timetable):\n"
        "    print('reached', sys.prefix, *argv)\n    print(sys.stdin.read())\n    return 7\n",
        encoding="utf-8",
    )
    return folder


def offline() -> dict[str, str]:
    """An environment in which pip finds neither a package index nor a folder with packages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    nowhere = f"http://127.0.0.1:{free_port()}/"
    return {
        **environment,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": nowhere,
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }


def start(folder: Path, *words: str, program: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Start a clone's run.py from another working directory, with the Python that stands under ours."""
    what = ["-c", program] if program else [str(folder / "run.py")]
    return subprocess.run(
        [BASE, *what, *words], cwd=folder.parent, env=offline(), input=stdin, capture_output=True, text=True,
        encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip


def door_of(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("door", folder / "run.py")
    assert spec and spec.loader
    door = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(door)
    return door


def set_up_by_hand(folder: Path, *words: str) -> None:
    """What a complete set-up leaves behind, without pip."""
    subprocess.run([BASE, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True, timeout=60)
    door = door_of(folder)
    (Path(door.VENV) / "lib" / f"python{door.version()}" / "site-packages" / "peewee.py").touch()
    door.write_stamp(door.needed(list(words)))


def test_a_fresh_machine_offline_gets_a_sentence(clone: Path) -> None:
    done = start(clone)
    assert done.returncode == 1
    assert "Setting up Finance Tracker (once, about a minute)" in done.stderr
    assert "The set-up needs the internet once, and it can't be reached." in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not (clone / ".venv" / "finance-tracker.json").exists()


def test_a_set_up_folder_goes_straight_in_with_stdin_arguments_and_exit_code(clone: Path) -> None:
    set_up_by_hand(clone)
    done = start(clone, "status", "--json", stdin="the leash")
    assert done.returncode == 7
    assert done.stdout.splitlines() == [f"reached {clone.resolve() / '.venv'} status --json", "the leash"]
    assert done.stderr == ""


def test_tests_ask_for_the_tools_too(clone: Path) -> None:
    set_up_by_hand(clone)
    door = door_of(clone)
    stamp = door.read_stamp()
    assert door.is_installed(stamp, door.needed([]))
    assert not door.is_installed(stamp, door.needed(["test", "-q"]))


def test_changed_requirements_are_installed_and_an_offline_try_leaves_the_old_set_up(clone: Path) -> None:
    set_up_by_hand(clone)
    subprocess.run([BASE, "-m", "venv", "--upgrade", str(clone / ".venv")], check=True, timeout=60)  # now with pip
    before = (clone / ".venv" / "finance-tracker.json").read_bytes()
    wanted = (clone / "requirements.txt").read_text(encoding="utf-8")
    (clone / "requirements.txt").write_text(wanted + "nosuch-package==1\n", encoding="utf-8")
    done = start(clone)
    assert done.returncode == 1
    assert "Installing what the program newly needs" in done.stderr
    assert (clone / ".venv" / "finance-tracker.json").read_bytes() == before
    (clone / "requirements.txt").write_text(wanted, encoding="utf-8")
    assert start(clone).returncode == 7


def test_a_copied_folder_is_set_up_anew(clone: Path, tmp_path: Path) -> None:
    set_up_by_hand(clone)
    copy = tmp_path / "copy"
    shutil.copytree(clone, copy, symlinks=True)
    assert "Setting up Finance Tracker" in start(copy).stderr
    assert start(clone).returncode == 7


@pytest.mark.parametrize("lost", ["finance-tracker.json", "bin/python", "lib/*/site-packages/peewee.py", "lib"])
def test_a_set_up_that_lost_a_part_is_repaired(clone: Path, lost: str) -> None:
    set_up_by_hand(clone)
    for path in (clone / ".venv").glob(lost):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    door = door_of(clone)
    assert not door.is_whole(door.read_stamp())


def test_another_line_ending_is_no_change(clone: Path) -> None:
    door = door_of(clone)
    before = door.needed(["test"])
    for name in NAMES[1:]:
        path = clone / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert door.needed(["test"]) == before


def test_two_starts_at_once_take_turns(clone: Path) -> None:
    door = door_of(clone)
    with open(clone / "requirements.txt", "rb") as first, open(clone / "requirements.txt", "rb") as second:
        assert door.locked(first)
        assert not door.locked(second)
        first.close()
        assert door.locked(second)


def test_a_broken_set_up_does_not_start_itself_for_ever(clone: Path) -> None:
    set_up_by_hand(clone)
    python = clone / ".venv" / "bin" / "python"
    (clone / ".venv" / "pyvenv.cfg").unlink()  # its Python now takes itself for the system's
    done = start(clone)
    assert python.exists()
    assert done.returncode == 1
    assert "does not work. Delete that folder and start again." in done.stderr


def test_run_py_can_be_read_by_python_3_6() -> None:
    ast.parse((ROOT / "run.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_an_old_python_is_told_so(clone: Path) -> None:
    program = (
        "import runpy, sys; sys.version_info = (3, 6, 9, 'final', 0); sys.version = '3.6.9 (old)';"
        f"runpy.run_path({str(clone / 'run.py')!r}, run_name='__main__')"
    )
    done = start(clone, program=program)
    assert done.returncode == 1
    assert done.stderr.startswith("Finance Tracker needs Python 3.11 or newer; this is Python 3.6.9.")
    assert not (clone / ".venv").exists()


def test_without_venv_the_debian_package_is_named(clone: Path) -> None:
    program = (
        "import importlib.util as u, runpy, sys; find = u.find_spec;"
        "u.find_spec = lambda name, *a: None if name == 'ensurepip' else find(name, *a);"
        f"sys.argv = ['run.py']; runpy.run_path({str(clone / 'run.py')!r}, run_name='__main__')"
    )
    done = start(clone, program=program)
    assert done.returncode == 1
    assert f"sudo apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv (or python3-venv)" in done.stderr


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("OSError: [Errno 13] Permission denied: '/srv/shop/.venv'", "can't write in"),
        ("The virtual environment was not created because ensurepip is not available.", "sudo apt install python3."),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by NewConnectionError", "needs the internet once"),
        (
            "ERROR: Could not find a version that satisfies the requirement pysqlite3==0.6.1 (from versions: none)",
            "is not made for Python 3.",
        ),
        ("ERROR: something nobody has seen", "  ERROR: something nobody has seen"),
    ],
)
def test_what_pip_prints_becomes_a_sentence(printed: str, told: str) -> None:
    assert told in door_of(ROOT).in_words(f"Collecting Flask\n{printed}\n")


def test_a_folder_that_cannot_be_written_is_said(clone: Path) -> None:
    (clone / ".venv").write_text("a file where the folder should be", encoding="utf-8")
    done = start(clone)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_ctrl_c_during_the_set_up_is_clean(clone: Path) -> None:
    door = door_of(clone)
    door.set_up = _interrupted
    assert door.main([]) == 130


def _interrupted(_: object) -> None:
    raise KeyboardInterrupt


def test_the_way_through_the_door_costs_little(clone: Path) -> None:
    set_up_by_hand(clone)
    program = "import sys, time; t = time.perf_counter(); import run; s = run.set_up(run.needed([])); "
    program += "print(s, time.perf_counter() - t)"
    took = []
    for _ in range(5):
        done = subprocess.run(
            [BASE, "-c", program], cwd=clone, env=offline(), capture_output=True, text=True, timeout=60, check=True
        )
        answer, seconds = done.stdout.split()
        assert answer == "None"
        took.append(float(seconds))
    assert min(took) < 0.06


def test_the_stamp_says_where_and_on_what_it_was_made(clone: Path) -> None:
    before = time.time()
    set_up_by_hand(clone)
    stamp = json.loads((clone / ".venv" / "finance-tracker.json").read_text(encoding="utf-8"))
    assert stamp["venv"] == str(clone.resolve() / ".venv")
    assert stamp["version"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert set(stamp["needs"]) == {"requirements.txt"}
    assert (clone / ".venv" / "finance-tracker.json").stat().st_mtime >= before - 2
