"""Spans: what the server does and how long that takes, for whoever traces it.

As long as nobody does (`app/telemetry/exporter.py`), a span takes everything and keeps nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, Protocol, TypeAlias

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, Value]

ANEW: Final[Mapping[str, str]] = {}
"""The headers of what is part of nothing else."""

PIPELINE, USER, SEQ = "pipeloom.pipeline_id", "user.id", "pipeloom.seq"
"""Attributes that spans of many kinds have."""


class Span(Protocol):
    """Something that takes time."""

    def rename(self, name: str) -> None:
        """Call it otherwise."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add what is known by now."""
        ...

    def reach(self, milestone: str) -> None:
        """Note that it has come so far at this moment."""
        ...

    def fail(self, reason: str) -> None:
        """Note that it failed; `reason` is the kind of an error, never its message."""
        ...

    def current(self) -> AbstractContextManager[object]:
        """Let what begins in the block be part of it."""
        ...

    def end(self) -> None:
        """End it, unless it has ended."""
        ...


class Tracer(Protocol):
    """Makes spans."""

    def begin(self, name: str, attributes: Attributes, headers: Mapping[str, str] | None) -> Span:
        """Begin a span; see `begin`."""
        ...

    def here(self) -> Span:
        """The span that is current."""
        ...

    def ids(self) -> Mapping[str, str]:
        """The ids of the span that is current, if one is."""
        ...


class _Untraced:
    """Stands in for every span while nobody traces."""

    def rename(self, _name: str) -> None: ...

    def note(self, _attributes: Attributes) -> None: ...

    def reach(self, _milestone: str) -> None: ...

    def fail(self, _reason: str) -> None: ...

    def current(self) -> AbstractContextManager[object]:
        return nullcontext()

    def end(self) -> None: ...


UNTRACED: Final[Span] = _Untraced()

_tracer: Tracer | None = None


def trace_with(tracer: Tracer | None) -> None:
    """Have the spans of this process made by a tracer from now on; None: by nobody."""
    global _tracer  # noqa: PLW0603 - of the process, as its logger is
    _tracer = tracer


def is_traced() -> bool:
    """Whether spans go anywhere."""
    return _tracer is not None


def begin(
    name: str, attributes: Attributes | None = None, headers: Mapping[str, str] | None = None
) -> Span:
    """Begin a span, which whoever asks for it must end.

    It is part of the current one, or, with the headers of a request, of what they name; `ANEW`
    names nothing.
    """
    return UNTRACED if _tracer is None else _tracer.begin(name, attributes or {}, headers)


@contextmanager
def span(
    name: str, attributes: Attributes | None = None, headers: Mapping[str, str] | None = None
) -> Iterator[Span]:
    """A span that is current while the block runs; see `begin`."""
    made = begin(name, attributes, headers)
    try:
        with made.current():
            yield made
    except BaseException as error:
        made.fail(type(error).__name__)
        raise
    finally:
        made.end()


def here() -> Span:
    """The span that is current."""
    return UNTRACED if _tracer is None else _tracer.here()


def ids() -> Mapping[str, str]:
    """The ids of the span that is current, for the log."""
    return {} if _tracer is None else _tracer.ids()
