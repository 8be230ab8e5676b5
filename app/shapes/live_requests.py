"""Live requests: how many each user has, and for those that Electric answers, who wakes them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

from app.telemetry import metrics

from .answers import TooManyShapes

T = TypeVar("T")


class LiveCount:
    """How many requests of each user wait; `most` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: Counter[UUID] = Counter()

    def of(self, user_id: UUID) -> int:
        """How many requests of a user wait."""
        return self._waiting.get(user_id, 0)

    def begin(self, user_id: UUID) -> Callable[[], None]:
        """Count one more; return what ends it, which may be called again. Raises TooManyShapes."""
        if self._waiting[user_id] >= self._most:
            raise TooManyShapes(
                f"you have {self._most} live requests, as many as may be "
                "(PIPELOOM_SHAPE_LIVE_PER_USER): end some first",
                is_own=True,
            )
        self._waiting[user_id] += 1
        metrics.SHAPE_CLIENTS.inc()
        left = [user_id]

        def end() -> None:
            while left:
                self._end(left.pop())

        return end

    @contextmanager
    def counted(self, user_id: UUID) -> Iterator[None]:
        """Count one more while the block runs. Raises TooManyShapes."""
        end = self.begin(user_id)
        try:
            yield
        finally:
            end()

    def _end(self, user_id: UUID) -> None:
        metrics.SHAPE_CLIENTS.dec()
        self._waiting[user_id] -= 1
        if not self._waiting[user_id]:
            del self._waiting[user_id]


class Bell:
    """Wakes everybody who listens, each time that it is rung."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def ring(self) -> None:
        """Have everybody look who listens."""
        rung, self.rung = self.rung, asyncio.Event()
        rung.set()

    def listener(self) -> "BellListener":
        """Return who is woken from now on, also before it waits."""
        return BellListener(self)


class BellListener:
    """Somebody who looks whenever a bell was rung since the last look."""

    def __init__(self, bell: Bell) -> None:
        self._bell, self._rung = bell, bell.rung

    async def until(
        self,
        task: asyncio.Task[T],
        look: Callable[[], Awaitable[None]],
        discard: Callable[[T], Awaitable[Any]] | None = None,
    ) -> T:
        """Return the result of a task; whenever the bell is rung meanwhile, `look`.

        If `look` raises, the task is given up, and what it made all the same is discarded.
        """
        try:
            while not await _first(task, self._rung):
                # Taken before the look: what is rung during it counts.
                self._rung = self._bell.rung
                await look()
        except BaseException:
            await _give_up(task, discard)
            raise
        return task.result()


async def _first(task: asyncio.Task[Any], rung: asyncio.Event) -> bool:
    """Wait for either; whether it was the task."""
    waiting = asyncio.ensure_future(rung.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return task.done()


async def _give_up(task: asyncio.Task[T], discard: Callable[[T], Awaitable[Any]] | None) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, Exception):
        made = await task
        if discard is not None:
            await discard(made)
