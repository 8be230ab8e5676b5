"""What only the tables of PostgreSQL can show: who rewrote which row, and hostile content."""

import asyncio
from datetime import datetime

import pytest

from crdt.pipeline.fields import MAX_NAME, MAX_PORT, MAX_SLOT
from crdt.pipeline.rows import RowChanges
from persistence.postgres.pool import Pool
from tests.contracts.stores import Stores, a_connection, a_pipeline, a_step, an_id, stores_on
from tests.server import PATIENCE, eventually

WIDE = "\U0001f9f6"
"""A character of four bytes."""


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    prepared = stores_on(pool)
    await prepared.prepare()
    await prepared.new_pipeline()
    return prepared


async def edit(stores: Stores, changes: RowChanges) -> None:
    """Log one more update and project it as `changes`."""
    [seq] = await stores.log.append([stores.update(an_id(1))])
    assert seq is not None
    await stores.project(changes, seq)


async def writers(pool: Pool, table: str) -> dict[int, int]:
    """By the number of the row: the transaction that wrote it last."""
    rows = await pool._driver.fetch(f"SELECT id, xmin::text::bigint AS writer FROM {table}")
    return {row["id"].int: row["writer"] for row in rows}


async def updated_at(pool: Pool) -> datetime:
    when: datetime = await pool._driver.fetchval("SELECT updated_at FROM pipelines")
    return when


async def test_no_append_waits_for_a_worker_at_the_same_pipeline(stores: Stores) -> None:
    [seq] = await stores.log.append([stores.update(an_id(1))])
    assert seq is not None
    async with stores.projections.claim() as claim, asyncio.timeout(PATIENCE):
        assert claim is not None
        await claim.apply(RowChanges(pipeline=a_pipeline("renamed"), steps=[a_step(11)]), seq)
        # Everything that a worker locks is locked now, until the block ends.
        assert await stores.log.append([stores.update(an_id(1))]) == [seq + 1]
        async with stores.log.transaction() as transaction:
            locked = await transaction.lock({an_id(1): seq})
        assert locked[an_id(1)].head == seq + 1


async def test_its_commits_leave_the_disk_to_those_of_the_log(stores: Stores, pool: Pool) -> None:
    [seq] = await stores.log.append([stores.update(an_id(1))])
    assert seq is not None
    async with stores.projections.claim() as claim:
        assert claim is not None
        await claim.apply(RowChanges(), seq)
        assert await claim._transaction._driver.fetchval(SYNCHRONOUS) == "off"  # type: ignore[attr-defined]
    assert {await pool._driver.fetchval(SYNCHRONOUS) for _ in range(5)} == {"on"}


SYNCHRONOUS = "SHOW synchronous_commit"


async def test_only_changed_rows_are_rewritten(stores: Stores, pool: Pool) -> None:
    steps = [a_step(11), a_step(12), a_step(13)]
    links = [a_connection(21, 11, 12), a_connection(22, 12, 13)]
    await edit(stores, RowChanges(steps=steps, connections=links))
    before = {table: await writers(pool, table) for table in ("steps", "connections")}
    await edit(stores, RowChanges(steps=[a_step(11), a_step(12, "renamed")], connections=links))
    after = {table: await writers(pool, table) for table in ("steps", "connections")}
    assert after["connections"] == before["connections"]
    changed = [
        number for number in before["steps"] if after["steps"][number] != before["steps"][number]
    ]
    assert changed == [12]


async def test_times_tell_what_changed(stores: Stores, pool: Pool) -> None:
    await edit(stores, RowChanges(steps=[a_step(11), a_step(12)]))
    first = await updated_at(pool)
    await edit(stores, RowChanges(steps=[a_step(12, "renamed")]))
    times = await pool._driver.fetch("SELECT updated_at, created_at FROM steps ORDER BY id")
    assert times[0]["updated_at"] == times[0]["created_at"]
    assert times[1]["updated_at"] == await updated_at(pool) > first
    assert times[1]["created_at"] == first


@pytest.mark.parametrize(
    "change",
    [
        RowChanges(removed_steps=[an_id(11)]),
        RowChanges(removed_connections=[an_id(21)]),
        RowChanges(pipeline=a_pipeline("renamed")),
    ],
)
async def test_any_change_touches_the_pipeline(
    stores: Stores, pool: Pool, change: RowChanges
) -> None:
    steps = [a_step(11), a_step(12)]
    await edit(stores, RowChanges(steps=steps, connections=[a_connection(21, 11, 12)]))
    before = await updated_at(pool)
    await edit(stores, change)
    assert await updated_at(pool) != before


