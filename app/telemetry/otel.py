"""Spans made by OpenTelemetry's SDK and sent to a collector: OTLP over HTTP.

The SDK itself reads its environment: endpoint, headers, sampler, batches, limits.
Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import metadata
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .spans import Attributes, Span

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OtelSpan:
    """See `Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        """See `Span.rename`."""
        self._span.update_name(name)

    def note(self, attributes: Attributes) -> None:
        """See `Span.note`."""
        self._span.set_attributes(attributes)

    def reach(self, milestone: str) -> None:
        """See `Span.reach`."""
        self._span.add_event(milestone)

    def fail(self, reason: str) -> None:
        """See `Span.fail`."""
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))

    def current(self) -> AbstractContextManager[object]:
        """See `Span.current`."""
        # A message may hold anything, so whoever catches the error tells its kind.
        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)

    def end(self) -> None:
        """See `Span.end`."""
        if self._span.is_recording():
            self._span.end()


class OtelTracer:
    """See `Tracer`."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def begin(self, name: str, attributes: Attributes, headers: Mapping[str, str] | None) -> Span:
        """See `Tracer.begin`. What continues a request serves one."""
        parent = None if headers is None else _PROPAGATOR.extract(headers, Context())
        kind = SpanKind.SERVER if headers else SpanKind.INTERNAL
        return OtelSpan(self._tracer.start_span(name, parent, kind, attributes))

    def here(self) -> Span:
        """See `Tracer.here`."""
        return OtelSpan(trace.get_current_span())

    def ids(self) -> Mapping[str, str]:
        """See `Tracer.ids`."""
        found = trace.get_current_span().get_span_context()
        if not found.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(found.trace_id),
            "span_id": trace.format_span_id(found.span_id),
        }


def exporting() -> TracerProvider:
    """Make what sends spans to the collector that the environment names, in a thread of its own."""
    return provider(BatchSpanProcessor(OTLPSpanExporter()))


def provider(processor: SpanProcessor) -> TracerProvider:
    """Make what hands spans to a processor."""
    ours = Resource({"service.name": "pipeloom", "service.version": metadata.version("pipeloom")})
    # What the environment says goes before; and what flushes at exit would do so without bounds.
    made = TracerProvider(
        resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    made.add_span_processor(processor)
    return made


def tracer_of(made: TracerProvider) -> OtelTracer:
    """Make what this process makes its spans with."""
    return OtelTracer(made.get_tracer("pipeloom", metadata.version("pipeloom")))
