"""Structured logs on stderr, written by structlog: every event has fields to search for."""

import logging
import sys
from typing import Final

import structlog
from structlog.typing import EventDict

from . import spans

MAX_TEXT: Final = 1000
"""Characters of a field: a header may have 64 KiB, and whoever sends it need not be anybody."""


def configure() -> None:
    """Log to stderr, one line an event; standard logging from WARNING up goes there too."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_span,
            _cut_texts,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")


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