async def test_an_edit_without_row_changes_touches_nothing(stores: Stores, pool: Pool) -> None:
    before = await writers(pool, "pipelines")
    await edit(stores, RowChanges())
    assert await writers(pool, "pipelines") == before


async def test_the_longest_names_fit_the_indexes(stores: Stores) -> None:
    port = WIDE * MAX_PORT
    step = a_step(11, WIDE * MAX_NAME, slot=WIDE * MAX_SLOT)
    link = a_connection(21, 11, 11, from_output=port, to_input=port)
    await edit(stores, RowChanges(steps=[step], connections=[link]))


async def test_incompressible_names_fit_the_indexes(stores: Stores) -> None:
    def noise(length: int, start: int) -> str:
        return "".join(chr(0x10000 + (start + 7919 * n) % 0xFFFFF) for n in range(length))

    parent = a_step(11, "parent")
    step = a_step(12, noise(MAX_NAME, 1), slot=noise(MAX_SLOT, 2), parent_step_id=an_id(11))
    ports = {"from_output": noise(MAX_PORT, 3), "to_input": noise(MAX_PORT, 4)}
    link = a_connection(21, 11, 12, **ports)
    await edit(stores, RowChanges(steps=[parent, step], connections=[link]))


async def test_text_of_any_length_fits_the_search_index(stores: Stores) -> None:
    words = " ".join(chr(0x4E00 + n % 20_000) + f"-{n}.é{n}/x" for n in range(300_000))
    await edit(stores, RowChanges(pipeline=a_pipeline(words, description=words)))


async def test_tags_of_any_length_fit_the_index(stores: Stores, pool: Pool) -> None:
    tag = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(50_000))
    await edit(stores, RowChanges(pipeline=a_pipeline(tags=(tag, "", "short"))))
    found = "SELECT count(*) FROM pipelines WHERE tag_keys(tags) @> tag_keys($1) AND tags @> $1"
    assert await pool._driver.fetchval(found, ["short"]) == 1
    assert await pool._driver.fetchval(found, [tag[:-1]]) == 0


async def test_an_environment_of_any_length_fits_the_index(stores: Stores) -> None:
    noise = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(50_000))
    await edit(stores, RowChanges(pipeline=a_pipeline(config={"environment": noise})))


async def test_constraint_checks_read_few_rows_whatever_the_connection_has_seen(
    stores: Stores, pool: Pool
) -> None:
    """A plan made for a small table, kept by the connection, would read all siblings each time."""
    # The database is shared: it may have noted of another test's table that it was empty.
    await pool._driver.execute("TRUNCATE steps CASCADE")
    await edit(stores, many_rows(range(1000, 1100)))
    before = await rows_read(pool)
    await edit(stores, many_rows(range(2000, 4000)))
    assert await rows_read(pool) - before < 20 * 2000


def many_rows(numbers: range) -> RowChanges:
    return RowChanges(
        steps=[a_step(number, f"step {number}") for number in numbers],
        connections=[a_connection(number + 10**6, number, number) for number in numbers],
    )


async def rows_read(pool: Pool) -> int:
    """How many rows of `steps` were read by index so far, by every connection that is idle."""
    for _ in range(10):
        await pool._driver.execute("SELECT pg_stat_force_next_flush()")
    read: int = await pool._driver.fetchval(
        "SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'steps'"
    )
    return read


async def test_who_deletes_a_claimed_pipeline_waits_for_its_rows(
    stores: Stores, pool: Pool
) -> None:
    """Both lock the pipeline and its cursor: each waiting for the other would be a deadlock."""
    [seq] = await stores.log.append([stores.update(an_id(1))])
    async with stores.projections.claim() as claim:
        assert claim is not None
        deleting = asyncio.create_task(pool._driver.execute("DELETE FROM pipelines"))
        await until_somebody_waits_for_a_lock(pool)
        await claim.apply(RowChanges(steps=[a_step(11)]), seq or 0)
    assert await deleting == "DELETE 1"


async def until_somebody_waits_for_a_lock(pool: Pool) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    await eventually("somebody who waits for a lock", lambda: pool._driver.fetchval(waiting))
