"""docs/interfaces.md, held to the program in both directions. Budget: 20 s."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import tasks
from tests import cast
from tests.ports import free_port
from tracker import cli, db
from tracker.config import ROOT, Config
from tracker.mail import compose, render, samples
from tracker.ops import control, job_runs, owner, program, service, startup, status, timetable
from tracker.shop import exports, imports, low_stock, outbox, roles, users
from tracker.web import create_app

PAGE = (ROOT / "docs" / "interfaces.md").read_text(encoding="utf-8")


def part(title: str) -> str:
    """What stands under a heading of the page."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, flags=re.M | re.S)
    assert found, f"the page has no part {title!r}"
    return found[1]


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text.replace("\n", " "))


def words_after(label: str, text: str) -> set[str]:
    """The words in the code that follows a label, e.g. `States: `A B C``."""
    found = re.search(rf"{re.escape(label)}\s+`([^`]+)`", text)
    assert found, f"nothing follows {label!r}"
    return set(found[1].split())


def table(text: str) -> list[list[str]]:
    """The rows of the table in a part, without its head."""
    rows = [line.strip().strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


def sources(*folders: str) -> str:
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return "\n".join(path.read_text(encoding="utf-8") for path in [*files, ROOT / "run.py", ROOT / "tasks.py"])


# --- exit codes and commands ----------------------------------------------------------------------------------------


def test_the_exit_codes_are_those_of_the_page() -> None:
    ours = {cli.DONE, cli.FAILED, cli.WRONG_USAGE, cli.NOT_RUNNING, cli.NO_SUCH_NAME, cli.BUSY, cli.CONFIGURATION}
    assert {int(row[0]) for row in table(part("Exit codes"))} == ours | {cli.INTERRUPTED}
    assert (program.BUSY, program.MISCONFIGURED) == (cli.BUSY, cli.CONFIGURATION)


def commands(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Every command with its options, as the parser has them."""
    options = {name for action in parser._actions for name in action.option_strings}
    nested = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if path:
        options -= {"-h", "--help"}
    if not path or not nested:
        yield " ".join(path), options
    for action in nested:
        for name, child in action.choices.items():
            yield from commands(child, (*path, name))


def test_every_command_and_option_is_on_the_page_and_the_other_way_round() -> None:
    there = dict(commands(cli._parser()))
    block = re.search(r"```\n(run\.py \[-h\].*?)```", part("Commands"), flags=re.S)
    assert block
    written: dict[str, set[str]] = {}
    for line in block[1].splitlines():
        _, *words = line.split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in there else words[0] if words[0] in there else ""
        assert name or words[0].startswith("["), f"there is no command for {line!r}"
        options = re.findall(r"(?<![\w-])--?[a-z][a-z-]*", line)
        written.setdefault(name, set()).update(options)
    assert written == there


# --- lines and JSON -------------------------------------------------------------------------------------------------


def test_the_status_lines_are_exactly_those_of_the_page() -> None:
    def one(name: str, now: program.Snapshot) -> dict[str, Any]:
        return {**status.status_of(name, now), "uptime_s": 83 if now.pid else None}

    now = {"programs": [one("web", program.Snapshot("RUNNING", 12)), one("worker", program.Snapshot())]}
    for line in status.status_lines(now):
        assert f"\n{line}\n" in part("Commands")


Shape = dict[str, Any]


def shape_of(notation: str) -> Any:
    """`a b[c] d{e}` as {"a": None, "b": [{"c": None}], "d": {"e": None}}."""
    tokens = re.findall(r"\w+|[\[\]{}]", notation)

    def read(end: str) -> Shape:
        found: Shape = {}
        while tokens and tokens[0] != end:
            name = tokens.pop(0)
            found[name] = None
            if tokens and tokens[0] in "[{":
                opened = tokens.pop(0)
                inner = read("]" if opened == "[" else "}")
                tokens.pop(0)
                found[name] = [inner] if opened == "[" else inner
        return found

    if tokens[0] == "[":
        tokens.pop(0)
        return [read("]")]
    return read("")


def differs(value: Any, shape: Any, path: str = "") -> list[str]:
    """Where a document is not of the written shape. A list must have something in it, or nothing would be compared."""
    if shape is None:
        return []
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return [f"{path or 'the document'} is no list with something in it"]
        return [line for one in value for line in differs(one, shape[0], f"{path}[]")]
    more = set(value) - set(shape) if path != "counts" and not path.endswith(".counts") else set()
    wrong = [f"{path} lacks {name}" for name in shape if name not in value] + [f"{path} has {name}" for name in more]
    return wrong + [
        line for name in shape if name in value for line in differs(value[name], shape[name], f"{path}.{name}")
    ]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Amina's demo shop with a mail server that nobody answers at; reminded, alerted, copied."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        _use(patch, folder)
        with pytest.MonkeyPatch.context() as typed:
            typed.setattr("sys.stdin", _Typed(cast.PASSWORD))
            who = ["--admin-name", "Amina", "--admin-user", "amina", "--admin-email", "amina@shop.example"]
            assert (
                cli.main(["setup", "--shop", "Amina's", "--country", "KE", *who, "--password-stdin"], _timetable) == 0
            )
        assert cli.main(["demo", "load"], _timetable) == 0
        for job in ("debt_reminders", "reorder_alerts"):
            assert cli.main(["job", job], _timetable) == 0
        assert cli.main(["backup"], _timetable) == 0
        (folder / "bad.csv").write_text("code,name\nX,\n", encoding="utf-8")
        startup.close_shop()
    yield folder


class _Typed:
    def __init__(self, text: str) -> None:
        self._text = text

    def readline(self) -> str:
        return f"{self._text}\n"


def _timetable() -> Any:
    return tasks


def _use(patch: pytest.MonkeyPatch, folder: Path) -> None:
    names = {"TRACKER_DATA": folder / "data", "TRACKER_PORT": free_port(), "TRACKER_SUPERVISOR_PORT": free_port()}
    mail = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": free_port(), "SMTP_TLS": "plain", "SMTP_FROM": "shop@shop.example"}
    for name, value in (names | mail).items():
        patch.setenv(name, str(value))


JSON = {row[0]: row[1] for row in table(part("JSON"))}


@pytest.mark.parametrize("command", JSON)
def test_the_document_has_the_written_keys(
    command: str, demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _use(monkeypatch, demo)
    code = cli.main(command.replace("FILE", str(demo / "bad.csv")).split(), _timetable)
    shown = capsys.readouterr().out
    assert code in (0, 1, 3)
    assert differs(json.loads(shown), shape_of(JSON[command])) == []


@pytest.mark.parametrize("command", ["user list", "jobs", "job backup --preview", "jobs nonsense --runs"])
def test_a_command_leaves_nothing_behind_that_looks_like_a_crash(
    command: str, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file left in data/running/ would make the next start, or a copy of the folder, believe that somebody died."""
    _use(monkeypatch, demo)
    cli.main(command.split(), _timetable)
    assert list((demo / "data" / "running").iterdir()) == []


def test_the_comparison_of_documents_bites() -> None:
    shape = shape_of("a b[c d{e}]")
    assert shape == {"a": None, "b": [{"c": None, "d": {"e": None}}]}
    assert differs({"a": 1, "b": [{"c": 2, "d": {"e": 3}}]}, shape) == []
    for wrong in ({"a": 1}, {"a": 1, "b": []}, {"a": 1, "b": [{"c": 2}]}, {"a": 1, "b": [{"c": 2, "d": {}}]}):
        assert differs(wrong, shape)
    assert differs({"a": 1, "b": [{"c": 2, "d": {"e": 3}}], "x": 1}, shape)


def test_the_doctors_ids_are_those_of_the_page() -> None:
    found = re.search(r"Doctor ids:\s+`([^`]+)`, and `(job_NAME)`", part("JSON"))
    assert found
    there = set(re.findall(r'Check\(\s*"(\w+)"', sources("tracker")))
    assert set(found[1].split()) == there
    assert 'Check(f"job_{name}"' in sources("tracker/ops")


# --- states, jobs, processes ----------------------------------------------------------------------------------------


def test_the_states_are_those_of_the_page() -> None:
    migration = (ROOT / "tracker" / "migrations" / "0001_initial.py").read_text(encoding="utf-8")
    assert words_after("Run states:", PAGE) == set(job_runs.STATES)
    assert words_after("Outbox states:", PAGE) == set(outbox.STATES)
    assert words_after("Product states:", PAGE) == set(low_stock.WORDS)
    assert words_after("Roles:", PAGE) == set(roles.ROLES)
    assert words_after("Kinds of notices:", PAGE) == {kind for kind, *_ in users.KINDS}
    for label, column in (("Triggers:", "trigger"), ("choices:", "notices")):
        allowed = re.search(rf"{column} IN \(([^)]*)\)", migration)
        assert allowed
        assert words_after(label, PAGE) == set(re.findall(r"'([\w-]+)'", allowed[1]))
    states = {value for name, value in vars(program).items() if name.isupper() and isinstance(value, str)}
    assert words_after("States:", part("Processes")) == states


def test_the_jobs_are_those_of_the_page() -> None:
    written = {}
    for name, title, default, late, longest, tries in table(part("Jobs")):
        written[name] = (title, default, late, longest, tries)
    hours = timetable.declared()
    there = {
        job.name: (
            job.title,
            _hours(hours[job.name]),
            f"{job.grace / timedelta(hours=1):g} h" if job.grace else "any",
            f"{job.deadline / timedelta(minutes=1):g} min",
            str(job.attempts),
        )
        for job in timetable.JOBS.values()
    }
    assert written == there


def _hours(hours: timetable.Hours) -> str:
    if hours.cron:
        return f"cron `{hours.cron}"  # the closing mark went with the cell's
    return f"{'every day' if hours.days == 'every' else hours.days} {hours.at}"


def test_the_processes_keep_the_written_rules() -> None:
    from tracker.ops.supervisor import standard_programs

    text, timing = part("Processes"), program.Timing()
    programs = {one.name: (one.priority, one.stop_wait) for one in standard_programs(Config())}
    assert programs == {"web": (100, 15), "worker": (200, 60)}
    assert "`web` (priority 100, 15 s to stop)" in text and "(priority 200, 60 s to stop;" in text.replace("\n", " ")
    at, moments = 0.0, []
    for deaths in range(1, timing.deaths + 1):
        state, wait = program.after_death(0, deaths, 0, timing)
        assert state in (program.EXITED, program.BACKOFF)
        at += wait
        moments.append(f"{at:g}")
    assert f"restarts at {', '.join(moments[:-1])} and {moments[-1]} s" in re.sub(r"\s+", " ", text)
    assert program.after_death(1, timing.deaths + 1, 0, timing) == (program.FATAL, 600.0)
    assert program.after_death(78, 1, 0, timing) == (program.FATAL, 600.0)
    assert {program.after_death(75, 0, busy, timing)[0] for busy in range(1, 50)} == {program.BACKOFF}
    assert program.after_death(75, 0, 50, timing)[1] == 60.0
    assert words_after("commands", text) == set(control.COMMANDS)
    assert owner.Owner.__doc__ is not None
    units = {unit.name for split in (False, True) for unit in service.units(Config(), split, False)}
    assert units == {f"{name}.service" for name in spans(text) if re.fullmatch(r"finance-tracker[\w-]*", name)}
    assert f"`{service.LABEL}`" in text


# --- environment, files, mail ---------------------------------------------------------------------------------------


def test_every_variable_is_on_the_page_and_the_other_way_round() -> None:
    pattern = r"\b(?:TRACKER_|SMTP_|DATABASE_URL\b|CRASH_AT\b)[A-Z_]*"
    people, tests = part("Environment").split("\nFor tests:")
    program = set(re.findall(rf'"({pattern})"', sources("tracker"))) - {"TRACKER_", "TRACKER_TEST", "SMTP_"}
    assert set(re.findall(pattern, people)) == program - {"CRASH_AT"}
    assert set(re.findall(pattern, tests)) <= program | set(re.findall(rf'"({pattern})"', sources("tests")))


def test_the_headers_of_a_mail_are_those_of_the_page() -> None:
    text = part("Mail")
    assert words_after("Kinds:", text) == set(render.KINDS)
    shop = render.ShopFacts.of("Amina's", "http://192.168.1.20:8000", "en_KE")
    rendered = render.render("test_email", samples.sample_context("test_email"), shop)
    letter = compose.Letter(rendered, "test_email", ("a@b.example", "A"), ("s@b.example", "S"), "<1@x.invalid>")
    sent = letter._message()
    headers = [span for span in spans(text) if re.fullmatch(r"(X-|Message-|Auto-)[\w-]+(: .*)?", span)]
    assert len(headers) == 4
    for header in headers:
        name, _, value = header.partition(": ")
        assert sent[name]
        assert not value or sent[name] == value.replace("KIND", "test_email")
    assert set(compose._FIXED_HEADERS) <= {header.partition(":")[0] for header in headers}


def test_the_columns_of_files_are_those_of_the_page() -> None:
    text = part("Files in and out")
    written = dict(re.findall(r"^- (\w+): `([^`]+)`", text, flags=re.M))
    assert {kind: columns.split(",") for kind, columns in written.items()} == {
        kind: imports.header(kind) for kind in imports.KINDS
    }
    assert words_after("Exports:", text) == set(exports.KINDS)
    for kind in imports.KINDS:
        assert list(exports.KINDS[kind].columns)[: len(imports.header(kind))] == imports.header(kind)


# --- pages ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    yield create_app(config)
    db.close()


def test_the_stable_addresses_are_there(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    named = {span for span in spans(part("Pages")) if re.fullmatch(r"/[\w/<>]*", span)}
    assert {"/", "/healthz", "/livez", "/stock/low"} <= named | {"/healthz", "/livez"}
    assert named <= rules


def test_lists_come_as_files_and_health_answers_as_written(app: Flask) -> None:
    cast.shop()
    from tracker.shop import sessions
    from tracker.web.security import login_cookie

    client = app.test_client()
    amina = users.find("amina")
    assert amina is not None
    client.set_cookie(login_cookie(app), sessions.start(amina.id), domain="localhost")
    listed = re.search(r"`\?format=xlsx`:\s+(.*?)\.\n", part("Pages"), flags=re.S)
    assert listed
    for address in spans(listed[1]):
        for kind, mime in (("csv", "text/csv"), ("xlsx", "application/vnd.openxmlformats")):
            answer = client.get(f"{address}?format={kind}", base_url="http://localhost:8000")
            assert (answer.status_code, answer.content_type[: len(mime)]) == (200, mime), address
    assert client.get("/livez", base_url="http://localhost:8000").text == "ok\n"
    health = client.get("/healthz", base_url="http://localhost:8000")
    written = json.loads(next(span for span in spans(part("Pages")) if span.startswith("{")))
    assert health.status_code == 503  # no worker runs here
    said = health.get_json()
    assert set(said) == set(written)
    assert all(said[name] in written[name].split("|") for name in written)


def test_who_may_not_is_answered_as_written(app: Flask) -> None:
    cast.shop()
    ask: Callable[..., Any] = app.test_client().open
    stranger = ask("/products", base_url="http://localhost:8000")
    assert (stranger.status_code, stranger.location.partition("?")[0]) == (303, "/login")
    assert ask("/products", base_url="http://evil.example").status_code == 400
    assert ask("/login", method="POST", base_url="http://localhost:8000").status_code == 403
