"""Reserves a document for one large edit: it takes seconds to compute, on a copy.

Whoever computes such an edit again and again until nobody has edited meanwhile never ends beside a
script that edits all the time. So other edits by servers wait for a reserved document; what clients
write does not wait, and merges with the edit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Final
from uuid import UUID

from crdt.errors import PipelineNotFound
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


@asynccontextmanager
async def reserved(log: UpdateLog, pipeline_id: UUID, edit: UUID) -> AsyncIterator[bool]:
    """Reserve a document for an edit until the end of the block; False if it is for another one.

    Raises StoreUnavailable and PipelineNotFound.
    """
    try:
        is_ours = await log.reserve(pipeline_id, edit, RESERVED_SECONDS)
        if not is_ours and pipeline_id not in await log.heads([pipeline_id]):
            raise PipelineNotFound(f"pipeline {pipeline_id} was deleted")
        async with _prolonged(log, pipeline_id, edit) if is_ours else nullcontext():
            yield is_ours
    finally:
        # If that fails, the reservation ends by itself.
        with suppress(StoreError):
            await log.free(pipeline_id, edit)


@asynccontextmanager
async def _prolonged(log: UpdateLog, pipeline_id: UUID, edit: UUID) -> AsyncIterator[None]:
    prolonging = asyncio.create_task(_prolong(log, pipeline_id, edit))
    try:
        yield
    finally:
        prolonging.cancel()


async def _prolong(log: UpdateLog, pipeline_id: UUID, edit: UUID) -> None:
    """Prolong a reservation; whoever decides on the edit notices if it has ended nevertheless."""
    while True:
        await asyncio.sleep(PROLONG_SECONDS)
        with suppress(StoreError):
            await log.reserve(pipeline_id, edit, RESERVED_SECONDS)
