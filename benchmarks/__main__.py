"""Measure the shop beside raw SQLite: `python -m benchmarks [--scale 1k,10k,100k] [--json FILE] [--quick] [NAME…]`.

Names pick what is measured ("low", "page", "cleanup", "processes"; "supervisor" and "mails" run those alone). The full
run takes some minutes and keeps two cores busy; `--quick` (1k and 10k, no processes) stays below one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import books, cleanup, measure, pages, processes, shop_data
from benchmarks.measure import Measured
from tracker import db
from tracker.config import ROOT, Config
from tracker.ops import startup
from tracker.shop import settings

SCALES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
QUICK_PAIRS = 7
ALONE = ("supervisor", "mails")


def main(arguments: list[str]) -> int:
    asked = _arguments(arguments)
    for name in ALONE:
        if name in asked.names:
            _run_member(name)
            asked.names.remove(name)
            if not asked.names:
                return 0
    found: dict[str, Any] = {"machine": measure.machine(), "operations": [], "more": []}
    print(_machine_words(found["machine"]), flush=True)
    measured: list[Measured] = []
    for scale in asked.scales:
        with _shop(SCALES[scale], asked.keep) as config:
            print(f"\n{scale} products, {books.size_of(config.books):.0f} MB\n{_HEAD}", flush=True)
            for one in _at_scale(config, SCALES[scale], asked):
                measured.append(one)
                print(_line(one), flush=True)
            if scale == asked.scales[-1]:
                found["more"] = list(_once(config, asked))
    found["operations"] = [asdict(one) | {"growth": _growth(one, measured)} for one in measured]
    _print_growth(measured)
    if asked.json:
        Path(asked.json).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only what holds one of these words")
    parser.add_argument("--scale", default="", help="of 1k, 10k and 100k products; default: all three")
    parser.add_argument("--json", metavar="FILE", help="write everything there too")
    parser.add_argument("--quick", action="store_true", help="1k and 10k only, few pairs, no processes")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the shops there, and use those that are there")
    asked = parser.parse_args(arguments)
    wanted = asked.scale or ("1k,10k" if asked.quick else "1k,10k,100k")
    asked.scales = [scale.strip() for scale in wanted.split(",")]
    unknown = set(asked.scales) - set(SCALES)
    if unknown:
        parser.error(f"no such scale: {', '.join(sorted(unknown))}")
    return asked


@contextmanager
def _shop(products: int, keep: str | None) -> Iterator[Config]:
    """A shop of this size, open in this process."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        config = Config(root=ROOT, data=Path(keep or folder) / str(products) / "data")
        try:
            if config.books.exists():
                startup.open_shop(config)
            else:
                shop_data.build(config, products)
            yield config
        finally:
            startup.close_shop()
            settings.forget()


def _at_scale(config: Config, scale: int, asked: argparse.Namespace) -> Iterator[Measured]:
    for module in (pages, books):
        for operation in module.operations(config, scale):
            if _wanted(operation.name, asked):
                pairs = min(operation.pairs, QUICK_PAIRS) if asked.quick else operation.pairs
                yield measure.measure(operation, scale, pairs)


def _once(config: Config, asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What has no twin: at the largest scale only."""
    if _wanted("cleanup", asked):
        yield _said(cleanup.run(config))
    if _wanted("processes", asked) and not asked.quick:
        db.close()
        yield from map(_said, processes.run(config))


def _wanted(name: str, asked: argparse.Namespace) -> bool:
    return not asked.names or any(word in name for word in asked.names)


def _run_member(name: str) -> None:
    from benchmarks import mail, supervisor

    {"supervisor": supervisor.main, "mails": mail.main}[name]([])


# --- words ------------------------------------------------------------------------------------------------------------

_HEAD = f"{'':24}{'ours ms':>10}{'floor ms':>10}{'ratio':>7}{'quartiles':>13}{'CPU':>6}{'target':>8}{'steps':>10}" + (
    f"{'floor':>10}{'asked':>6}"
)


def _line(one: Measured) -> str:
    quartiles = f"{one.ratio['p25']:.2f}-{one.ratio['p75']:.2f}"
    target = f"{one.target:.1f}{'' if one.is_met else ' !'}" if one.target else ""
    return (
        f"{one.name:24}{one.ours_ms:10.3f}{one.floor_ms:10.3f}{one.ratio['p50']:7.2f}{quartiles:>13}"
        f"{one.cpu_ratio or 0:6.2f}{target:>8}{one.vdbe_ops:10}{one.floor_vdbe_ops:10}{one.statements:6}"
    )


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    words = ", ".join(f"{key} {value}" for key, value in facts.items() if key != "name")
    print(f"{facts['name']}: {words}", flush=True)
    return facts


def _growth(one: Measured, measured: list[Measured]) -> dict[str, float] | None:
    """How much more it takes than at the scale before, in time and in SQLite's steps; and the floor's own growth."""
    before = [other for other in measured if other.name == one.name and other.scale < one.scale]
    if not before:
        return None
    last = max(before, key=lambda other: other.scale)
    return {
        "from": last.scale,
        "ours": round(one.ours_ms / last.ours_ms, 2),
        "floor": round(one.floor_ms / last.floor_ms, 2),
        "steps": round(one.vdbe_ops / max(1, last.vdbe_ops), 2),
    }


def _print_growth(measured: list[Measured]) -> None:
    grown = [(one, growth) for one in measured if (growth := _growth(one, measured))]
    if grown:
        print(f"\n{'growth':24}{'from':>9}{'to':>9}{'ours':>8}{'floor':>8}{'steps':>8}")
    for one, growth in grown:
        print(
            f"{one.name:24}{growth['from']:9}{one.scale:9}{growth['ours']:8}{growth['floor']:8}{growth['steps']:8}",
            flush=True,
        )


def _machine_words(facts: dict[str, Any]) -> str:
    busy = f"{facts['box_use_before']:.0f} % in use before{', BUSY' if facts['is_busy'] else ''}"
    return (
        f"{facts['cores']} cores, {facts['cpu']}, {facts['system']}, Python {facts['python']},"
        f" SQLite {facts['sqlite']}, commit {facts['commit']}, {busy}, load {facts['load']}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
