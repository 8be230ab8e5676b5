"""Spans while nobody traces."""

import subprocess
import sys

import pytest

from app.telemetry import spans


def test_they_take_everything_and_are_nothing() -> None:
    assert not spans.is_traced()
    with spans.span("a deed", {"a": 1}, spans.NEW_TRACE) as span:
        span.rename("another")
        span.set_attributes({"b": True})
        span.add_event("the end")
        span.fail("Nothing")
        assert spans.current_span() is span is spans.start_span("a third")
    assert spans.ids() == {}


def test_errors_pass() -> None:
    with pytest.raises(LookupError), spans.span("a deed"):
        raise LookupError


def test_a_server_that_is_not_traced_loads_nothing_for_it() -> None:
    wanted = ["app.telemetry.otel", "opentelemetry.sdk.trace.export", "opentelemetry.exporter.otlp"]
    look = (
        "import sys, app.processes.server, app.processes.multi_server; "
        f"print([m for m in {wanted} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, check=True, text=True)
    assert found.stdout == "[]\n"
