"""Structured logs on stderr, written by structlog: every event has fields to search for."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import Final

import structlog
from structlog.typing import EventDict, Processor

from . import spans

MAX_TEXT: Final = 1000
"""Characters of a field: a header may have 64 KiB, and whoever sends it need not be anybody."""

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

_logger = structlog.get_logger(__name__)


def configure() -> None:
    """Log to stderr, one line an event; standard logging from WARNING up goes there too.

    By PIPELOOM_LOG_LEVEL and PIPELOOM_LOG_FORMAT. This is done before there are settings, which
    refuse other values than those known here.
    """
    level = LEVELS.get(os.environ.get("PIPELOOM_LOG_LEVEL", "").lower(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_span,
            _cut_texts,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *_rendering(os.environ.get("PIPELOOM_LOG_FORMAT", "").lower()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_ToStructlog()], level=max(level, logging.WARNING))


def _rendering(wanted: str) -> Sequence[Processor]:
    """What turns an event into a line; for people where the log goes to a terminal."""
    if wanted == "console" or (wanted not in {"logfmt", "json"} and sys.stderr.isatty()):
        return (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),)
    if wanted == "json":
        return (
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        )
    return (
        structlog.processors.format_exc_info,
        structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
    )


class _ToStructlog(logging.Handler):
    """Writes what libraries log as lines of the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        said = {"logger": record.name, "message": record.getMessage()}
        if record.levelno >= logging.ERROR:
            _logger.error("library.logged", **said, exc_info=record.exc_info)
            return
        # The pool of the driver warns of each attempt to connect while PostgreSQL is away, with
        # all of its stack, which would look like a fault of the server.
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = str(record.exc_info[1]) or type(record.exc_info[1]).__name__
        _logger.warning("library.logged", **said)


def _add_span(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add `trace_id` and `span_id`, so that a log line leads to its trace."""
    event.update(spans.ids())
    return event


def _cut_texts(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Cut what a client may have sent; the traceback of an exception is added later, whole."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > MAX_TEXT:
            event[key] = f"{value[:MAX_TEXT]}…"
    return event
