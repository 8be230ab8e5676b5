"""Spans made by OpenTelemetry's SDK and sent to a collector: OTLP over HTTP.

The SDK itself reads its environment: endpoint, headers, sampler, batches, limits.
Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.version import VERSION

from .spans import Attributes, Span

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class OtelSpan:
    """See `Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        """See `Span.rename`."""
        self._span.update_name(name)

    def set_attributes(self, attributes: Attributes) -> None:
        """See `Span.set_attributes`."""
        self._span.set_attributes(attributes)

    def add_event(self, name: str) -> None:
        """See `Span.add_event`."""
        self._span.add_event(name)

    def fail(self, reason: str) -> None:
        """See `Span.fail`."""
        self._span.set_attribute("error.type", reason)
        self._span.set_status(Status(StatusCode.ERROR))

    def current(self) -> AbstractContextManager[object]:
        """See `Span.current`."""
        # The message of an exception may hold what people wrote, so it is not recorded: `span`
        # records the class of the error instead.
        return trace.use_span(self._span, record_exception=False, set_status_on_exception=False)

    def end(self) -> None:
        """See `Span.end`."""
        if self._span.is_recording():
            self._span.end()


class OtelTracer:
    """See `Tracer`."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def start_span(
        self, name: str, attributes: Attributes, headers: Mapping[str, str] | None
    ) -> Span:
        """See `Tracer.start_span`. A span with headers serves a request."""
        parent = None if headers is None else _PROPAGATOR.extract(headers, Context())
        kind = SpanKind.SERVER if headers else SpanKind.INTERNAL
        return OtelSpan(self._tracer.start_span(name, parent, kind, attributes))

    def current_span(self) -> Span:
        """See `Tracer.current_span`."""
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


def exporting_provider() -> TracerProvider:
    """Make a provider that sends spans to the collector of the environment, in a thread."""
    return provider_with(BatchSpanProcessor(OTLPSpanExporter()))


def provider_with(processor: SpanProcessor) -> TracerProvider:
    """Make a provider that hands ended spans to `processor`."""
    ours = Resource({"service.name": "pipeloom", "service.version": VERSION})
    # The environment's attributes win over ours. The SDK's flush at exit has no time limit, so
    # `exporter` shuts the provider down itself.
    made = TracerProvider(
        resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    made.add_span_processor(processor)
    return made


def tracer_of(made: TracerProvider) -> OtelTracer:
    """Return the tracer that makes the spans of this process."""
    return OtelTracer(made.get_tracer("pipeloom", VERSION))
