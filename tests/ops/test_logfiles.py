"""Logs: complete, never torn, never over their limit, whatever happens to the files. Time budget: 10 s."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.ops.supervision import program, supervised, wait_until
from tracker.config import Config
from tracker.ops import logfiles
from tracker.ops.logfiles import FOLD, LogFile, LogHandler, pump, tail


def _all(path: Path) -> bytes:
    """Everything that was kept, oldest first."""
    older = sorted(path.parent.glob(f"{path.name}.*"), key=lambda one: -int(one.suffix[1:]))
    return b"".join(one.read_bytes() for one in [*older, path] if one.exists())


def test_a_full_file_makes_room_at_a_line_end_and_the_oldest_goes(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", 100, 2)
    for n in range(40):
        log.write(b"line %04d\n" % n)
    log.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2"]
    assert all(one.stat().st_size == 100 for one in tmp_path.iterdir())
    assert _all(tmp_path / "web.log").split() == b"".join(b"line %04d\n" % n for n in range(10, 40)).split()


def test_a_flood_of_300_000_lines_is_complete_and_never_over_the_limit(config: Config) -> None:
    small = Config(root=config.root, data=config.data, log_max_bytes=1_000_000, log_backups=20)
    expected = "".join(f"{n:08d} {'abcdefghij' * (n % 7)} end\n" for n in range(150_000)).encode()
    with supervised(small, program(small, "web", "flood", 150_000)):
        for name in ("web", "web_error"):
            wait_until(lambda name=name: b"00149999 " in (tail_of(small.logs / f"{name}.log")), 60)
    for name in ("web", "web_error"):
        assert _all(small.logs / f"{name}.log") == expected
        assert max(one.stat().st_size for one in small.logs.glob(f"{name}.log*")) <= 1_000_000
        assert len(list(small.logs.glob(f"{name}.log.*"))) >= 6


def tail_of(path: Path) -> bytes:
    return "\n".join(tail(path, 3)).encode()


def test_a_line_longer_than_a_file_is_folded_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", 1000, 30)
    long = b"x" * 5000 + b"y"
    log.write(b"before\n")
    log.write(long + b"\nafter\n")
    log.close()
    assert all(one.stat().st_size <= 1000 for one in tmp_path.iterdir())
    assert _all(tmp_path / "web.log").replace(FOLD, b"") == b"before\n" + long + b"\nafter\n"


def test_a_child_that_never_ends_its_line_is_folded_as_it_goes(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", 10**7, 1)
    code = "import sys; sys.stdout.write('z' * 1_000_000); sys.stdout.write('\\nhalf a li'); sys.stdout.write('ne')"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        pump(child.stdout.fileno(), log)
    log.close()
    content = (tmp_path / "web.log").read_bytes()
    assert max(map(len, content.splitlines())) <= 2 * logfiles.LONGEST
    assert content.replace(FOLD, b"") == b"z" * 1_000_000 + b"\nhalf a line\n"


def test_a_log_that_somebody_deleted_is_made_again_at_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "web.log"
    log = LogFile(path, 1000, 2)
    log.write(b"one\n")
    log.close() if sys.platform == "win32" else None  # there an open file can't be deleted
    path.unlink()
    log.write(b"two\n")
    assert path.read_bytes() == b"two\n"
    log.close()
    path.unlink()
    path.parent.rmdir()
    log.write(b"three\n")
    assert path.read_bytes() == b"three\n"
    log.close()


def test_a_deleted_older_file_leaves_a_gap_that_is_filled_first(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", 10, 5)
    for n in range(5):
        log.write(b"line %04d\n" % n)
    (tmp_path / "web.log.2").unlink()
    log.write(b"line 0005\n")
    log.close()
    assert _all(tmp_path / "web.log") == b"".join(b"line %04d\n" % n for n in (0, 1, 3, 4, 5))
    assert (tmp_path / "web.log.3").read_bytes() == b"line 0001\n"


def test_while_the_disk_refuses_lines_are_counted_and_the_log_says_so_later(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    path.mkdir()  # as unwritable as a full disk, on every system and for every user
    log = LogFile(path, 1000, 2)
    started = time.monotonic()
    for n in range(500):
        log.write(b"lost %d\nand lost\n" % n)
    assert time.monotonic() - started < 5  # a child never waits for its log
    path.rmdir()
    log.write(b"back\n")
    log.write(b"again\n")
    log.close()
    note, *rest = path.read_text(encoding="utf-8").splitlines()
    assert "warning log: 1000 lines are missing here: " in note
    assert rest == ["back", "again"]


if sys.platform != "win32":

    def test_a_disk_that_is_full_in_the_middle_of_a_line_leaves_no_half_line(tmp_path: Path) -> None:
        code = (
            "import resource, sys; from pathlib import Path; from tracker.ops.logfiles import LogFile\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1005, resource.RLIM_INFINITY))\n"
            "log = LogFile(Path(sys.argv[1]), 10**6, 2)\n"
            "for n in range(20): log.write(b''.join(b'line %04d\\n' % (n * 10 + i) for i in range(10)))\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
            "log.write(b'room again\\n')\n"
        )
        path = tmp_path / "web.log"
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=Path(__file__).parents[2], timeout=30)
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[:100] == [f"line {n:04d}" for n in range(100)]
        assert "100 lines are missing here: File too large" in lines[100]
        assert lines[101:] == ["room again"]


def test_a_refused_rename_costs_no_line_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfiles, "_RENAME_AGAIN", 0.05)
    path, blocker = tmp_path / "web.log", tmp_path / "web.log.1"
    (blocker / "held").mkdir(
        parents=True
    )  # a file can't be renamed over it, as on Windows over one that is being viewed
    log = LogFile(path, 20, 1)
    for n in range(6):
        log.write(b"line %04d\n" % n)
    assert path.read_bytes() == b"".join(b"line %04d\n" % n for n in range(6))
    (blocker / "held").rmdir()
    blocker.rmdir()
    time.sleep(0.1)
    log.write(b"line 0006\n")
    log.close()
    assert path.read_bytes() == b"line 0006\n"
    assert blocker.stat().st_size == 60


def test_half_a_line_of_an_earlier_life_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    path.write_bytes(b"power cut in the mid")
    log = LogFile(path, 1000, 2)
    log.write(b"new\n")
    log.close()
    assert path.read_bytes() == b"power cut in the mid\nnew\n"


def test_many_threads_share_a_log_without_tearing_lines(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "web.log", 5000, 100)

    def write(who: int) -> None:
        for n in range(500):
            log.write(b"%d %04d the end\n" % (who, n))

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert sorted(_all(tmp_path / "web.log").splitlines()) == sorted(
        b"%d %04d the end" % (who, n) for who in range(4) for n in range(500)
    )


def test_the_last_lines_come_over_the_border_of_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    (tmp_path / "web.log.1").write_bytes(b"".join(b"old %d\n" % n for n in range(50_000)))
    path.write_bytes(b"new 0\nnew \xff\n")
    assert tail(path, 3) == ["old 49999", "new 0", "new \ufffd"]
    assert tail(path, 1) == ["new \ufffd"]
    assert len(tail(path, 20_002)) == 20_002
    assert tail(tmp_path / "no.log", 5) == []


def test_our_own_notes_are_one_line_each(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "supervisor.log", 10_000, 1)
    handler = LogHandler(log)
    handler.emit(logging.LogRecord("x", logging.WARNING, __file__, 1, "a %s", ("b\nforged",), None))
    log.close()
    assert (tmp_path / "supervisor.log").read_text(encoding="utf-8").endswith(" warning - x: a b\\x0aforged\n")
    assert sys.platform == "win32" or os.stat(tmp_path / "supervisor.log").st_mode & 0o777 == 0o600
