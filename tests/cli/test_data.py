"""`run.py import`, `export` and `demo`: exit codes, JSON, sentences, and one run as people start it. About 20 s."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import cast
from tests.ports import free_port
from tracker import cli, db
from tracker.config import ROOT, Config
from tracker.ops import startup
from tracker.shop import audit, books, demo, low_stock
from tracker.shop.imports import files

DEBTS = "supplier,reference,issued_on,due_on,amount,paid,notes\n"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test's commands work on a data folder of their own, and leave the process's umask as it was."""
    monkeypatch.setenv("TRACKER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TRACKER_PORT", str(free_port()))
    before = os.umask(0o022)
    yield
    os.umask(before)


def run(*words: str) -> int:
    try:
        return cli.main(list(words), SimpleNamespace)
    except SystemExit as left:
        return int(left.code or 0)


def northwind(kind: str) -> str:
    return str(demo.FOLDER / f"{kind}.csv")


def file(folder: Path, text: str) -> str:
    path = folder / "brought.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def counted(table: str) -> int:
    return int(db.rows(f"SELECT COUNT(*) FROM {table}")[0][0])


def test_northwind_comes_in_with_three_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for kind, rows in (("categories", 8), ("suppliers", 29), ("products", 77)):
        assert run("import", kind, northwind(kind), "--json") == 0
        assert json.loads(capsys.readouterr().out) == {
            "rows": rows, "added": rows, "updated": 0, "skipped": 0, "errors": [],
        }  # fmt: skip
    assert run("import", "products", northwind("products")) == 0
    said = capsys.readouterr().out
    assert said.startswith("77 rows: 0 added, 0 changed, 77 left out.\n77 were there already")
    assert len(low_stock.rows(low_stock.clock.today())) == 18


def test_a_template_is_the_header_and_comes_in_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "suppliers", "--template") == 0
    header = capsys.readouterr().out
    assert header == "code,name,contact,phone,email,address,terms_days,notes\n"
    assert run("import", "suppliers", file(tmp_path, header), "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 0


def test_a_dry_run_books_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "suppliers", northwind("suppliers"), "--dry-run") == 0
    out = capsys.readouterr()
    assert out.out == "29 rows: 29 would be added, 0 would be changed, 0 would be left out.\n"
    assert out.err == "Columns that are not read: contact_title.\n"
    assert counted("supplier") == 0


def test_a_bad_row_books_nothing_unless_it_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("import", "suppliers", northwind("suppliers"))
    capsys.readouterr()
    path = file(tmp_path, DEBTS + "Tokyo Traders,1,2026-10-01,,100,,\nNobody,2,2026-10-01,,100,,\n")
    assert run("import", "debts", path) == 1
    assert capsys.readouterr().err == (
        "row 3, supplier: There is no supplier “Nobody”. Import the suppliers first, or add it by hand.\n"
        "1 of 2 rows can't come in, so nothing was booked. Mend them, or add --skip-bad.\n"
    )
    assert counted("payable") == 0
    assert run("import", "debts", path, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["added"], found["skipped"]) == (0, 0)
    assert [(error["row"], error["column"]) for error in found["errors"]] == [(3, "supplier")]
    assert run("import", "debts", path, "--skip-bad", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["added"], found["skipped"], len(found["errors"])) == (1, 1, 1)
    assert counted("payable") == 1


def test_update_and_map_are_obeyed(tmp_path: Path) -> None:
    run("import", "suppliers", northwind("suppliers"))
    path = file(tmp_path, "firm,tel\nTokyo Traders,12\n")
    assert run("import", "suppliers", path, "--map", "name=firm") == 0
    assert db.rows("SELECT phone FROM supplier WHERE code = '4'") == [("(03) 3555-5011",)]
    assert run("import", "suppliers", path, "--map", "name=firm", "--update") == 0
    assert db.rows("SELECT phone FROM supplier WHERE code = '4'") == [("12",)]
    assert [row.action for row in audit.of("import:suppliers")] == ["import.book"] * 3


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["sales", "x.csv"], 4, "There is nothing to import named sales."),
        (["products"], 1, "Name the file: run.py import products FILE."),
        (["products", "nowhere.csv"], 4, "There is no file nowhere.csv."),
        (["products", "{}", "--map", "sku"], 1, "Write --map field=column, not --map sku."),
        (["products", "{}", "--map", "colour=a"], 1, "There is no field colour."),
        (["products", "{}"], 1, "The file has no column sku and no name and no barcode. Its columns are: a, b."),
        (["products", "{}", "--nonsense"], 2, "Unrecognized arguments"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str
) -> None:
    path = file(tmp_path, "a,b\n1,2\n")
    assert run("import", *(word.format(path) for word in words)) == code
    out = capsys.readouterr()
    assert out.err.startswith(sentence) and out.err.count("\n") == 1 and not out.out


def test_the_books_themselves_are_never_opened_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "products", str(tmp_path / "data" / "shop.sqlite3")) == 1
    assert "inside the data folder" in capsys.readouterr().err
    assert run("export", "products", "-o", str(tmp_path / "data" / "shop.sqlite3")) == 1
    assert "Name the file .csv or .xlsx" in capsys.readouterr().err


def test_what_is_exported_is_what_an_import_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("demo", "load")
    for kind, rows in (("products", 77), ("suppliers", 29), ("categories", 8), ("debts", 10)):
        path = tmp_path / f"{kind}.xlsx"
        capsys.readouterr()
        assert run("export", kind, "-o", str(path)) == 0
        assert capsys.readouterr().out == f"{rows} rows in {path}.\n"
        assert len(files.read_path(path).rows) == rows
        assert run("import", kind, str(path), "--update", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["skipped"], found["errors"]) == (rows, [])
    assert run("export", "sales", "-o", "x.csv") == 4


def test_the_demo_shop_comes_and_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("demo", "load") == 0 and counted("product") == 77
    assert run("demo", "load") == 1
    assert run("demo", "remove") == 0 and counted("product") == 0
    cast.kimani()
    assert run("demo", "load") == 1
    assert "A demo shop needs empty ones." in capsys.readouterr().err


def test_an_import_that_is_killed_has_booked_all_or_nothing(tmp_path: Path, seed: int) -> None:
    draw, outcomes = random.Random(seed), list[int]()
    rows = "".join(f"S{n},Name {n},1.50,{n % 50}\n" for n in range(4_000))
    path = file(tmp_path, "sku,name,cost,on_hand\n" + rows)
    command = [sys.executable, str(ROOT / "run.py"), "import", "products", path]
    for delay in (None, *(draw.uniform(0.3, 1.5) for _ in range(3))):
        folder = tmp_path / f"data-{len(outcomes)}"
        with subprocess.Popen(
            command, env={**os.environ, "TRACKER_DATA": str(folder)}, stdout=subprocess.DEVNULL
        ) as one:
            try:
                one.wait(delay or 60)
            except subprocess.TimeoutExpired:
                one.kill()
        startup.open_shop(Config(root=ROOT, data=folder, port=free_port()))
        outcomes.append(counted("product"))
        assert counted("stock_movement") in (0, 4_000 * 49 // 50) and books.verify() == []
        startup.close_shop()
    assert outcomes[0] == 4_000 and set(outcomes) <= {0, 4_000}


def test_it_works_as_people_start_it_from_any_folder(tmp_path: Path) -> None:
    file(tmp_path, "code,name\nT,Tea\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "import", "categories", "brought.csv", "--json"], cwd=tmp_path,
        capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["added"] == 1
