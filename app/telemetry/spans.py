"""Spans: what the server does and how long it takes, in the terms of OpenTelemetry's tracing API.

Until a tracer is set (`app/telemetry/exporter.py`), every span is one that records nothing, so the
code that makes spans costs next to nothing and never asks whether anybody traces.
Source: https://opentelemetry.io/docs/specs/otel/trace/api/
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol, TypeAlias

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, Value]

NEW_TRACE: Final[Mapping[str, str]] = {}
"""Headers that name no trace: a span started with them is the root of a trace of its own."""

PIPELINE, USER, SEQ = "pipeloom.pipeline_id", "user.id", "pipeloom.seq"
"""Names of attributes that spans of many kinds have."""


class Span(Protocol):
    """An operation that takes time."""

    def rename(self, name: str) -> None:
        """Replace the name that the span was started with."""
        ...

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes, and replace those of the same name."""
        ...

    def add_event(self, name: str) -> None:
        """Record that something happened at this moment within the span."""
        ...

    def fail(self, reason: str) -> None:
        """Mark the operation as failed; `reason` is the class of an error, never its message."""
        ...

    def current(self) -> AbstractContextManager[object]:
        """Make this span the parent of those started in the block."""
        ...

    def end(self) -> None:
        """End the span, unless it has ended already."""
        ...


class Tracer(Protocol):
    """Makes spans."""

    def start_span(
        self, name: str, attributes: Attributes, headers: Mapping[str, str] | None
    ) -> Span:
        """Start a span; see the function `start_span`."""
        ...

    def current_span(self) -> Span:
        """Return the span that is current."""
        ...

    def ids(self) -> Mapping[str, str]:
        """Return `trace_id` and `span_id` of the current span, nothing if there is none."""
        ...


class _NonRecordingSpan:
    """Stands for every span while no tracer is set."""

    def rename(self, _name: str) -> None: ...

    def set_attributes(self, _attributes: Attributes) -> None: ...

    def add_event(self, _name: str) -> None: ...

    def fail(self, _reason: str) -> None: ...

    def current(self) -> AbstractContextManager[object]:
        return nullcontext()

    def end(self) -> None: ...


NON_RECORDING_SPAN: Final[Span] = _NonRecordingSpan()

_tracer: Tracer | None = None


def set_tracer(tracer: Tracer | None) -> None:
    """Make the spans of this process with a tracer from now on; None makes them record nothing."""
    global _tracer  # noqa: PLW0603 - a tracer belongs to the process, as its logger does
    _tracer = tracer


def is_traced() -> bool:
    """Whether spans are recorded."""
    return _tracer is not None


def start_span(
    name: str, attributes: Attributes | None = None, headers: Mapping[str, str] | None = None
) -> Span:
    """Start a span, which the caller must end.

    Its parent is the current span or, when `headers` are given, the one that they name as W3C Trace
    Context (https://www.w3.org/TR/trace-context/). `NEW_TRACE` names none.
    """
    if _tracer is None:
        return NON_RECORDING_SPAN
    return _tracer.start_span(name, attributes or {}, headers)


@contextmanager
def span(
    name: str, attributes: Attributes | None = None, headers: Mapping[str, str] | None = None
) -> Iterator[Span]:
    """Start a span as `start_span` does, make it current in the block, and end it afterwards.

    An exception that leaves the block marks the span as failed, and passes.
    """
    started = start_span(name, attributes, headers)
    try:
        with started.current():
            yield started
    except BaseException as error:
        started.fail(type(error).__name__)
        raise
    finally:
        started.end()


def current_span() -> Span:
    """Return the span that is current."""
    return NON_RECORDING_SPAN if _tracer is None else _tracer.current_span()


def ids() -> Mapping[str, str]:
    """Return `trace_id` and `span_id` of the current span for the log, nothing without one."""
    return {} if _tracer is None else _tracer.ids()
