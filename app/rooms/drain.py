"""Sending everybody away from a server that goes down, so that they do not all return at once.

They are closed in slices, and when they are many, each close names a second of its own in which to
come back, for those clients that can read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from random import Random
from typing import Final, Protocol

from crdt.errors import Draining, SyncError

CLOSED_PER_SECOND: Final = 2_000
RETURNING_PER_SECOND: Final = 500
"""How many clients another server can let in a second without others noticing."""

SLICE_SECONDS: Final = 0.1


class Closing(Protocol):
    """What can be closed; a connection."""

    def close(self, error: SyncError) -> None: ...


async def send_away(
    connections: Collection[Closing],
    within: float,
    random: Random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Close all with 1012, in random order and `within` seconds; few of them at once."""
    leaving = list(connections)
    random.shuffle(leaving)
    seconds = min(within, len(leaving) / CLOSED_PER_SECOND)
    slices = max(1, int(seconds / SLICE_SECONDS))
    for number in range(slices):
        if number:
            await sleep(SLICE_SECONDS)
        for connection in leaving[number::slices]:
            connection.close(_farewell(len(leaving), random))


def _farewell(leaving: int, random: Random) -> Draining:
    latest = leaving // RETURNING_PER_SECOND
    if not latest:
        return Draining()
    return Draining(f"{Draining.remedy} in {random.randint(1, latest + 1)} s")
