"""The supervisor's own small page on 127.0.0.1: for developers, and for when the web can't be started."""

from __future__ import annotations

import html
import logging
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tracker.config import Config
from tracker.errors import ShopError
from tracker.ops.program import BACKOFF, FATAL, RUNNING, STOPPED

log = logging.getLogger(__name__)

Handle = Callable[[str, dict[str, Any]], dict[str, Any]]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_STYLE = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; vertical-align: top; border-bottom: 1px solid #8886 }
form { display: inline }
button { font: inherit; min-height: 2.75rem; padding: 0 .9rem; cursor: pointer }
pre { overflow: auto; padding: .75rem; border: 1px solid #8886; white-space: pre-wrap; overflow-wrap: anywhere }
.bad { font-weight: 700 }
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="10; url=/">
<link rel="stylesheet" href="/style.css"></head><body><main>
<h1>Finance Tracker</h1>
<p>{sentence}</p>
<table><thead><tr><th scope="col">Program</th><th scope="col">State</th><th scope="col">About</th>
<th scope="col">Actions</th></tr></thead><tbody>
{rows}
</tbody></table>
{logs}
</main></body></html>
"""


def serve(config: Config, handle: Handle) -> SupervisorPage | None:
    """Open the page on TRACKER_SUPERVISOR_PORT; None (and a line in the log) when the port is taken."""
    try:
        return SupervisorPage(config, handle)
    except OSError as error:
        log.warning("the supervisor's page can't use port %d: %s", config.supervisor_port, error.strerror or error)
        return None


class SupervisorPage:
    """Serves until `close`. It shows the status; a POST with the page's token starts, stops or restarts a program."""

    def __init__(self, config: Config, handle: Handle) -> None:
        token = secrets.token_urlsafe(24)
        self._server = _Server(("127.0.0.1", config.supervisor_port), _Answer)
        self.port = self._server.server_address[1]
        self._server.page = _Page(config.url, handle, token, self.port)
        self._thread = threading.Thread(target=self._server.serve_forever, name="page", daemon=True)
        self._thread.start()
        log.info("supervisor's page on http://127.0.0.1:%d/", self.port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Page:
    """What the page shows and what it lets you do, apart from HTTP."""

    def __init__(self, url: str, handle: Handle, token: str, port: int) -> None:
        self._url, self._handle, self._token = url, handle, token
        self.hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}

    def show(self) -> str:
        programs = self._handle("status", {})["programs"]
        states = {one["state"] for one in programs}
        sentence = "All programs run." if states == {RUNNING} else "Not everything runs just now."
        if states & {BACKOFF, FATAL}:
            sentence = "Something can't be kept running: its last lines stand below."
        address = html.escape(self._url)
        return _PAGE.format(
            title="Finance Tracker: " + ("needs you" if states & {BACKOFF, FATAL} else "programs"),
            sentence=f'{sentence} The shop is at <a href="{address}">{address}</a>.',
            rows="\n".join(self._row(one) for one in programs),
            logs="\n".join(self._log(name, is_error) for name, is_error in _logs(programs)),
        )

    def act(self, fields: dict[str, list[str]]) -> None:
        """Raises PermissionError for a wrong token, ShopError for what the supervisor refuses."""
        token, command, name = (fields.get(key, [""])[0] for key in ("token", "command", "name"))
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            raise PermissionError
        if command in ("start", "stop", "restart"):
            # The page comes back at once and shows STOPPING: a worker may finish its job for a minute.
            threading.Thread(target=self._handle, args=(command, {"name": name or None}), daemon=True).start()

    def _row(self, one: dict[str, Any]) -> str:
        about = f"pid {one['pid']}" if one["pid"] else (one["message"] or "").partition("\n")[0]
        kind = ' class="bad"' if one["state"] in (BACKOFF, FATAL) else ""
        commands = ["start"] if one["state"] == STOPPED else ["restart", "stop"]
        buttons = " ".join(self._button(command, one["name"]) for command in commands)
        cells = f"<td{kind}>{html.escape(one['state'])}</td><td>{html.escape(about)}</td><td>{buttons}</td>"
        return f'<tr><th scope="row">{html.escape(one["name"])}</th>{cells}</tr>'

    def _button(self, command: str, name: str) -> str:
        values = {"token": self._token, "command": command, "name": name}
        hidden = "".join(f'<input type="hidden" name="{key}" value="{html.escape(v)}">' for key, v in values.items())
        label = html.escape(f"{command.capitalize()} {name}")
        return f'<form method="post" action="/">{hidden}<button>{label}</button></form>'

    def _log(self, name: str, is_error: bool) -> str:
        lines = self._handle("tail", {"name": name, "errors": is_error, "lines": 40})["lines"]
        title = html.escape(name + (" (errors)" if is_error else ""))
        return f"<h2>{title}</h2>\n<pre>{html.escape(chr(10).join(lines)) or 'Nothing yet.'}</pre>"


def _logs(programs: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    return [
        *((one["name"], True) for one in programs),
        *((one["name"], False) for one in programs),
        ("supervisor", False),
    ]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    page: _Page


class _Answer(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        if not self._is_for_us():
            return
        path = urlsplit(self.path).path
        if path == "/":
            self._send(200, self.server.page.show())
        elif path == "/style.css":
            self._send(200, _STYLE, "text/css")
        else:
            self._send(404, "There is no such page.", "text/plain")

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > 10_000:
            self._send(400, "That was not a form of this page.", "text/plain")
            return
        fields = parse_qs(self.rfile.read(int(length)).decode("utf-8", "replace"))
        try:
            self.server.page.act(fields)
        except PermissionError:
            self._send(403, "This form is from an earlier page. Open the page again.", "text/plain")
        except ShopError as error:
            self._send(error.status, error.message, "text/plain")
        else:
            self.send_response(303)
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _is_for_us(self) -> bool:
        """No other name may stand for 127.0.0.1 (DNS rebinding), no other site's form may post here."""
        hosts = self.server.page.hosts
        origin = self.headers.get("Origin")
        if self.headers.get("Host", "").lower() not in hosts:
            self._send(400, "This page is only for the PC it runs on.", "text/plain")
        elif origin is not None and origin.lower().removeprefix("http://") not in hosts:
            self._send(403, "That came from another site.", "text/plain")
        else:
            return True
        return False

    def _send(self, code: int, text: str, kind: str = "text/html") -> None:
        content = text.encode("utf-8", "replace")
        self.send_response(code)
        for name, value in {**_HEADERS, "Content-Type": f"{kind}; charset=utf-8"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        return "Finance Tracker"

    def log_message(self, *_: Any) -> None:
        """A page that reloads itself every ten seconds is not worth a line each."""
