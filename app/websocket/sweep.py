"""One timer for many connections, in place of a timer for each."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SLICES: Final = 16
"""Into how many parts the members are divided: each is looked at by itself, so that no look at
thousands of members keeps everybody else waiting."""


class Sweep(Generic[T]):
    """Calls `look` with each of its members once in `seconds`.

    The first time comes within that time and not at its end. There is a timer only while there are
    members.
    """

    def __init__(self, seconds: float, look: Callable[[T], None]) -> None:
        self._gap, self._look = seconds / SLICES, look
        self._slices: list[set[T]] = [set() for _ in range(SLICES)]
        self._added, self._turns = count(), count()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, member: T) -> None:
        """Look at a member from now on."""
        self._slices[next(self._added) % SLICES].add(member)
        self._set_timer()

    def discard(self, member: T) -> None:
        """Look at a member no more; it need not be one."""
        for members in self._slices:
            members.discard(member)

    def _set_timer(self) -> None:
        if self._timer is None and any(self._slices):
            self._timer = asyncio.get_running_loop().call_later(self._gap, self._turn)

    def _turn(self) -> None:
        self._timer = None
        members = self._slices[next(self._turns) % SLICES]
        # What raises must not end the sweep.
        self._set_timer()
        for member in list(members):
            # A look at another one may have ended it.
            if member in members:
                self._look(member)
