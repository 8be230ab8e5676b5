"""Coalescing: items that come fast are sent together, and an item after a pause is sent at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CoalescingIntervals:
    """For how many seconds, at most, a busy room gathers presence, and messages for all clients."""

    presence: float = 0.0
    delivery: float = 0.0


IMMEDIATE: Final = CoalescingIntervals()


class Coalescer(Generic[T]):
    """Sends items in their order: `send` is called with all that came in one interval.

    An item that comes after a pause is sent at once and begins an interval. That lasts for
    `seconds`, asked for each time, and another one follows if any item came meanwhile.
    """

    def __init__(self, seconds: Callable[[], float], send: Callable[[list[T]], None]) -> None:
        self._seconds, self._send = seconds, send
        self._held: list[T] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no interval has begun, so that nothing waits."""
        return self._timer is None

    def add(self, item: T) -> None:
        """Send an item, now or at the end of the interval."""
        if self._timer is not None:
            self._held.append(item)
            return
        self._open()
        self._send([item])

    def flush(self) -> None:
        """Send now what waits; the interval goes on."""
        if self._held:
            held, self._held = self._held, []
            self._send(held)

    def close(self) -> None:
        """Send nothing any more."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _open(self) -> None:
        if seconds := self._seconds():
            self._timer = asyncio.get_running_loop().call_later(seconds, self._end)

    def _end(self) -> None:
        self._timer = None
        if self._held:
            self._open()
            self.flush()
