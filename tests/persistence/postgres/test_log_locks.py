"""Whoever holds the end of a log and stands still, or dies, does not hold it for long."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types
import pytest

from persistence.errors import StoreUnavailable
from persistence.ports.update_log import IDLE_SECONDS
from persistence.postgres.pool import Pool
from tests.contracts.stores import Stores, stores_on

KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'
"""


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """Only rows change here."""
    return emptied_database_url


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    made = stores_on(pool)
    await made.prepare()
    return made


async def test_a_server_that_stands_still_loses_its_locks(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()

    async def others_get_through() -> None:
        async with asyncio.timeout(10 * IDLE_SECONDS):
            assert await stores.log.append([stores.update(pipeline, b"theirs")]) == [2]

    with pytest.raises(StoreUnavailable):
        await _append_after(others_get_through, stores, pipeline)
    assert [each.payload for each in await stores.log.since(pipeline, 1)] == [b"theirs"]


async def test_a_server_whose_connection_is_lost_stores_nothing(
    stores: Stores, database_url: str
) -> None:
    pipeline = await stores.new_pipeline()

    async def kill() -> None:
        killer = await asyncpg.connect(database_url)
        await killer.execute(KILL)
        await killer.close()

    with pytest.raises(StoreUnavailable):
        await _append_after(kill, stores, pipeline)
    assert await stores.log.append([stores.update(pipeline, b"theirs")]) == [2]


async def _append_after(
    accident: Callable[[], Awaitable[None]], stores: Stores, pipeline: UUID
) -> None:
    async with stores.log.transaction() as transaction:
        await transaction.lock({pipeline: 1})
        await accident()
        await transaction.append([stores.update(pipeline, b"ours")])
