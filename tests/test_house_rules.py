"""The rules of the house that a machine can hold us to. Budget: 12 s."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tracker.config import ROOT

LINES_A_FILE, LINES_A_FUNCTION = 300, 50
TOP_LEVEL = {
    *("tracker", "templates", "static", "data", "tests", "docs", "benchmarks"),
    *("run.py", "tasks.py", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "README.md", "LICENSE"),
}
DOORS = [ROOT / name for name in ("run.py", "tasks.py") if (ROOT / name).exists()]
PROGRAM = sorted(p for p in (ROOT / "tracker").rglob("*.py") if p.stat().st_size) + DOORS
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PAGES = sorted(p for p in (ROOT / "templates").rglob("*.html") if "email" not in p.relative_to(ROOT).parts)
MONEY = [p for p in PROGRAM if p.name in ("money.py", "quantity.py", "numerals.py") or "shop" in p.parts]

ENDS = r"[.!?:]\s*$|: run\.py [^.]*$"  # a sentence, or the command to type

Found = list[str]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path, node: ast.AST | int | None = None) -> str:
    line = node if isinstance(node, int) else getattr(node, "lineno", 1)
    return f"{path.relative_to(ROOT).as_posix()}:{line}"


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Each call in a file with what is called, as `time.time` or `.now` where the left side is no plain name."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield node, _called(node.func)


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute):
        left = function.value
        return f"{left.id if isinstance(left, ast.Name) else ''}.{function.attr}"
    return ""


# --- modules --------------------------------------------------------------------------------------------------------


def test_every_module_opens_with_a_sentence() -> None:
    wrong: Found = []
    for path in PROGRAM + TESTS:
        words = (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0]
        if path.stat().st_size and not re.match(r"[A-Za-z0-9`].*[.!?]$", " ".join(words.split())):
            wrong.append(f"{place(path)} {words[:60]!r}")
    assert not wrong, "\n".join(wrong)


def test_files_and_functions_stay_small() -> None:
    wrong: Found = []
    for path in PROGRAM:
        if "migrations" in path.parts:
            continue
        lines = sum(bool(line.strip()) for line in path.read_text(encoding="utf-8").splitlines())
        if lines > LINES_A_FILE:
            wrong.append(f"{place(path)} has {lines} lines that are not empty")
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > LINES_A_FUNCTION:
                    wrong.append(f"{place(path, node)} {node.name} has {lines} lines")
    assert not wrong, "\n".join(wrong)


def test_public_functions_are_typed() -> None:
    wrong: Found = []
    for path in PROGRAM:
        if path.name == "run.py" or "migrations" in path.parts:  # an old Python must be able to read run.py
            continue
        for node in tree_of(path).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.returns is None:
                wrong.append(f"{place(path, node)} {node.name}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError\(\)$")
    wrong: Found = []
    for path in PROGRAM + TESTS:
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type == tokenize.COMMENT and marks.search(token.string):
                wrong.append(f"{place(path, token.start[0])} {token.string}")
    assert not wrong, "\n".join(wrong)


def test_no_test_is_skipped_or_expected_to_fail() -> None:
    wrong: Found = []
    for path in TESTS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and node.attr in ("skip", "skipif", "xfail", "importorskip"):
                wrong.append(place(path, node))
    assert not wrong, "\n".join(wrong)


def test_tests_are_named_by_sentences() -> None:
    wrong: Found = []
    for path in TESTS:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name.count("_") < 2:
                wrong.append(f"{place(path, node)} {node.name}")
    assert not wrong, "\n".join(wrong)


def test_the_top_level_is_what_was_agreed() -> None:
    there = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"__pycache__"}
    assert there <= TOP_LEVEL


# --- imports --------------------------------------------------------------------------------------------------------


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120,
        check=False,
    )  # fmt: skip


def test_the_floors_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("tracker/shop/settings.py", "from tracker.web import access"),
        ("tracker/money.py", "from tracker import db"),
        ("tracker/ops/startup.py", "import tasks"),
        ("tracker/cli/output.py", "import huey"),
    ],
)
def test_the_contracts_bite(tmp_path: Path, module: str, line: str) -> None:
    """A floor that imports one above it, the door or Huey is refused: the negative control of the test before."""
    shutil.copytree(ROOT / "tracker", tmp_path / "tracker", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for door in ("run.py", "tasks.py"):
        (tmp_path / door).write_text('"""A door."""\n', encoding="utf-8")
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout[-4000:] + done.stderr[-2000:]
    assert "BROKEN" in done.stdout


# --- time, money, files, words --------------------------------------------------------------------------------------


def test_only_the_clock_asks_the_time() -> None:
    asked = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    naive = {".utcnow", ".utcfromtimestamp", "datetime.utcfromtimestamp"}
    wrong = [
        f"{place(path, call)} {name}"
        for path in PROGRAM
        if path.name not in ("clock.py", "run.py")
        for call, name in calls(path)
        if name in asked | naive
    ]
    assert not wrong, "\n".join(wrong)


def test_no_float_comes_near_money() -> None:
    wrong: Found = []
    for path in MONEY:
        for node in ast.walk(tree_of(path)):
            is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            if is_division and not _is_path(node):
                wrong.append(f"{place(path, node)} /")
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                if name in ("float", "FloatField", "DoubleField") and not _is_annotation(path, node):
                    wrong.append(f"{place(path, node)} {name}")
    assert not wrong, "\n".join(wrong)


def _is_path(node: ast.AST) -> bool:
    right = node.right if isinstance(node, ast.BinOp) else None
    return isinstance(right, ast.JoinedStr) or (isinstance(right, ast.Constant) and isinstance(right.value, str))


def _is_annotation(path: Path, node: ast.AST) -> bool:
    """A time in seconds may be typed as a float; nothing may be turned into one."""
    for other in ast.walk(tree_of(path)):
        for kind in ("annotation", "returns"):
            annotation = getattr(other, kind, None)
            if annotation is not None and any(part is node for part in ast.walk(annotation)):
                return True
    return False


def test_every_text_file_says_its_encoding() -> None:
    wrong: Found = []
    for path in PROGRAM + TESTS:
        for call, name in calls(path):
            said = {keyword.arg for keyword in call.keywords}
            texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            is_said = (
                any(re.fullmatch(r"[rwaxb+]*b[rwaxb+]*", text) for text in texts)
                or "encoding" in said
                or "utf-8" in texts
            )
            is_text = name.endswith((".read_text", ".write_text")) or name in ("open", "path.open", "file.open")
            if is_text and not is_said:
                wrong.append(f"{place(path, call)} {name}")
    assert not wrong, "\n".join(wrong)


def test_only_the_command_line_prints() -> None:
    stock = (
        ROOT / "tracker" / "jobs" / "worker.py"
    )  # the stock consumer's command line is not ours: it says why it leaves
    allowed = {ROOT / "run.py", ROOT / "tracker" / "cli" / "output.py", stock}
    wrong = [
        place(path, call) for path in PROGRAM if path not in allowed for call, name in calls(path) if name == "print"
    ]
    assert not wrong, "\n".join(wrong)


def test_only_shop_and_ops_write_the_books() -> None:
    wrong = [
        place(path, call)
        for path in PROGRAM
        if {"web", "cli", "mail"} & set(path.relative_to(ROOT).parts) or path.parent == ROOT
        for call, name in calls(path)
        if name in ("db.write", "write_books")
    ]
    assert not wrong, "\n".join(wrong)


def test_what_goes_wrong_is_said_in_sentences() -> None:
    kinds = {"Refused", "NotFound", "NotAllowed", "Busy", "Misconfigured", "DataError"}
    wrong: Found = []
    for path in PROGRAM:
        for call, name in calls(path):
            if name.rpartition(".")[2] not in kinds or not call.args:
                continue
            first, last = _ends(call.args[0])
            if (first and not re.match(r"[A-Z0-9'\"“‘`.]|run\.py", first)) or (last and not re.search(ENDS, last)):
                wrong.append(f"{place(path, call)} {first[:40]!r} … {last[-40:]!r}")
    assert not wrong, "\n".join(wrong)


def _ends(message: ast.expr) -> tuple[str, str]:
    """How a text begins and ends, as far as it stands in the code."""
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        return message.value, message.value
    if isinstance(message, ast.JoinedStr) and message.values:
        first, last = message.values[0], message.values[-1]
        return (
            str(first.value) if isinstance(first, ast.Constant) else "",
            str(last.value) if isinstance(last, ast.Constant) else "",
        )
    return "", ""


# --- pages and requirements -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("an inline script", r"<script(?![^>]*\bsrc=)"),
        ("an inline style", r"<style\b|\sstyle\s*="),
        ("an event attribute", r"<[^>]*\son[a-z]+\s*="),
        ("a script address", r"javascript:"),
        ("text taken as HTML", r"\|\s*safe\b|autoescape\s+false"),
        ("another host", r"""(?:src|href|action)=["'](?:https?:)?//"""),
    ],
)
def test_no_page_has(what: str, pattern: str) -> None:
    wrong: Found = []
    for path in PAGES:
        text = re.sub(
            r"\{#.*?#\}", lambda m: "\n" * m.group().count("\n"), path.read_text(encoding="utf-8"), flags=re.S
        )
        for match in re.finditer(pattern, text, flags=re.I):
            if "https://wa.me/" not in text[match.start() : match.end() + 20]:  # the one link that leaves the shop
                wrong.append(
                    f"{place(path, text.count(chr(10), 0, match.start()) + 1)} {what}: {match.group()[-60:]!r}"
                )
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_exactly(name: str) -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("-")]
    assert wanted
    assert [line for line in wanted if not re.match(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*( ;.*)?$", line)] == []


def test_what_is_pinned_runs_on_the_oldest_python_that_we_promise() -> None:
    """Debian 12 has Python 3.11.2: a package that wants 3.11.5 would make the first start fail there."""
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements-dev.txt"))
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)(?!.*sys_platform == \"win32\"$)", text, flags=re.M)
    assert len(pinned) > 20
    wrong: Found = []
    for name, wanted in pinned:
        there = distribution(name)
        assert there.version == wanted
        if not SpecifierSet(there.metadata["Requires-Python"] or "").contains("3.11.2"):
            wrong.append(f"{name} {wanted} needs Python {there.metadata['Requires-Python']}")
    assert not wrong, "\n".join(wrong)


def test_git_ignores_nothing_that_the_program_needs(tmp_path: Path) -> None:
    """What a clone brings is enough to show the commands: no file of ours hides behind .gitignore."""
    if (ROOT / ".git").exists():
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, timeout=30, check=True)
        names = {name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    else:
        names = {path.relative_to(ROOT).as_posix() for path in PROGRAM}
    missing = [path for path in PROGRAM if path.relative_to(ROOT).as_posix() not in names]
    assert missing == []
    for name in names:
        if name.startswith("tracker/"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    program = "import sys; sys.path.insert(0, '.'); from tracker import cli; cli.main(['--help-all'], list)"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    assert "COMMAND" in shown.stdout
