"""What comes fast is passed on together; what comes after a pause, at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CoalescingWindows:
    """How long a busy room gathers presence, and what it tells everybody, at most; in seconds."""

    presence: float = 0.0
    delivery: float = 0.0


IMMEDIATE: Final = CoalescingWindows()


class Coalescer(Generic[T]):
    """Passes things on in their order: `send` takes all that came in one window.

    A window opens with whatever comes after a pause, which is passed on at once. It stays open for
    `seconds`, asked for each time, and is followed by another if anything came meanwhile.
    """

    def __init__(self, seconds: Callable[[], float], send: Callable[[list[T]], None]) -> None:
        self._seconds, self._send = seconds, send
        self._held: list[T] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, thing: T) -> None:
        """Pass something on, now or soon."""
        if self._timer is not None:
            self._held.append(thing)
            return
        self._open()
        self._send([thing])

    def flush(self) -> None:
        """Pass on now what waits; the window stays open."""
        if self._held:
            held, self._held = self._held, []
            self._send(held)

    def close(self) -> None:
        """Pass nothing on any more."""
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
