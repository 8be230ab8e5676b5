"""Starts and stops the export of spans. A slow or absent collector must not hold up the server."""

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

WARNING_SECONDS: Final = 60.0
"""The shortest time between two log lines about a collector that does not take spans."""

_logger = structlog.get_logger(__name__)


@contextmanager
def tracing() -> Iterator[None]:
    """Export spans while the block runs, if the environment names a collector."""
    provider = _provider(os.environ)
    if provider is None:
        yield
        return
    try:
        yield
    finally:
        spans.set_tracer(None)
        _flush(provider)


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether spans are to be exported, by the variables of OpenTelemetry's specification."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if is_off or environment.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
        return False
    return any(environment.get(name, "").strip() for name in ENDPOINTS)


def _provider(environment: Mapping[str, str]) -> "TracerProvider | None":
    if not is_wanted(environment) or not _is_http(environment):
        return None
    try:
        from .otel import exporting_provider, tracer_of  # noqa: PLC0415 - the SDK is optional, and slow to load
    except ImportError as error:
        remedy = "install pipeloom[telemetry], or unset OTEL_EXPORTER_OTLP_ENDPOINT"
        _logger.warning("telemetry.not_installed", missing=error.name, remedy=remedy)
        return None
    _redirect_sdk_log()
    provider = exporting_provider()
    spans.set_tracer(tracer_of(provider))
    return provider


def _is_http(environment: Mapping[str, str]) -> bool:
    protocol = next(filter(None, (environment.get(name, "").strip() for name in PROTOCOLS)), HTTP)
    if protocol != HTTP:
        _logger.warning("telemetry.unknown_protocol", expected=HTTP, got=protocol)
    return protocol == HTTP


def _flush(provider: "TracerProvider") -> None:
    """Send the last spans within FLUSH_SECONDS; the SDK's own shutdown waits for half a minute."""
    last = threading.Thread(target=provider.shutdown, name="telemetry", daemon=True)
    last.start()
    last.join(FLUSH_SECONDS)


def _redirect_sdk_log() -> None:
    """Write the SDK's warnings to our log, one line each and one per WARNING_SECONDS."""
    sdk_logger = logging.getLogger("opentelemetry")
    sdk_logger.handlers, sdk_logger.propagate = [_RateLimitedWarnings()], False


class _RateLimitedWarnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._warned_at = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() - self._warned_at >= WARNING_SECONDS:
            self._warned_at = time.monotonic()
            _logger.warning("telemetry.export_failed", error=record.getMessage())
