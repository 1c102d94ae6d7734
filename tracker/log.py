"""One line format for every process, with the request or job run it belongs to; control characters are escaped."""

from __future__ import annotations

import contextvars
import logging
import sys

from tracker import clock

context: contextvars.ContextVar[str] = contextvars.ContextVar("context", default="-")


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # The PC's own hour: the supervisor does not know the shop's, and the logs of all are read as one.
        moment = clock.now().astimezone().strftime("%Y-%m-%d %H:%M:%S")
        text = record.getMessage().translate(_ESCAPES)
        line = f"{moment} {record.levelname.lower():7} {context.get()} {record.name}: {text}"
        if not record.exc_info:
            return line
        # Set in and escaped: what somebody typed may be part of an error's words, and must not pass for a line of ours.
        trace = self.formatException(record.exc_info).split("\n")
        return "\n".join([line, *(f"  {part.translate(_ESCAPES)}" for part in trace)])


_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127, 0x85, 0x2028, 0x2029)}


class _Below(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno < logging.WARNING


def to_standard_streams(level: int = logging.INFO) -> None:
    """Notes go to stdout, warnings and errors to stderr: the supervisor keeps a file for each."""
    notes, errors = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    notes.addFilter(_Below())
    errors.setLevel(logging.WARNING)
    for handler in (notes, errors):
        handler.setFormatter(_Line())
    logging.basicConfig(level=level, handlers=[notes, errors], force=True)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("huey").setLevel(logging.WARNING)
    logging.getLogger("peewee.migrations").setLevel(logging.WARNING)


def line_format() -> logging.Formatter:
    """The same line, for a file of one's own."""
    return _Line()


def flush() -> None:
    """Before a process leaves without the usual end."""
    for handler in logging.getLogger().handlers:
        handler.flush()
