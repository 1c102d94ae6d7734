"""Files written whole or not at all, keys made once, locks that end with their process. Budget: 5 s."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tracker import files
from tracker.config import ROOT
from tracker.errors import Busy


def test_a_file_is_replaced_whole_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    files.write_private(path, b"one")
    files.write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["key"]
    if not files.WINDOWS:
        assert path.stat().st_mode & 0o777 == 0o600


def test_two_starters_agree_on_one_key(tmp_path: Path) -> None:
    got: list[bytes] = []
    barrier = threading.Barrier(8)

    def start(n: int) -> None:
        barrier.wait()
        got.append(files.write_once(tmp_path / "key", f"key {n}".encode()))

    threads = [threading.Thread(target=start, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(got)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["key"]


def test_a_lock_is_held_once_and_says_by_whom(tmp_path: Path) -> None:
    first, second = files.Lock(tmp_path / "lock"), files.Lock(tmp_path / "lock")
    first.acquire("pid 12")
    with pytest.raises(Busy, match="pid 12"):
        second.acquire()
    assert second.is_held()
    first.release()
    assert not second.is_held()
    second.acquire("pid 13")
    second.release()


def test_a_lock_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tracker.files import Lock; lock = Lock(Path(sys.argv[1]));"
        "lock.acquire('the other'); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    lock = files.Lock(tmp_path / "lock")
    assert lock.is_held()
    holder.kill()
    holder.communicate()
    lock.acquire(patience=5)
    lock.release()
