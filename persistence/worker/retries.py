"""When to try again what has failed: exponential backoff, for each document on its own."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

MAX_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds: `first`, twice that, and so on up to `longest`."""

    first: float
    longest: float

    def delay(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row, counted from 1."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, MAX_DOUBLINGS))


@dataclass(frozen=True, slots=True)
class _Failure:
    failures: int
    retry_at: float


class FailingDocuments:
    """Documents that failed, and when to try them again; `clock` is monotonic, in seconds."""

    def __init__(self, backoff: Backoff, clock: Callable[[], float]) -> None:
        self._backoff, self._clock = backoff, clock
        self._failing: dict[UUID, _Failure] = {}

    def failed(self, pipeline_id: UUID) -> float:
        """Postpone the next attempt at a document; return by how many seconds."""
        former = self._failing.get(pipeline_id)
        failures = 1 + (former.failures if former else 0)
        delay = self._backoff.delay(failures)
        self._failing[pipeline_id] = _Failure(failures, self._clock() + delay)
        return delay

    def succeeded(self, pipeline_id: UUID) -> None:
        """Forget that a document ever failed."""
        self._failing.pop(pipeline_id, None)

    def postponed(self) -> set[UUID]:
        """Return the documents whose next attempt is not due yet."""
        now = self._clock()
        self._forget(before=now - self._backoff.longest)
        return {key for key, failure in self._failing.items() if failure.retry_at > now}

    def _forget(self, before: float) -> None:
        """Drop documents that were not tried again although they were due: deleted ones."""
        self._failing = {k: f for k, f in self._failing.items() if f.retry_at >= before}
