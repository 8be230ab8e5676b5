"""Structured logs on stderr, written by structlog: every event has fields to search for."""

import logging
import sys

import structlog
from structlog.typing import EventDict

from . import spans


def configure() -> None:
    """Log to stderr, one line an event; standard logging from WARNING up goes there too."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_span,
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
