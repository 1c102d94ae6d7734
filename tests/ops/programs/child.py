"""A little child for the supervisor's tests: `child.py MODE FILE ...`; its first act is a line with its pid in FILE.

quiet FILE            lives until the leash lets go
crash FILE CODE N     complains in N lines and ends with CODE, at once
stubborn FILE         never lets go, and has a child of its own, whose pid is the second line
parent FILE           like quiet, but leaves a child of its own behind
flood FILE N          N numbered lines on stdout and as many on stderr, then quiet
web FILE PORT         answers /livez until the file FILE.deaf exists; then it only listens
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def main() -> int:
    mode, file, *rest = sys.argv[1:]
    _note(file, os.getpid())
    if mode == "crash":
        for n in range(int(rest[1])):
            print(f"complaint {n}", file=sys.stderr)
        return int(rest[0])
    if mode in ("stubborn", "parent"):
        sleeper = [sys.executable, "-S", "-E", "-c", "import time; time.sleep(100)"]
        _note(file, subprocess.Popen(sleeper, stdin=subprocess.DEVNULL).pid)
    if mode == "stubborn":
        time.sleep(100)
    if mode == "flood":
        _flood(int(rest[0]))
    if mode == "web":
        threading.Thread(target=_serve, args=(int(rest[0]), Path(f"{file}.deaf")), daemon=True).start()
    _wait_for_the_leash()
    return 0


def _note(file: str, pid: int) -> None:
    with Path(file).open("a", encoding="utf-8") as out:
        out.write(f"{pid} {time.monotonic()}\n")


def _flood(lines: int) -> None:
    for start in range(0, lines, 1000):
        text = "".join(f"{n:08d} {'abcdefghij' * (n % 7)} end\n" for n in range(start, min(lines, start + 1000)))
        for stream in (sys.stdout, sys.stderr):
            stream.write(text)
            stream.flush()


def _serve(port: int, deaf: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                request = connection.recv(1000)
                if not deaf.exists() and request.startswith(b"GET /livez ") and f"127.0.0.1:{port}".encode() in request:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def _wait_for_the_leash() -> None:
    sys.path.insert(0, str(ROOT))
    from tracker.ops import leash

    ended = threading.Event()
    leash.watch(ended.set)
    ended.wait()


if __name__ == "__main__":
    sys.exit(main())
