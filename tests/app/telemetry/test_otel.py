"""Spans as OpenTelemetry has them."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.telemetry import spans
from app.telemetry.otel import provider_with

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


def test_what_begins_in_a_span_is_part_of_it(exported: InMemorySpanExporter) -> None:
    with spans.span("outer") as outer:
        outer.add_event("the middle")
        with spans.span("inner", {"a": 1}) as inner:
            inner.set_attributes({"b": "two"})
        with spans.span("apart", headers=spans.NEW_TRACE):
            pass
    within, apart, around = exported.get_finished_spans()
    assert within.parent is not None
    assert around.context is not None
    assert within.parent.span_id == around.context.span_id
    assert dict(within.attributes or {}) == {"a": 1, "b": "two"}
    assert [event.name for event in around.events] == ["the middle"]
    assert apart.parent is around.parent is None


def test_a_request_continues_the_trace_that_it_names(exported: InMemorySpanExporter) -> None:
    with spans.span("request", headers=TRACEPARENT):
        ids = spans.ids()
    (request,) = exported.get_finished_spans()
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert request.context is not None
    assert ids == {"trace_id": TRACE, "span_id": f"{request.context.span_id:016x}"}
    assert spans.ids() == {}


def test_an_error_is_told_by_its_kind_alone(exported: InMemorySpanExporter) -> None:
    with pytest.raises(LookupError), spans.span("a deed"):
        raise LookupError("a secret")
    (span,) = exported.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "LookupError" in span.to_json()
    assert "secret" not in span.to_json()


def test_only_the_first_end_counts(exported: InMemorySpanExporter) -> None:
    span = spans.start_span("a deed")
    span.end()
    span.end()
    assert len(exported.get_finished_spans()) == 1


def test_the_environment_may_name_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provider_attributes()["service.name"] == "pipeloom"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "loom-7")
    assert provider_attributes()["service.name"] == "loom-7"


def provider_attributes() -> dict[str, object]:
    return dict(provider_with(SimpleSpanProcessor(InMemorySpanExporter())).resource.attributes)
