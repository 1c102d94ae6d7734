"""The shield around the MJML compiler: nothing is lost in silence, nothing outside the folder is read. Budget: 5 s."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tracker.config import ROOT
from tracker.errors import NotFound
from tracker.mail import mjml, render

PAGE = (
    "<mjml>\n<mj-head>\n{head}\n</mj-head>\n<mj-body>\n<mj-section><mj-column>\n"
    "{body}\n</mj-column></mj-section>\n</mj-body>\n</mjml>\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src" / "partials").mkdir(parents=True)
    return tmp_path


def write(folder: Path, body: str, head: str = "<mj-title>x</mj-title>", name: str = "sample") -> None:
    (folder / "src" / f"{name}.mjml").write_text(PAGE.format(head=head, body=body), encoding="utf-8")


def test_jinja_comes_through_the_compiler_unchanged(folder: Path) -> None:
    pieces = [
        "{% for row in rows %}",
        "{{ row.name|e if row.a > 1 and row.b < 2 else '&' }}",
        "{% endfor %}",
        '{{ "a" }}',
    ]
    write(
        folder,
        f"<mj-table>\n{pieces[0]}<tr><td>{pieces[1]}</td></tr>\n{pieces[2]}</mj-table>\n"
        f"<mj-button href='{pieces[3]}'>Go</mj-button>",
    )
    html = mjml.load("sample", folder)
    assert all(piece in html for piece in pieces) and "jjQ" not in html
    assert "<mj-" not in html and html.startswith("<!doctype html>")


def test_a_comment_of_ours_is_not_sent(folder: Path) -> None:
    write(folder, "{# why: the\nowner asked #}\n<mj-text>Hello</mj-text>")
    assert "owner" not in mjml.load("sample", folder)


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("<mj-text>ok</mj-text>\n{% if a %}\n<mj-text>b</mj-text>\n{% endif %}", 8, "MJML drops {% if a %} here"),
        ("<mj-divider>\n<mj-text>swallowed</mj-text>", 7, "<mj-divider> is never closed"),
        ("<mj-text>ok</mj-text>\n<mj-txt>typo</mj-txt>", 8, "<mj-txt> is not a tag that MJML knows here"),
        ("<div>html in a column</div>", 7, "<div> is not a tag"),
        ("<mj-table><tr {% if a %}class='x'{% endif %}></tr></mj-table>", 7, "the tags can't be read here"),
        ("<mj-text>ok</mj-text>\n\n<mj-text>{% if a %}x</mj-text>", 15, "Unexpected end of template"),
        ("<mj-text>{{ a b }}</mj-text>", 7, "expected token"),
        ('<mj-include path="partials/none.mjml" />', 7, "does not exist"),
        ('<mj-include path="../../../etc/passwd" />', 7, "outside the mails' folder"),
        ('<mj-include path="/etc/passwd" />', 7, "outside the mails' folder"),
        ('<mj-text>x</mj-text> <mj-include path="partials/none.mjml" />', 7, "stands alone"),
    ],
)
def test_a_source_that_would_lose_something_names_file_and_line(folder: Path, body: str, line: int, words: str) -> None:
    write(folder, body)
    with pytest.raises(mjml.BrokenTemplate) as broken:
        mjml.load("sample", folder)
    assert words in broken.value.message
    assert broken.value.file == "sample.mjml"
    assert broken.value.message.startswith(f"sample.mjml, line {broken.value.line}: ")
    assert broken.value.line == line or "end of template" in words


def test_the_line_of_a_fault_in_a_partial_is_the_partials(folder: Path) -> None:
    (folder / "src/partials/row.mjml").write_text("<mj-text>ok</mj-text>\n<mj-text>bad\n", encoding="utf-8")
    write(folder, '<mj-text>a</mj-text>\n<mj-include path="partials/row.mjml" />')
    with pytest.raises(mjml.BrokenTemplate, match=r"partials/row.mjml, line 2: <mj-text> is never closed"):
        mjml.load("sample", folder)


def test_an_include_works_in_the_head_and_a_link_out_of_the_folder_does_not(folder: Path, tmp_path: Path) -> None:
    (folder / "src/partials/head.mjml").write_text("<mj-title>Kimani</mj-title>", encoding="utf-8")
    write(folder, "<mj-text>a</mj-text>", '<mj-include path="partials/head.mjml" />')
    assert "Kimani" in mjml.load("sample", folder)
    (tmp_path / "secret.mjml").write_text("<mj-title>secret</mj-title>", encoding="utf-8")
    (folder / "src/partials/head.mjml").unlink()
    os.symlink(tmp_path / "secret.mjml", folder / "src/partials/head.mjml")
    with pytest.raises(mjml.BrokenTemplate, match="outside"):
        mjml.load("sample", folder)


def test_a_file_that_includes_itself_ends_in_a_sentence(folder: Path) -> None:
    (folder / "src/partials/me.mjml").write_text('<mj-include path="partials/me.mjml" />', encoding="utf-8")
    write(folder, '<mj-include path="partials/me.mjml" />')
    with pytest.raises(mjml.BrokenTemplate, match="does a file include itself"):
        mjml.load("sample", folder)


def test_building_writes_what_is_stale_and_leaves_the_rest(folder: Path) -> None:
    write(folder, "<mj-text>{{ a }}</mj-text>")
    assert mjml.stale("sample", folder) and "missing or older" in mjml.check(folder=folder)[0]
    [built] = mjml.build(folder=folder)
    assert built.changed and built.path.read_text(encoding="utf-8").startswith("<!-- made from sample.mjml sha256:")
    assert not mjml.stale("sample", folder) and mjml.check(folder=folder) == []
    assert [built.changed for built in mjml.build(folder=folder)] == [False]
    assert mjml.load("sample", folder).startswith("<!doctype html>")  # the mark is not part of the mail
    write(folder, "<mj-text>{{ b }}</mj-text>")
    assert mjml.stale("sample", folder) and "{{ b }}" in mjml.load("sample", folder)
    assert [path.name for path in (folder / "build").iterdir()] == ["sample.html"]


def test_a_changed_partial_makes_its_mails_stale(folder: Path) -> None:
    (folder / "src/partials/p.mjml").write_text("<mj-text>one</mj-text>", encoding="utf-8")
    write(folder, '<mj-include path="partials/p.mjml" />')
    mjml.build(folder=folder)
    assert "one" in mjml.load("sample", folder)
    (folder / "src/partials/p.mjml").write_text("<mj-text>two!</mj-text>", encoding="utf-8")
    assert mjml.stale("sample", folder) and "two!" in mjml.load("sample", folder)


def test_a_build_folder_that_cannot_be_written_only_costs_time(folder: Path) -> None:
    write(folder, "<mj-text>hello</mj-text>")
    (folder / "build").write_text("a file where the folder should be", encoding="utf-8")
    assert "hello" in mjml.load("sample", folder)
    with pytest.raises(Exception, match="can't be written"):
        mjml.build(folder=folder)


def test_an_unknown_name_lists_the_known_ones() -> None:
    for name in ("nonsense", "../debt_reminder", "partials/head"):
        with pytest.raises(NotFound, match="debt_reminder, low_stock_notification"):
            mjml.build([name])


def test_our_six_mails_are_sound() -> None:
    assert sorted(render.KINDS) == mjml.names()
    for name in mjml.names():
        html = mjml.load(name)
        assert "<mj-" not in html and "fonts.googleapis" not in html and "jjQ" not in html
        assert (mjml.FOLDER / "src" / f"{name}.txt").read_text(encoding="utf-8").startswith("Subject: ")


def test_the_compiler_is_not_loaded_while_the_built_mails_are_current(folder: Path) -> None:
    write(folder, "<mj-text>{{ a }}</mj-text>")
    mjml.build(folder=folder)
    code = (
        "import sys, pathlib\nfrom tracker.mail import mjml\n"
        f"mjml.load('sample', pathlib.Path({str(folder)!r}))\nassert 'mjml' not in sys.modules, 'loaded'\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=30)


def test_eight_threads_compile_and_render_the_same(shop: render.ShopFacts, folder: Path) -> None:
    from tracker.mail.samples import sample_context

    for name in range(4):
        write(folder, "<mj-text>{{ a }}</mj-text>", name=f"mail_{chr(97 + name)}")

    def work(number: int) -> tuple[str, ...]:
        compiled = [mjml.load(f"mail_{letter}", folder) for letter in "abcd"]
        rendered = [render.render(kind, sample_context(kind), shop).html for kind in render.KINDS]
        return (*compiled, *rendered)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(24)))
    assert len(set(results)) == 1 and len(results[0]) == 10
