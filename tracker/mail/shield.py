"""Compile the mails' MJML once, with Jinja kept out of the compiler's sight and every silent loss made loud.

The library (PyPI mjml 0.12) validates nothing and drops what it does not understand, so a source goes through a
shield: includes are resolved here and stay inside the folder, each Jinja piece becomes a token, the tags are checked
with a real XML parser, the tokens are put back after compiling, and one that got lost is an error with file and line.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from importlib.metadata import version
from pathlib import Path
from xml.parsers import expat

import jinja2

from tracker.errors import NotFound, ShopError

DEEPEST = 5  # includes within includes

_INCLUDE = re.compile(r'^\s*<mj-include\s+path="([^"]*)"\s*/>\s*$')
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_TOKEN = re.compile(r"jjQ(\d+)Qjj")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = {"amp;", "lt;", "gt;", "quot;", "apos;"}
_OF_HEAD_ATTRIBUTES = {"mjml", "mj-all", "mj-class", "mj-selector", "mj-html-attribute"}
_HOLD_HTML = {
    "mj-text", "mj-table", "mj-raw", "mj-button", "mj-style", "mj-preview", "mj-title", "mj-navbar-link",
    "mj-accordion-title", "mj-accordion-text", "mj-social-element",
}  # fmt: skip
_compiling = threading.Lock()


class BrokenTemplate(ShopError):
    """A mail's source can't be compiled; the message names the file and the line."""

    status = 500

    def __init__(self, file: str, line: int, words: str) -> None:
        super().__init__(f"{file}, line {line}: {words}")
        self.file, self.line = file, line


@dataclass(frozen=True)
class Source:
    """A mail's source with its includes in place; `origin` says for each line where it came from."""

    name: str
    text: str
    origin: list[tuple[str, int]]
    files: list[Path]

    def fault(self, line: int, words: str) -> BrokenTemplate:
        file, at = self.origin[min(max(line, 1), len(self.origin)) - 1]
        return BrokenTemplate(file, at, words)

    @property
    def digest(self) -> str:
        stamp = f"shield 2\nmjml {version('mjml')}\n{self.text}"
        return hashlib.sha256(stamp.encode()).hexdigest()


def read(name: str, folder: Path) -> Source:
    root = (folder / "src").resolve()
    path = root / f"{name}.mjml"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not path.is_file():
        raise NotFound(
            f"There is no mail called {name!r}. "
            f"The mails are: {', '.join(sorted(file.stem for file in root.glob('*.mjml')))}."
        )
    files: list[Path] = []
    lines = list(_lines(path, root, files, 0))
    return Source(name, "\n".join(text for _, _, text in lines), [(file, at) for file, at, _ in lines], files)


def _lines(path: Path, root: Path, files: list[Path], depth: int) -> Iterator[tuple[str, int, str]]:
    files.append(path)
    shown = path.relative_to(root).as_posix()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if "<mj-include" not in line:
            yield shown, number, line
            continue
        asked = _INCLUDE.match(line)
        if not asked:
            raise BrokenTemplate(
                shown, number, 'an include stands alone on its line: <mj-include path="partials/x.mjml"/>.'
            )
        target = (root / asked[1]).resolve()  # links are followed before the check
        if not target.is_relative_to(root) or target.suffix != ".mjml":
            raise BrokenTemplate(shown, number, f"{asked[1]} is outside the mails' folder.")
        if not target.is_file():
            raise BrokenTemplate(shown, number, f"{asked[1]} does not exist.")
        if depth >= DEEPEST:
            raise BrokenTemplate(shown, number, f"includes go deeper than {DEEPEST}: does a file include itself?")
        yield from _lines(target, root, files, depth + 1)


# --- compiling ------------------------------------------------------------------------------------------------------


def compile_source(source: Source) -> str:
    with _compiling:
        from mjml import mjml_to_html  # 90 ms to import: only when something must be compiled
        from mjml.core.registry import register_core_components

        _check_jinja(source)
        shielded, pieces = _shield(source.text)
        _check_tags(source, shielded, {*register_core_components(), *_OF_HEAD_ATTRIBUTES})
        try:
            html = mjml_to_html(shielded).html
        except Exception as error:
            raise source.fault(1, f"MJML can't compile this mail ({type(error).__name__}: {error}).") from error
    return _restore(source, html, pieces)


def _check_jinja(source: Source) -> None:
    try:
        jinja2.Environment(autoescape=True).parse(source.text)
    except jinja2.TemplateSyntaxError as error:
        raise source.fault(error.lineno, f"{error.message}.") from error


def _shield(text: str) -> tuple[str, list[tuple[str, int]]]:
    """The text with a token for each Jinja piece, line breaks kept; the pieces with their lines, by token number."""
    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)
    pieces: list[tuple[str, int]] = []

    def token(match: re.Match[str]) -> str:
        pieces.append((match[0], text.count("\n", 0, match.start()) + 1))
        return f"jjQ{len(pieces) - 1}Qjj" + "\n" * match[0].count("\n")

    return _JINJA.sub(token, text), pieces


def _check_tags(source: Source, shielded: str, known: set[str]) -> None:
    """Refuse what the library would swallow: unclosed and unknown tags, Jinja where a tag or attribute stands."""
    named = _ENTITY.sub(lambda m: m[0] if m[1] in _XML_ENTITIES else html5.get(m[1], m[0]), shielded)
    parser = expat.ParserCreate()
    open_tags: list[tuple[str, int]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        inside = {name for name, _ in open_tags}
        if tag not in known and not (inside & _HOLD_HTML and not tag.startswith("mj")):
            raise source.fault(parser.CurrentLineNumber, f"<{tag}> is not a tag that MJML knows here.")
        open_tags.append((tag, parser.CurrentLineNumber))

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: open_tags.pop()
    try:
        parser.Parse(named, True)
    except expat.ExpatError as error:
        if error.code in _UNCLOSED and open_tags:
            tag, line = open_tags[-1]
            raise source.fault(line, f"<{tag}> is never closed.") from error
        raise source.fault(error.lineno, f"the tags can't be read here ({expat.ErrorString(error.code)}).") from error


_UNCLOSED = {
    expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH],
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
}


def _restore(source: Source, html: str, pieces: list[tuple[str, int]]) -> str:
    seen = {int(number) for number in _TOKEN.findall(html)}
    for number, (piece, line) in enumerate(pieces):
        if number not in seen:
            raise source.fault(
                line, f"MJML drops {piece} here. Put it inside mj-raw, mj-text, mj-table or an attribute."
            )
    tight = re.sub(r"\s*\n\s*", "\n", html.strip())  # the library's indentation is a third of the mail
    return _TOKEN.sub(lambda match: pieces[int(match[1])][0], tight) + "\n"
