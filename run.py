"""The door: sets up the virtual environment on a fresh machine, then hands over to `tracker.cli`.

Until the hand-over only the standard library is there, and an old Python must be able to read this file to say that it
is too old: nothing here is newer than Python 3.6.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one place that an older Python reads
    sys.stderr.write(
        f"Finance Tracker needs Python 3.11 or newer; this is Python {sys.version.split()[0]}.\n"
        "Get it from https://www.python.org/downloads/ and start run.py with it, for example: python3.11 run.py\n"
    )
    sys.exit(1)

ROOT = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "finance-tracker.json")  # written last: without it the set-up counts as never made
WINDOWS = os.name == "nt"
PYTHON = os.path.join(VENV, "Scripts", "python.exe") if WINDOWS else os.path.join(VENV, "bin", "python")
CAME_BACK = "TRACKER_CAME_BACK"  # set for the second start only, so that a broken .venv can't start itself for ever


def main(arguments):
    came_back = os.environ.pop(CAME_BACK, None)
    if os.path.realpath(sys.prefix) == os.path.realpath(VENV):
        return hand_over(arguments)
    if came_back:
        return fail(f"The set-up in {VENV} does not work. Delete that folder and start again.")
    try:
        problem = set_up(needed(arguments))
    except KeyboardInterrupt:
        return fail("Stopped during the set-up. The next start takes it up again.", 130)
    except OSError as error:
        problem = in_words(str(error))
    return fail(problem) if problem else start_again(arguments)


def hand_over(arguments):
    """The real start, inside the virtual environment."""
    from tracker import cli

    return cli.main(arguments, timetable)


def timetable():
    """Only a door may import the timetable (and with it the worker's main); hence this is passed down."""
    import tasks

    return tasks


def start_again(arguments):
    """Start this file once more with the virtual environment's Python, on the same stdin, stdout and stderr."""
    os.environ[CAME_BACK] = "1"
    command = [PYTHON, os.path.join(ROOT, "run.py")] + arguments
    if not WINDOWS:
        os.execv(PYTHON, command)
    import subprocess

    child = subprocess.Popen(command)  # Windows' exec would leave the console waiting for nobody
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child got it too and is finishing
            continue


def fail(sentence, code=1):
    print(sentence, file=sys.stderr)
    return code


# --- is everything there? --------------------------------------------------------------------------------------------


def needed(arguments):
    """The requirements files that this start wants, each with the SHA-256 of its text."""
    import hashlib

    names = ["requirements.txt"] + (["requirements-dev.txt"] if arguments[:1] == ["test"] else [])
    wanted = {}
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as file:
            wanted[name] = hashlib.sha256(file.read().replace(b"\r\n", b"\n")).hexdigest()
    return wanted


def read_stamp():
    """What the last complete set-up wrote, or an empty dict."""
    import json

    try:
        with open(STAMP, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def is_whole(stamp):
    """Whether .venv stands where it was made (a copied folder does not), on the same Python, with nothing missing."""
    if not stamp or stamp["venv"] != VENV or not os.path.exists(stamp["base"]) or not os.path.exists(PYTHON):
        return False
    if os.path.realpath(PYTHON) != stamp["python"] or (base() == stamp["base"] and version() != stamp["version"]):
        return False
    return os.path.isdir(stamp["folder"]) and set(stamp["packages"]) <= set(os.listdir(stamp["folder"]))


def is_installed(stamp, wanted):
    return all(stamp["needs"].get(name) == digest for name, digest in wanted.items())


def base():
    """The Python that the virtual environment stands on."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


def version():
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


# --- set-up ----------------------------------------------------------------------------------------------------------


def set_up(wanted):
    """Make or mend .venv where needed. Returns a sentence when it could not be done, else None."""
    stamp = read_stamp()
    if is_whole(stamp) and is_installed(stamp, wanted):
        return None
    with open(os.path.join(ROOT, "requirements.txt"), "rb") as file:
        take_turns(file)
        stamp = read_stamp()
        if not is_whole(stamp):
            return make(wanted)
        return None if is_installed(stamp, wanted) else update(stamp, wanted)


def take_turns(file):
    """Wait until this process alone sets up; the lock goes with the file's closing, however the process ends."""
    import time

    told = False
    while not locked(file):
        if not told:
            print("Another start is setting up just now; waiting for it …", file=sys.stderr)
        told = True
        time.sleep(0.1)


def locked(file):
    try:
        if WINDOWS:
            import msvcrt

            file.seek(1 << 30)  # far behind the text, so that pip may read it
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def make(wanted):
    """A fresh .venv with everything in it."""
    from importlib.util import find_spec

    if find_spec("venv") is None or find_spec("ensurepip") is None:
        return in_words("ensurepip is missing")
    print("Setting up Finance Tracker (once, about a minute) …", file=sys.stderr)
    print("  1 of 2: making the folder .venv", file=sys.stderr)
    if os.path.exists(STAMP):
        os.remove(STAMP)
    problem = run([sys.executable, "-m", "venv", "--clear", VENV])
    if problem:
        return problem
    print("  2 of 2: fetching and installing what the program needs", file=sys.stderr)
    return install(wanted)


def update(stamp, wanted):
    """Install what changed since; until it is whole again there is no stamp, so that a kill half-way is noticed."""
    print("Installing what the program newly needs …", file=sys.stderr)
    with open(STAMP, "rb") as file:
        before = file.read()
    os.remove(STAMP)
    problem = install(wanted)
    if problem:
        with open(STAMP, "wb") as file:
            file.write(before)
    return problem


def install(wanted):
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    for name in wanted:
        command += ["-r", os.path.join(ROOT, name)]
    problem = run(command)
    if problem is None:
        write_stamp(wanted)
        print("  done", file=sys.stderr)
    return problem


def write_stamp(wanted):
    import json

    parts = ["Lib", "site-packages"] if WINDOWS else ["lib", f"python{version()}", "site-packages"]
    folder = os.path.join(VENV, *parts)
    packages = sorted(name for name in os.listdir(folder) if name != "__pycache__")
    python = os.path.realpath(PYTHON)
    stamp = {"venv": VENV, "python": python, "base": base(), "version": version(), "needs": wanted}
    stamp.update(folder=folder, packages=packages)
    with open(STAMP + ".new", "w", encoding="utf-8") as file:
        json.dump(stamp, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(STAMP + ".new", STAMP)


def run(command):
    """Run a step of the set-up quietly. Returns what went wrong in words, or None."""
    import subprocess

    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    environment.update(PIP_USER="0", PYTHONUTF8="1")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, env=environment, check=False, **quiet)
    return in_words(done.stdout.decode("utf-8", "replace")) if done.returncode else None


# What venv, pip and the system print (parts of it, one group a line), and what a shopkeeper is told.
PROBLEMS = (
    (
        "No space left|Errno 28|disk full|WinError 112",
        "The disk is full: make about 200 MB of room and start again.",
    ),
    (
        "Permission denied|Errno 13|Read-only file system|Errno 30|Access is denied|WinError 5]|WinError 32]",
        f"The set-up can't write in {ROOT}. Start it as the folder's owner, with Finance Tracker stopped.",
    ),
    (
        "ensurepip is not|ensurepip is missing|No module named ensurepip|No module named venv",
        f"Python's venv module is missing, which the set-up needs. On Debian and Ubuntu: "
        f"sudo apt install python{version()}-venv (or python3-venv). Then start again.",
    ),
    (
        "requirement pysqlite3|require a different python|metadata-generation-failed|Failed building wheel",
        f"A package that Finance Tracker needs is not made for Python {version()} on this computer. "
        "Python 3.11 to 3.14 (64 bit) from https://www.python.org/downloads/ will do.",
    ),
    (
        "NewConnectionError|Retrying (|ConnectTimeout|ReadTimeout|ProxyError|getaddrinfo|(from versions: none)",
        "The set-up needs the internet once, and it can't be reached. Check the connection and start again; "
        "nothing in the data folder was touched.",
    ),
)


def in_words(output):
    """The sentence for what venv or pip printed; where it is not known, their last lines themselves."""
    import shutil

    if shutil.disk_usage(ROOT).free < 20_000_000:  # venv does not say why its pip could not be unpacked
        output += "No space left"
    for signs, sentence in PROBLEMS:
        if any(sign in output for sign in signs.split("|")):
            return sentence
    lines = [line for line in output.splitlines() if line.strip()][-8:]
    return "The set-up failed. The last lines say why:\n" + "\n".join("  " + line for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
