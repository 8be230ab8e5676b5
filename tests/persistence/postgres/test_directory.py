"""What only the directory on PostgreSQL can show."""

import asyncio

from crdt.pipeline.rows import RowChanges
from persistence.postgres.pool import Pool
from persistence.postgres.user_rows import PostgresUserDatabase
from tests.contracts.stores import Stores, a_step, stores_on
from tests.directory import WritableDirectory


async def prepared(pool: Pool) -> Stores:
    stores = stores_on(pool)
    await stores.prepare()
    return stores


async def test_nodes_starting_together_make_one_demo(pool: Pool) -> None:
    directory = WritableDirectory(pool)
    demos = await asyncio.gather(*(directory.ensure_demo() for _ in range(5)))
    assert len(set(demos)) == 1


async def test_deleting_a_team_waits_for_no_worker_and_stops_none(pool: Pool) -> None:
    stores = await prepared(pool)
    await stores.new_pipeline()
    await stores.directory.add_member(stores.team_id, stores.author.id, "owner")
    async with stores.projections.claim() as claim:
        assert claim is not None
        await claim.apply(RowChanges(steps=[a_step(11)]), cursor=0)
        async with asyncio.timeout(10), PostgresUserDatabase(pool).rows(stores.author.id) as rows:
            await rows.fetchval("remove_team", stores.team_id)
        await claim.apply(RowChanges(steps=[a_step(12)]), cursor=1)
    assert await pool._driver.fetchval("SELECT count(*) FROM steps") == 2


async def test_deleting_people_and_parents_keeps_pipelines(pool: Pool) -> None:
    stores = await prepared(pool)
    parent, child = await stores.new_pipeline(1), await stores.new_pipeline(2)
    await pool._driver.execute(
        "UPDATE pipelines SET parent_pipeline_id = $1 WHERE id = $2", parent, child
    )
    await pool.run_script("DELETE FROM users")
    await stores.directory.delete_pipeline(parent)
    row = await pool._driver.fetchrow("SELECT id, created_by, parent_pipeline_id FROM pipelines")
    assert tuple(row) == (child, None, None)


async def test_deleting_an_organization_deletes_all_of_it(pool: Pool) -> None:
    stores = await prepared(pool)
    await stores.new_pipeline()
    await stores.project(RowChanges(steps=[a_step(11)]), cursor=1)
    await pool.run_script("DELETE FROM organizations")
    for table in ("teams", "pipelines", "steps", "pipeline_updates", "projection_cursors"):
        assert await pool._driver.fetchval(f"SELECT count(*) FROM {table}") == 0
