"""Reserves a document for one large edit: it takes seconds to compute, on a copy.

Whoever computes such an edit again and again until nobody has edited meanwhile never ends beside a
script that edits all the time. So other edits by servers wait for a reserved document; what clients
write does not wait, and merges with the edit.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID, uuid4

from crdt.errors import Overloaded, PipelineNotFound
from persistence.errors import StoreError
from persistence.ports.update_log import UpdateLog

RESERVED_SECONDS: Final = 5.0
"""How long a reservation lasts unless it is prolonged; after a crash the others wait so long.

It must outlast whatever holds the event loop up: beside the computation in the thread, on a busy
machine, that is seconds, and what is computed without a reservation is in vain.
"""

PROLONG_SECONDS: Final = 0.5
"""Between two prolongations."""

LOOK_SECONDS: Final = 0.05
"""Between two looks whether a document is reserved no more."""

WAIT_SECONDS: Final = 45.0
"""How long a large edit waits for those before it, which may be of ten thousand steps: less than
the minute after which clients and proxies give up."""

BUSY: Final = "others edit this pipeline all the time: nothing was changed, try again later"
"""The reason of Overloaded for a large edit that finds no moment for itself."""


@asynccontextmanager
async def reserved(
    log: UpdateLog, pipeline_id: UUID, monotonic: Callable[[], float]
) -> AsyncIterator[UUID]:
    """Reserve a document until the end of the block; the value names the reservation.

    Raises StoreUnavailable, PipelineNotFound, and Overloaded if it is reserved for others all the
    time.
    """
    edit = uuid4()
    await _reserve(log, pipeline_id, edit, monotonic)
    prolonging = asyncio.create_task(_prolong(log, pipeline_id, edit))
    try:
        yield edit
    finally:
        prolonging.cancel()
        # If that fails, the reservation ends by itself.
        with suppress(StoreError):
            await log.free(pipeline_id, edit)


async def _reserve(
    log: UpdateLog, pipeline_id: UUID, edit: UUID, monotonic: Callable[[], float]
) -> None:
    stop = monotonic() + WAIT_SECONDS
    while not await log.reserve(pipeline_id, edit, RESERVED_SECONDS):
        if pipeline_id not in await log.heads([pipeline_id]):
            raise PipelineNotFound(f"pipeline {pipeline_id} was deleted")
        if monotonic() > stop:
            raise Overloaded(BUSY)
        await asyncio.sleep(LOOK_SECONDS)


async def _prolong(log: UpdateLog, pipeline_id: UUID, edit: UUID) -> None:
    """Prolong a reservation; whoever decides on the edit notices if it has ended nevertheless."""
    while True:
        await asyncio.sleep(PROLONG_SECONDS)
        with suppress(StoreError):
            await log.reserve(pipeline_id, edit, RESERVED_SECONDS)
