"""Static files: vendored whole and unchanged, licensed, nothing from elsewhere, small enough. About 1 s."""

from __future__ import annotations

import hashlib
import json
import re

from tracker.config import ROOT
from tracker.web import assets

STATIC = ROOT / "static"
MANIFEST = json.loads((STATIC / "vendor" / "manifest.json").read_text(encoding="utf-8"))
TEMPLATES = [path for path in (ROOT / "templates").rglob("*.html") if "email" not in path.parts]


def test_every_vendored_file_is_the_one_in_the_manifest():
    named = set()
    for package in MANIFEST:
        folder = STATIC / "vendor" / package["folder"]
        assert package["version"] in package["folder"] and "LICENSE" in package["files"], package
        for name, digest in package["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
            named.add(folder / name)
    there = {path for path in (STATIC / "vendor").rglob("*") if path.is_file()} - {STATIC / "vendor" / "manifest.json"}
    assert there == named


def test_no_style_or_script_names_another_host_or_a_source_map():
    for path in STATIC.rglob("*"):
        if path.suffix in (".css", ".js"):
            text = path.read_text(encoding="utf-8")
            assert "sourceMappingURL" not in text, path
            assert not re.search(r"url\([\"']?(https?:)?//|@import", text), path
    for path in (STATIC / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|innerHTML|eval\(", text), path


def test_every_icon_that_a_page_names_is_in_the_sheet():
    there = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    named = {
        name for path in TEMPLATES for name in re.findall(r'ui\.icon\("([a-z0-9-]+)"', path.read_text(encoding="utf-8"))
    }
    from tracker.web.chrome import MENU

    assert named | {item.icon for item in MENU} <= there


def test_every_asset_that_a_page_names_is_there():
    for path in TEMPLATES:
        for name in re.findall(r"asset\(['\"]([^'\"]+)['\"]\)", path.read_text(encoding="utf-8")):
            assert (STATIC / name).is_file(), f"{path.name}: {name}"


def test_the_first_load_stays_within_its_budget():
    head = (ROOT / "templates" / "macros" / "head.html").read_text(encoding="utf-8")
    names = set(re.findall(r"asset\(['\"]([^'\"]+)['\"]\)", head)) | {
        "vendor/inter-5.3.0/inter-latin-wght-normal.woff2"
    }
    assert sum((STATIC / name).stat().st_size for name in names) <= 415_000  # and 15 KB for the page itself


def test_an_address_changes_with_the_content_of_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "_LOOK_AGAIN", 0)
    file = tmp_path / "a.css"
    file.write_text("a {}", encoding="utf-8")
    first = assets.fingerprint(file)
    file.write_text("b { }", encoding="utf-8")
    assert assets.fingerprint(file) != first and len(first) == 10


def test_the_dark_tokens_are_the_same_by_choice_and_by_system():
    text = (STATIC / "css" / "tokens.css").read_text(encoding="utf-8")
    blocks = re.findall(r"color-scheme: dark;(.*?)}", text, flags=re.S)
    assert len(blocks) == 2 and blocks[0].split() == blocks[1].split()
