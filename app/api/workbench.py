"""Long computations for the API: a few at a time, in threads, so that rooms stay quick."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, ParamSpec, TypeVar

from crdt.errors import Overloaded
from persistence.replay import compute

AT_ONCE: Final = 2
MAX_WAITING: Final = 20
"""Computations that may wait for their turn; beyond that the server is overloaded."""

P = ParamSpec("P")
T = TypeVar("T")


class Workbench:
    """Runs computations on documents and pipeline files."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn to compute. Raises Overloaded when too many wait."""
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many long requests at once: try again later")
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    async def run(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a task in a thread. Raises Overloaded, and what it raises."""
        async with self.turn():
            return await compute(task, *args, **kwargs)
