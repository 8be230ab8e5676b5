"""What PostgreSQL announces of a projection beyond the port: the times of the rows."""

import json
from collections.abc import AsyncIterator

import pytest

from crdt.pipeline.rows import RowChanges
from persistence.ports.projections import Projected, RowTimes
from persistence.postgres.listener import PROJECTED, Listener
from persistence.postgres.pool import Pool
from persistence.postgres.projection_announcements import PostgresProjectionAnnouncements
from persistence.postgres.row_writes import MAX_ANNOUNCED
from tests.contracts.stores import NOON, Stores, a_connection, a_step, an_id, stores_on

TWO_STEPS = RowChanges(steps=[a_step(11), a_step(12)], connections=[a_connection(21, 11, 12)])
SECONDS = 5.0


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    stores = stores_on(pool)
    await stores.prepare()
    await stores.new_pipeline()
    return stores


@pytest.fixture
async def announcements(database_url: str) -> AsyncIterator[PostgresProjectionAnnouncements]:
    listener = Listener(database_url, PROJECTED)
    await listener.wait(SECONDS)
    yield PostgresProjectionAnnouncements(listener)
    await listener.close()


async def received(announcements: PostgresProjectionAnnouncements) -> Projected:
    announced = await announcements.wait(SECONDS)
    assert announced is not None
    (projected,) = announced
    return projected


async def times_in(pool: Pool, table: str) -> dict[int, RowTimes]:
    """The times of all rows of a table, by the number of the row."""
    async with pool.transaction() as connection:
        rows = await connection._driver.fetch(f"SELECT id, created_at, updated_at FROM {table}")
    return {row["id"].int: RowTimes(row["created_at"], row["updated_at"]) for row in rows}


async def test_the_times_of_written_rows_are_announced(
    pool: Pool, stores: Stores, announcements: PostgresProjectionAnnouncements
) -> None:
    await stores.project(TWO_STEPS, cursor=1)
    first = await received(announcements)
    steps, connections = await times_in(pool, "steps"), await times_in(pool, "connections")
    assert first.steps == {an_id(11): steps[11], an_id(12): steps[12]}
    assert first.connections == {an_id(21): connections[21]}
    assert first.updated_at == (await times_in(pool, "pipelines"))[1].updated_at

    await stores.log.append([stores.update(an_id(1))])
    await stores.project(RowChanges(steps=[a_step(12, "new name")]), cursor=2)
    second = await received(announcements)
    steps = await times_in(pool, "steps")
    assert (second.steps, second.connections) == ({an_id(12): steps[12]}, {})
    assert steps[12].updated_at > steps[12].created_at == first.steps[an_id(12)].created_at


async def test_the_times_of_many_rows_do_not_fit_into_an_announcement(
    stores: Stores, announcements: PostgresProjectionAnnouncements
) -> None:
    steps = [a_step(number) for number in range(11, 11 + MAX_ANNOUNCED)]
    await stores.project(RowChanges(steps=steps), cursor=1)
    assert len((await received(announcements)).steps) == MAX_ANNOUNCED

    await stores.log.append([stores.update(an_id(1))])
    more = [a_step(number, f"new {number}") for number in range(11, 12 + MAX_ANNOUNCED)]
    await stores.project(RowChanges(steps=more), cursor=2)
    projected = await received(announcements)
    assert (projected.seq, projected.steps) == (2, {})


async def test_the_transaction_is_that_of_the_rows(
    pool: Pool, stores: Stores, announcements: PostgresProjectionAnnouncements
) -> None:
    await stores.project(TWO_STEPS, cursor=1)
    projected = await received(announcements)
    for table in ("steps", "connections", "pipelines"):
        found = await pool._driver.fetch(f"SELECT xmin::text FROM {table}")
        assert {int(row["xmin"]) for row in found} == {projected.transaction_id}


async def test_a_worker_of_an_older_program_names_no_transaction(
    pool: Pool, announcements: PostgresProjectionAnnouncements
) -> None:
    older = {
        "pipeline_id": str(an_id(1)),
        "seq": 4,
        "updated_at": NOON.isoformat(),
        "steps": {},
        "connections": {},
    }
    await pool.run_script(f"SELECT pg_notify('{PROJECTED}', '{json.dumps(older)}')")
    projected = await received(announcements)
    assert (projected.seq, projected.transaction_of(4)) == (4, None)


@pytest.mark.parametrize("payload", ["", "nonsense", "[]", "{}", '{"pipeline_id": 7, "seq": "x"}'])
async def test_what_cannot_be_read_counts_as_lost(
    pool: Pool, announcements: PostgresProjectionAnnouncements, payload: str
) -> None:
    await pool.run_script(f"SELECT pg_notify('{PROJECTED}', '{payload}')")
    assert await announcements.wait(SECONDS) is None
    assert await announcements.wait(0.0) == []
