"""Which bus a server uses, by its settings: the one place that chooses an implementation."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal

from app.bus.base import Bus
from app.bus.memory import MemoryBus
from app.bus.postgres import open_postgres_transport
from app.bus.remote import RemoteBus
from app.bus.transport import Transport
from crdt.room.peer_messages import NodeId

from .settings import Settings
from .tasks import in_background


def bus_kind(settings: Settings) -> Literal["redis", "postgresql", "none"]:
    """What servers reach each other by: Redis if configured, else PostgreSQL for `--workers`."""
    if settings.redis_url is not None:
        return "redis"
    return "postgresql" if settings.workers > 1 else "none"


@asynccontextmanager
async def bus_for(settings: Settings, dsn: str, node: NodeId) -> AsyncIterator[Bus]:
    """Run the bus of the kind that the settings ask for."""
    if settings.redis_url is not None:
        # The client of Redis takes a tenth of a server's start to import; most servers use none.
        from app.bus.redis import open_redis_transport  # noqa: PLC0415 - see above

        bus = run_bus(partial(open_redis_transport, settings.redis_url), node)
    elif bus_kind(settings) == "postgresql":
        bus = run_bus(partial(open_postgres_transport, dsn), node)
    else:
        yield MemoryBus()
        return
    async with bus as made:
        yield made


async def check_bus(redis_url: str, pings: int) -> tuple[str, list[float]]:
    """The version of Redis, and the seconds of each of some pings. Raises BusUnavailable."""
    from app.bus.redis import redis_facts  # noqa: PLC0415 - see above

    return await redis_facts(redis_url, pings)


@asynccontextmanager
async def run_bus(
    open_transport: Callable[[], Awaitable[Transport]], node: NodeId
) -> AsyncIterator[RemoteBus]:
    """Run a bus over transports of one kind until the block ends."""
    bus = RemoteBus(open_transport, node)
    async with in_background(bus.run()):
        yield bus
