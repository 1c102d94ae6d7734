"""The pages: `create_app` builds the Flask application for Waitress, for tests and for `run.py`."""

from __future__ import annotations

import secrets
from importlib import import_module
from typing import Any

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.routing import IntegerConverter

from tracker import config as environment
from tracker import money
from tracker.config import Config
from tracker.ops.startup import open_shop
from tracker.web import access, assets, chrome, errors, filters, idempotency, pages, security


def create_app(config: Config | None = None) -> Flask:
    """Open the shop and build its pages. Raises Misconfigured, DataError or Busy with a sentence."""
    config = config or environment.load()
    open_shop(config)
    app = Flask(
        "tracker.web",
        static_folder=environment.ROOT / "static",
        template_folder=environment.ROOT / "templates",
    )
    app.url_map.converters["int"] = _Number
    security.configure(app, config)
    _prepare_templates(app)
    security.install(app)
    access.guard(app)
    idempotency.install(app)
    errors.install(app)
    for name in pages.PAGES:
        app.register_blueprint(import_module(f"tracker.web.{name}").page)
    access.check_declared(app)
    return app


def _prepare_templates(app: Flask) -> None:
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": True}
    for name, file in (("ui", "ui"), ("fields", "form"), ("table", "table")):
        env.globals[name] = _Macros(app, f"macros/{file}.html")
    env.globals["currency"] = money.currency
    env.globals["new_request_key"] = lambda: secrets.token_urlsafe(16)
    filters.install(app)
    assets.install(app)
    chrome.install(app)
    env.globals["ui"].icon = env.globals["icon"]  # the one part that a page uses too often for a macro


class _Number(IntegerConverter):
    """A number in an address: plain digits, few enough for SQLite; another address is not found."""

    regex = r"[0-9]{1,18}"


class _Macros:
    """Macros that every template may use without an import, so that a block rendered alone has them too."""

    def __init__(self, app: Flask, template: str) -> None:
        self._app, self._template = app, template

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._app.jinja_env.get_template(self._template).module, name)
        setattr(self, name, found)  # asked some hundred times a page
        return found
