"""Presence of a busy room, told no more often than eyes can follow."""

import asyncio
from collections.abc import Callable

from crdt.awareness import latest


class PresenceWindow:
    """Passes awareness updates on: at once after a pause, else together after `seconds`.

    Of what comes together, only the latest state of each client is passed on.
    """

    def __init__(self, seconds: float, send: Callable[[bytes], None]) -> None:
        self._seconds, self._send = seconds, send
        self._held: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, presence: bytes) -> None:
        """Pass an awareness update on, now or soon."""
        if self._timer is not None:
            self._held.append(presence)
            return
        self._send(presence)
        self._begin()

    def close(self) -> None:
        """Pass nothing on any more."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _begin(self) -> None:
        if self._seconds:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def _end(self) -> None:
        self._timer = None
        if self._held:
            held, self._held = self._held, []
            self._send(latest(held))
            self._begin()
