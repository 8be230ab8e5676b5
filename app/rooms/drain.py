"""Closing the connections of a server that stops, so that clients do not all reconnect at once.

They are closed in slices, and when they are many, the reason of each close names a second of its
own in which to reconnect, for those clients that read it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from random import Random
from typing import Final, Protocol

from crdt.errors import Draining, SyncError

CLOSED_PER_SECOND: Final = 2_000
RETURNING_PER_SECOND: Final = 500
"""How many clients another server can admit a second without delays for others."""

SLICE_SECONDS: Final = 0.1


class Closable(Protocol):
    """What can be closed: a connection."""

    def close(self, error: SyncError) -> None: ...


async def close_all(
    connections: Collection[Closable],
    within: float,
    random: Random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Close all with 1012, in random order and `within` seconds; few of them at once."""
    closing = list(connections)
    random.shuffle(closing)
    seconds = min(within, len(closing) / CLOSED_PER_SECOND)
    slices = max(1, int(seconds / SLICE_SECONDS))
    for number in range(slices):
        if number:
            await sleep(SLICE_SECONDS)
        for connection in closing[number::slices]:
            connection.close(_reason(len(closing), random))


def _reason(closing: int, random: Random) -> Draining:
    latest = closing // RETURNING_PER_SECOND
    if not latest:
        return Draining()
    return Draining(f"{Draining.remedy} in {random.randint(1, latest + 1)} s")
