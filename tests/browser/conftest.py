"""A real Chromium before a real server: pages are driven, looked at in both themes, and checked by axe-core."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.browser.running import Running, running
from tests.web.styleguide import add_to
from tracker import db
from tracker.config import Config
from tracker.shop import sessions, users
from tracker.web import create_app, serve
from tracker.web.access import COOKIE
from tracker.web.security import login_cookie

AXE = Path(__file__).parent / "vendor" / "axe-core-4.14.1" / "axe.min.js"
ARTEFACTS = Path(__file__).parents[1] / "artefacts"
PATIENCE = 15.0  # seconds for one step of a page; generous, because the machine may be busy
WIDTHS = ((1366, 768), (360, 740))
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium_path() -> str:
    """Where Chromium is; empty when there is none."""
    given = os.environ.get("TRACKER_CHROMIUM", "")
    return given or next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """TRACKER_TEST_BROWSER: required = must run, off = left out, auto = runs where there is a Chromium."""
    wish = os.environ.get("TRACKER_TEST_BROWSER", "auto")
    if wish == "off" or (wish == "auto" and not chromium_path()):
        here = str(Path(__file__).parent)
        out = [item for item in items if str(item.path).startswith(here)]
        items[:] = [item for item in items if item not in out]
        config.hook.pytest_deselected(items=out)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    assert path, "TRACKER_TEST_BROWSER=required, but there is no Chromium; name it in TRACKER_CHROMIUM"
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@dataclass
class Shop:
    """A running shop with Amina, Wanjiru, Juma and Vera."""

    url: str
    app: Flask
    people: dict[str, int]

    def token(self, name: str) -> str:
        return sessions.start(self.people[name])


@pytest.fixture
def shop(config: Config) -> Iterator[Shop]:
    app = create_app(config)
    add_to(app)
    cast = (
        ("amina", "Amina", "admin"),
        ("wanjiru", "Wanjiru", "manager"),
        ("juma", "Juma", "cashier"),
        ("vera", "Vera", "viewer"),
    )
    people = {key: int(users.add(key, name, role).id) for key, name, role in cast}
    server = serve.listen(app, config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield Shop(config.url, app, people)
    server.close()
    thread.join(10)
    db.close()


class Visit:
    """One page of Chromium, with all that it complained about."""

    def __init__(self, page: Any, context: Any) -> None:
        self.page, self.context = page, context
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" or "Content Security Policy" in text:
            self.complaints.append(text)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Amina's shop with the demo shop's goods and debts, the whole program running; one for all journeys.

    Whoever changes something takes a supplier or product that no other journey uses. Wanjiru is its manager.
    """
    shop = running(tmp_path_factory.mktemp("demo"))
    try:
        shop.set_up()
        shop.start()
        yield shop
    finally:
        shop.stop()


@pytest.fixture
def at(demo: Running, open_page: Callable[..., Visit]) -> Callable[..., Visit]:
    """`at("/health", name="wanjiru")`: that person, usually Amina, on a page of the demo shop."""

    def go(path: str, name: str = "amina", **how: Any) -> Visit:
        cookie = {"name": COOKIE, "value": demo.signed_in(name), "url": demo.url}
        return open_page(demo.url + path, cookies=(cookie,), **how)

    return go


@pytest.fixture
def open_page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visit]]:
    """`open_page(address, scripts=True, width=1366, height=768, cookies=())`: a page of a browser of its own.

    A failing test leaves a picture of every page that it had open in tests/artefacts.
    """
    made: list[Visit] = []

    def go(
        address: str, scripts: bool = True, width: int = 1366, height: int = 768, cookies: tuple[dict, ...] = ()
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=scripts, reduced_motion="reduce"
        )
        context.add_cookies(list(cookies))
        context.set_default_timeout(PATIENCE * 1000)
        one = Visit(context.new_page(), context)
        made.append(one)
        one.page.goto(address)
        return one

    yield go
    failed = getattr(request.node, "has_failed", False)
    for number, one in enumerate(made):
        if failed:
            ARTEFACTS.mkdir(exist_ok=True)
            one.page.screenshot(path=str(ARTEFACTS / f"{request.node.name}-{number}.png"), full_page=True)
        one.context.close()


@pytest.fixture
def visit(open_page: Callable[..., Visit], shop: Shop) -> Callable[..., Visit]:
    """`visit("amina", "/debts", scripts=True)`: a page of the running shop, signed in; "zawadi" is a stranger."""

    def go(name: str, path: str, **how: Any) -> Visit:
        known = name in shop.people
        cookie = {"name": login_cookie(shop.app), "value": shop.token(name), "url": shop.url} if known else None
        return open_page(shop.url + path, cookies=(cookie,) if cookie else (), **how)

    return go


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call" and report.failed:
        item.has_failed = True  # type: ignore[attr-defined]
    return report


EVERY_LOOK = tuple((theme, width, height) for theme in ("light", "dark") for width, height in WIDTHS)


def check_page(visit: Visit, pictures: str = "", looks: tuple[tuple[str, int, int], ...] = EVERY_LOOK) -> None:
    """The page as it is now is clean: axe-core in both themes at both widths, no complaint, no other host, no overflow.

    `pictures` names files under tests/artefacts to look at afterwards.
    """
    page = visit.page
    faults: list[str] = []
    for theme, width, height in looks:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("theme => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
        where = f"{theme} {width}"
        if pictures:
            ARTEFACTS.mkdir(exist_ok=True)
            page.screenshot(path=str(ARTEFACTS / f"{pictures}-{theme}-{width}.png"), full_page=True)
        # As tall as the page: else axe takes what the bottom bar covers just now for too small to be hit.
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": width, "height": min(max(tall, height), 12_000)})
        faults += [f"{where}: {fault}" for fault in _axe(page, theme == looks[0][0])]
        too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if too_wide > 0:
            faults.append(f"{where}: the page is {too_wide} px wider than the screen")
    assert not faults, "\n".join(faults)
    assert not visit.complaints, "\n".join(visit.complaints)
    assert len(visit.hosts) <= 1, f"other hosts were asked: {visit.hosts}"


def _axe(page: Any, whole: bool) -> list[str]:
    """What axe-core finds; not `whole`: only what another theme can change, its colours."""
    if not page.evaluate("() => !!window.axe"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    only = {"type": "tag", "values": RULES} if whole else {"type": "rule", "values": ["color-contrast"]}
    options = {"runOnly": only, "resultTypes": ["violations"], "preload": False}
    found = page.evaluate("options => axe.run(document, options).then(({violations}) => ({violations}))", options)
    return [
        f"{violation['id']}: {node['html'][:120]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for violation in found["violations"]
        for node in violation["nodes"][:4]
    ]
