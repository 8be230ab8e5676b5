"""Purging on a real database: what is due, what goes with it, and what others work on."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from crdt.pipeline.rows import RowChanges
from persistence.ports.deletions import Purged
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.pool import Pool
from tests.contracts.stores import Stores, a_step, stores_on

MONTH = timedelta(days=30)


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    made = stores_on(pool)
    await made.prepare()
    return made


@pytest.fixture
def deletions(pool: Pool) -> PostgresDeletions:
    return PostgresDeletions(pool)


async def deleted(pool: Pool, pipeline_id: UUID, days: float) -> UUID:
    """Make a pipeline one that was deleted so many days ago."""
    await pool.run_script(
        f"UPDATE pipelines SET deleted_at = now() - interval '{days} days' "
        f"WHERE id = '{pipeline_id}'"
    )
    return pipeline_id


async def test_what_was_deleted_long_ago_goes_with_its_log_the_oldest_first(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    await stores.new_pipeline(1)
    await deleted(pool, await stores.new_pipeline(2), 29.9)
    older, oldest = [
        await deleted(pool, await stores.new_pipeline(number), days)
        for number, days in ((3, 30.1), (4, 31))
    ]
    purged = [await deletions.purge_one(MONTH) for _ in range(3)]
    assert purged == [Purged("pipeline", oldest), Purged("pipeline", older), None]
    for table in ("pipelines", "pipeline_documents", "pipeline_updates", "projection_cursors"):
        assert await pool._driver.fetchval(f"SELECT count(*) FROM {table}") == 2


async def test_several_workers_purge_each_once(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    ids = {await deleted(pool, await stores.new_pipeline(number), 40) for number in range(1, 5)}
    found: list[UUID] = []

    async def purge_all() -> None:
        while (purged := await deletions.purge_one(MONTH)) is not None:
            found.append(purged.id)

    await asyncio.gather(*(purge_all() for _ in range(3)))
    assert sorted(found) == sorted(ids)


async def test_one_that_a_worker_projects_is_left_to_the_next_time(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    pipeline = await stores.new_pipeline()
    async with stores.projections.claim() as claim:
        assert claim is not None
        await claim.apply(RowChanges(steps=[a_step(11)]), cursor=1)
    await deleted(pool, pipeline, 40)
    await stores.log.append([stores.update(pipeline)])
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert await deletions.purge_one(MONTH) is None
    assert await deletions.purge_one(MONTH) == Purged("pipeline", pipeline)
