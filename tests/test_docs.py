"""What the papers say is so: settings, dependencies, words, links, commands, pictures. Budget: 10 s."""

from __future__ import annotations

import argparse
import re
import shlex
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from tracker import cli, config
from tracker.config import ROOT
from tracker.shop import settings

PAPERS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def text_of(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str, head: str) -> list[list[str]]:
    """The rows of the table that begins with this head."""
    found = re.search(rf"^{re.escape(head)}.*\n\|[-|]+\n((?:\|.*\n)+)", text, flags=re.M)
    assert found, f"there is no table {head!r}"
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in found[1].splitlines()]


# --- settings and dependencies --------------------------------------------------------------------------------------


def test_the_settings_table_has_every_variable_of_the_config_with_its_default() -> None:
    source = (ROOT / "tracker" / "config.py").read_text(encoding="utf-8")
    there = set(re.findall(r'"((?:TRACKER|SMTP)_[A-Z_]*[A-Z])"', source))
    written = {row[0].strip("`"): row[1].strip("`") for row in rows(README, "| Variable |")}
    assert set(written) == there
    nowhere = Path("/nowhere")
    unset = config.load({}, nowhere)
    for name, default in written.items():
        given = config.load({name: default}, nowhere)
        assert replace(given, fixed=frozenset()) == unset, f"{name} is not {default!r} by default"


def test_what_the_readme_says_of_refused_settings_is_so() -> None:
    for name, value in (("TRACKER_PORT", "many"), ("SMTP_TLS", "perhaps"), ("DATABASE_URL", "postgresql://x")):
        with pytest.raises(config.Misconfigured, match=name):
            config.load({name: value}, Path("/nowhere"))


def test_there_are_at_most_twenty_five_settings_on_the_page() -> None:
    assert len(settings.as_dict()) <= 25


def test_every_dependency_has_its_line() -> None:
    pinned: list[str] = []
    for name in ("requirements.txt", "requirements-dev.txt"):
        pinned += re.findall(r"^([A-Za-z][\w.-]*)==", (ROOT / name).read_text(encoding="utf-8"), flags=re.M)
    written = [row[0] for row in rows(text_of("decisions.md"), "| Package |")]
    assert sorted(written) == sorted(pinned)
    assert all(row[1] for row in rows(text_of("decisions.md"), "| Package |"))


def test_the_invariants_that_the_check_names_are_explained() -> None:
    named = set(re.findall(r'Fault\("(I\d+)"', (ROOT / "tracker" / "shop" / "books.py").read_text(encoding="utf-8")))
    written = set(re.findall(r"^\| (I\d+) \|", text_of("decisions.md"), flags=re.M))
    elsewhere = re.search(r"\(I7, I8 and I10 are held by", text_of("decisions.md"))
    assert elsewhere
    assert named == written - {"I7", "I8", "I10"}


# --- words and places -----------------------------------------------------------------------------------------------


def test_every_word_of_the_glossary_is_in_the_code_where_it_says() -> None:
    table = rows(text_of("glossary.md"), "| On the screen |")
    assert len(table) > 30
    wrong = []
    for shown, coded, where, meaning in table:
        words, path = re.findall(r"`(\w+)`", coded), ROOT / where.strip("`")
        source = path.read_text(encoding="utf-8") + path.stem if path.is_file() else ""
        wrong += [f"{shown}: no {word} in {where}" for word in words if not re.search(rf"\b{word}\b|{word}$", source)]
        assert words and meaning
    assert wrong == []
    names = [row[0] for row in table]
    assert len(names) == len(set(names)), "one name each"


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_every_place_and_link_that_a_paper_names_is_there(paper: Path) -> None:
    text = paper.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    missing = [link for link in links if "://" not in link and not (paper.parent / link).exists()]
    for place in re.findall(r"`((?:tracker|templates|static|tests|docs|\.ci)/[^`\s]*)`", text):
        # Examples, and what is made while the program or its tests run.
        made = re.search(r"NOUN|NAME|KIND|\*|build/|artefacts/|suppliers/(index|new)", place)
        if not made and not (ROOT / place).exists():
            missing.append(place)
    assert missing == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: path.name)
def test_every_command_that_a_paper_shows_is_one(paper: Path) -> None:
    """Parsed, not run: an option or a name that does not exist would be refused here."""
    text = paper.read_text(encoding="utf-8")
    shown = re.findall(r"`(?:sudo )?(?:python3?|py) (run\.py[^`]*)`", text)
    for block in re.findall(r"^```\n(.*?)^```", text, flags=re.M | re.S):
        shown += re.findall(r"(?:^|\| )python3 (run\.py[^#\n]*)", block, flags=re.M)
    wrong = []
    for command in shown:
        words = shlex.split(command.replace("…", ""))[1:]
        if words[:1] == ["test"] or words[-1:] == ["COMMAND"]:
            continue
        if re.search(r"[|\[]", command) and '"' not in command:
            continue  # a pattern with choices, not a command to type
        try:
            known = cli._parser().parse_args(words)
            assert isinstance(known, argparse.Namespace)
        except SystemExit as left:
            if left.code:
                wrong.append(command)
    assert wrong == []


def test_the_papers_stay_short() -> None:
    assert len(README.splitlines()) <= 200
    wide = [
        f"{paper.name}:{number}"
        for paper in PAPERS
        for number, line in enumerate(paper.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 145 and not line.startswith("|") and "run.py" not in line and paper.name != "web.md"
    ]
    assert wide == []


def test_the_pictures_are_small_and_shown() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert pictures
    for path in pictures:
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG")
        assert len(content) < 150_000
        assert struct.unpack(">II", content[16:24])[0] <= 1366
        assert f"docs/images/{path.name}" in README
