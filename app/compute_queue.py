"""Runs long computations beside the event loop, a few at a time, so that it stays free for rooms.

Each user computes one thing at a time and may have a bounded number waiting. What all have waiting
is bounded, too, but places are kept for users who have nothing waiting: two busy ones must not have
everybody else sent away.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, ParamSpec, TypeVar
from uuid import UUID

from crdt.errors import Overloaded
from persistence.worker.replay import Compute, compute

AT_ONCE: Final = 2
MAX_WAITING: Final = 20
"""Computations that may run or wait; beyond that the server answers that it is overloaded."""

MAX_WAITING_OF_ONE: Final = 10
"""Computations of one user that may run or wait."""

FOR_NEWCOMERS: Final = 100
"""Places beyond `MAX_WAITING` for users who have nothing else there: one each."""

P = ParamSpec("P")
T = TypeVar("T")


class ComputeQueue:
    """Runs computations on documents, updates and pipeline files, by `compute` in a thread."""

    def __init__(
        self,
        at_once: int = AT_ONCE,
        max_waiting: int = MAX_WAITING,
        max_waiting_of_one: int = MAX_WAITING_OF_ONE,
        compute: Compute = compute,
    ) -> None:
        self._compute = compute
        self._turn = asyncio.Semaphore(at_once)
        self._max_waiting, self._max_waiting_of_one = max_waiting, max_waiting_of_one
        self._turns: dict[UUID, asyncio.Lock] = {}
        self._waiting: Counter[UUID] = Counter()

    @asynccontextmanager
    async def turn(self, user_id: UUID) -> AsyncIterator[None]:
        """Wait for a user's turn to compute, and hold it while the block runs.

        Turns do not nest: a user who holds one would wait for it forever. Raises Overloaded when
        too many wait.
        """
        if self._is_full_for(user_id):
            raise Overloaded("too much to compute at once: try again later")
        self._waiting[user_id] += 1
        own_turn = self._turns.setdefault(user_id, asyncio.Lock())
        try:
            # The user's own lock comes first: a user who waits for it must not hold one of the
            # few turns that all users share.
            async with own_turn, self._turn:
                yield
        finally:
            self._waiting[user_id] -= 1
            if not self._waiting[user_id]:
                del self._waiting[user_id], self._turns[user_id]

    def _is_full_for(self, user_id: UUID) -> bool:
        of_one, of_all = self._waiting.get(user_id, 0), self._waiting.total()
        places = self._max_waiting if of_one else self._max_waiting + FOR_NEWCOMERS
        return of_one >= self._max_waiting_of_one or of_all >= places

    async def run(
        self, user_id: UUID, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a task beside the event loop. Raises Overloaded, and what it raises."""
        async with self.turn(user_id):
            return await self._compute(task, *args, **kwargs)
