"""Which bus a server uses, by its settings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from app.settings import Settings
from app.tasks import end
from crdt.room.peer_messages import NodeId

from .base import Bus
from .memory import MemoryBus
from .postgres import open_postgres_transport
from .redis import open_redis_transport
from .remote import RemoteBus
from .transport import Transport


@asynccontextmanager
async def bus_for(settings: Settings, dsn: str, node: NodeId) -> AsyncIterator[Bus]:
    """Run the bus: Redis if configured, else PostgreSQL between the processes of `--workers`."""
    if settings.redis_url is not None:
        bus = running(partial(open_redis_transport, settings.redis_url), node)
    elif settings.workers > 1:
        bus = running(partial(open_postgres_transport, dsn), node)
    else:
        yield MemoryBus()
        return
    async with bus as made:
        yield made


@asynccontextmanager
async def running(
    open_transport: Callable[[], Awaitable[Transport]], node: NodeId
) -> AsyncIterator[RemoteBus]:
    """Run a bus over lines of one kind until the block ends."""
    bus = RemoteBus(open_transport, node)
    task = asyncio.create_task(bus.run(), name="bus")
    try:
        yield bus
    finally:
        await end([task])
