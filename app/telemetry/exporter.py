"""Whether this process exports spans, and the end of that: nothing of it may hold up the server."""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from . import spans

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
HTTP: Final = "http/protobuf"

FLUSH_SECONDS: Final = 1.0
"""How long the last spans may take to reach the collector."""

COMPLAIN_SECONDS: Final = 60.0
"""Between two complaints about a collector."""

_logger = structlog.get_logger(__name__)


@contextmanager
def tracing() -> Iterator[None]:
    """Export spans while the block runs, if the environment says where to."""
    provider = _provider(os.environ)
    if provider is None:
        yield
        return
    try:
        yield
    finally:
        spans.trace_with(None)
        _flush(provider)


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether spans are to be exported, by the variables that OpenTelemetry has for this."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or environment.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(environment.get(name, "").strip() for name in ENDPOINTS)


def _provider(environment: Mapping[str, str]) -> "TracerProvider | None":
    if not is_wanted(environment) or not _speaks_http(environment):
        return None
    try:
        from .otel import exporting, tracer_of  # noqa: PLC0415 - others start without it
    except ImportError as error:
        remedy = "install pipeloom[telemetry], or unset OTEL_EXPORTER_OTLP_ENDPOINT"
        _logger.warning("telemetry.not_installed", missing=error.name, remedy=remedy)
        return None
    _listen()
    provider = exporting()
    spans.trace_with(tracer_of(provider))
    return provider


def _speaks_http(environment: Mapping[str, str]) -> bool:
    protocol = next(filter(None, (environment.get(name, "").strip() for name in PROTOCOLS)), HTTP)
    if protocol != HTTP:
        _logger.warning("telemetry.unknown_protocol", expected=HTTP, got=protocol)
    return protocol == HTTP


def _flush(provider: "TracerProvider") -> None:
    """Send what is left; the SDK's own shutdown waits for half a minute."""
    last = threading.Thread(target=provider.shutdown, name="telemetry", daemon=True)
    last.start()
    last.join(FLUSH_SECONDS)


def _listen() -> None:
    """Have the SDK's complaints in the log, one line each, and not too many."""
    theirs = logging.getLogger("opentelemetry")
    theirs.handlers, theirs.propagate = [_Complaints()], False


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._complained_at = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() - self._complained_at >= COMPLAIN_SECONDS:
            self._complained_at = time.monotonic()
            _logger.warning("telemetry.export_failed", error=record.getMessage())
