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


async def team_deleted(pool: Pool, stores: Stores, days: float) -> UUID:
    """Make the team one that was deleted so many days ago."""
    await pool._driver.execute(
        "UPDATE teams SET deleted_at = now() - make_interval(hours => $1) WHERE id = $2",
        round(days * 24),
        stores.team_id,
    )
    return stores.team_id


async def count(pool: Pool, table: str) -> int:
    return int(await pool._driver.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_team_goes_after_its_pipelines_and_with_all_that_it_had(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    ids = [await stores.new_pipeline(number) for number in (1, 2)]
    await deleted(pool, ids[0], 1)
    team = await team_deleted(pool, stores, 29)
    assert await deletions.purge_one(MONTH) is None
    await team_deleted(pool, stores, 31)
    purged = [await deletions.purge_one(MONTH) for _ in range(4)]
    assert purged == [*(Purged("pipeline", one) for one in ids), Purged("team", team), None]
    for table in ("teams", "team_members", "pipelines", "pipeline_updates"):
        assert await count(pool, table) == 0


async def test_a_team_of_which_a_part_is_gone_cannot_be_brought_back(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    pipeline = await stores.new_pipeline(1)
    await stores.new_pipeline(2)
    team = await team_deleted(pool, stores, 31)
    assert [row["id"] for row in await deletions.deleted()] == [team]
    assert await deletions.purge_one(MONTH) == Purged("pipeline", pipeline)
    assert await deletions.deleted() == []
    assert not await deletions.restore("team", team)


async def test_a_team_waits_for_a_pipeline_that_a_worker_projects(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    pipeline = await stores.new_pipeline()
    team = await team_deleted(pool, stores, 31)
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert await deletions.purge_one(MONTH) is None
    assert await deletions.purge_one(MONTH) == Purged("pipeline", pipeline)
    assert await deletions.purge_one(MONTH) == Purged("team", team)


async def test_whoever_restores_while_it_is_purged_gets_all_or_nothing(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    team = await team_deleted(pool, stores, 31)
    ids = {await stores.new_pipeline(number) for number in range(1, 5)}

    async def purge_all() -> None:
        while await deletions.purge_one(MONTH) is not None:
            pass

    restored, *_ = await asyncio.gather(deletions.restore("team", team), purge_all(), purge_all())
    assert await count(pool, "pipelines") == (len(ids) if restored else 0)
    assert await count(pool, "teams") == (1 if restored else 0)


async def test_what_can_be_brought_back_is_listed_and_comes_back(
    pool: Pool, stores: Stores, deletions: PostgresDeletions
) -> None:
    alone = await deleted(pool, await stores.new_pipeline(1), 2)
    assert [(row["kind"], row["id"]) for row in await deletions.deleted()] == [("pipeline", alone)]
    team = await team_deleted(pool, stores, 1)
    # Of a deleted team nothing comes back alone.
    assert [(row["kind"], row["id"]) for row in await deletions.deleted()] == [("team", team)]
    assert not await deletions.restore("pipeline", alone)
    assert await deletions.restore("team", team)
    assert await deletions.restore("pipeline", alone)
    assert not await deletions.restore("pipeline", alone)
    assert await deletions.deleted() == []
