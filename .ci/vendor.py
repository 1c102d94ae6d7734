"""Fetch the vendored front-end files anew with `npm pack`, check their integrity, and write static/vendor.

Run by hand when a version in the manifest changes: `python .ci/vendor.py`. The icon sheet keeps the symbols it has;
name more on the command line to add them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
VENDOR = STATIC / "vendor"
WANTED = {
    "bootstrap": ["dist/css/bootstrap.min.css"],
    "htmx.org": ["dist/htmx.min.js"],
    "@fontsource-variable/inter": ["files/inter-latin-wght-normal.woff2"],
    "bootstrap-icons": [],
}


def fetch(package: str, version: str, integrity: str, into: Path) -> Path:
    """The package's unpacked folder; stops when npm serves something other than what the manifest says."""
    npm = shutil.which("npm") or sys.exit("npm is not installed.")
    command = [npm, "pack", "--silent", "--pack-destination", str(into), f"{package}@{version}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    packed = into / done.stdout.strip().splitlines()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    if integrity and found != integrity:
        sys.exit(f"{package} {version} is not what the manifest names: {found}")
    unpacked = into / packed.stem
    with tarfile.open(packed) as archive:
        archive.extractall(unpacked, filter="data")
    return unpacked / "package"


def copy(package: Path, name: str, folder: Path) -> str:
    """Copy one file without its source map's line; returns its SHA-256."""
    source, target = package / name, folder / Path(name).name
    if source.suffix in (".css", ".js"):
        text = source.read_text(encoding="utf-8")
        target.write_text(re.sub(r"\n?/[*/][#@] sourceMappingURL=.*?(\*/)?\s*$", "\n", text), encoding="utf-8")
    else:
        shutil.copyfile(source, target)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def icon_sheet(package: Path, version: str, more: list[str]) -> None:
    """Cut static/icons.svg from the package: the symbols it has now, and those named on the command line."""
    sheet = STATIC / "icons.svg"
    names = dict.fromkeys([*re.findall(r'<symbol id="([^"]+)"', sheet.read_text(encoding="utf-8")), *more])
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" fill="currentColor">',
        f"<!-- Cut from Bootstrap Icons {version} (MIT): see vendor/bootstrap-icons-{version}/LICENSE -->",
    ]
    for name in names:
        drawing = (package / "icons" / f"{name}.svg").read_text(encoding="utf-8")
        inner = re.sub(r"\s*\n\s*", "", re.sub(r".*?<svg[^>]*>(.*)</svg>.*", r"\1", drawing, flags=re.S))
        lines.append(f'<symbol id="{name}" viewBox="0 0 16 16">{inner}</symbol>')
    sheet.write_text("\n".join([*lines, "</svg>", ""]), encoding="utf-8")


def main(more_icons: list[str]) -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        for entry in manifest:
            package = fetch(entry["package"], entry["version"], entry["integrity"], Path(scratch))
            folder = VENDOR / entry["folder"]
            folder.mkdir(parents=True, exist_ok=True)
            entry["files"] = {Path(n).name: copy(package, n, folder) for n in [*WANTED[entry["package"]], "LICENSE"]}
            if entry["package"] == "bootstrap-icons":
                icon_sheet(package, entry["version"], more_icons)
    (VENDOR / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
