"""What only the log on PostgreSQL can show: locks, concurrency and notifications."""

import asyncio
import random
from collections import defaultdict
from uuid import UUID

import pytest

from crdt.pipeline.rows import RowChanges
from persistence.ports.update_log import AWAITED, NewUpdate
from persistence.postgres.pool import Pool, connect, open_pool
from persistence.postgres.update_log import PostgresUpdateLog
from tests.contracts.stores import NOON, Stores, a_step, an_id, stores_on


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    prepared = stores_on(pool)
    await prepared.prepare()
    return prepared


async def test_numbers_are_gapless_under_concurrent_appends(
    stores: Stores, database_url: str
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    pipelines = [await stores.new_pipeline(number) for number in range(1, 6)]
    pool = await open_pool(database_url, min_size=8, max_size=8)
    log = PostgresUpdateLog(pool)

    given: dict[UUID, list[int]] = defaultdict(list)

    async def appender(number: int) -> None:
        dice = random.Random(seed + number)
        for _ in range(15):
            chosen = dice.choices(pipelines, k=dice.randint(1, 8))
            batch = [NewUpdate(pipeline, None, b"%d" % number, NOON) for pipeline in chosen]
            seqs = await log.append(batch)
            for pipeline, seq in zip(chosen, seqs, strict=True):
                assert seq is not None
                given[pipeline].append(seq)

    await asyncio.gather(*(appender(number) for number in range(8)))
    for pipeline in pipelines:
        expected = list(range(2, len(given[pipeline]) + 2))
        assert sorted(given[pipeline]) == expected
        assert [update.seq for update in await log.since(pipeline, 1)] == expected
    await pool.close()


@pytest.mark.parametrize("lost", [1, 3, 5])
async def test_a_row_that_is_lost_is_missed(stores: Stores, database_url: str, lost: int) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([NewUpdate(pipeline, None, b"edit", NOON) for _ in range(4)])
    raw = await connect(database_url)
    await raw.execute("DELETE FROM pipeline_updates WHERE seq = $1", lost)
    await raw.close()
    stored = await stores.log.load(pipeline)
    assert (stored.missing, stored.seq) == ([lost], 5)


@pytest.mark.timed
async def test_an_append_never_waits_for_a_projection(stores: Stores, database_url: str) -> None:
    pipeline = await stores.new_pipeline()
    impatient = await connect(database_url)
    await impatient.execute("SET statement_timeout = '2s'")
    async with stores.projections.claim() as claim:
        assert claim is not None
        await claim.stored_rows()
        await claim.apply(RowChanges(pipeline=None, steps=[a_step(11)]), cursor=1)
        seqs = await impatient.fetch(
            "SELECT append_updates($1, $2, $3, $4) AS seq",
            [pipeline],
            [stores.author.id],
            [b"edit"],
            [NOON],
        )
        await stores.log.store_state(pipeline, 1, b"state")
    await impatient.close()
    assert [row["seq"] for row in seqs] == [2]


@pytest.mark.timed
async def test_a_projection_never_waits_for_an_append(stores: Stores, database_url: str) -> None:
    pipeline = await stores.new_pipeline()
    appender = await connect(database_url)
    transaction = appender.transaction()
    await transaction.start()
    await appender.fetch(
        "SELECT append_updates($1, $2, $3, $4)", [pipeline], [None], [b"edit"], [NOON]
    )
    async with asyncio.timeout(5):
        await stores.project(RowChanges(steps=[a_step(11)]), cursor=1)
    await transaction.commit()
    await appender.close()
    assert (await stores.log.load(pipeline)).seq == 2


@pytest.mark.parametrize("is_decided", [False, True])
async def test_an_append_notifies_once_per_pipeline_and_of_whoever_waits(
    stores: Stores, database_url: str, is_decided: bool
) -> None:
    one, two = await stores.new_pipeline(1), await stores.new_pipeline(2)
    heard: list[str] = []
    ear = await connect(database_url)
    await ear.add_listener("pipeloom_updates", lambda *arrived: heard.append(arrived[3]))
    updates = [stores.update(two), stores.update(one), stores.update(one), stores.update(an_id(9))]
    if is_decided:
        async with stores.log.transaction() as transaction:
            await transaction.lock({one: 1, two: 1})
            assert await transaction.append(updates) == [2, 2, 3, None]
    else:
        assert await stores.log.append(updates) == [2, 2, 3, None]
    await ear.fetch("SELECT 1")
    await ear.close()
    assert sorted(heard) == [str(one), str(two), *[AWAITED] * is_decided]


async def test_deleting_a_user_keeps_the_updates(stores: Stores, pool: Pool) -> None:
    pipeline = await stores.new_pipeline()
    await pool.run_script("DELETE FROM users")
    assert [update.user_id for update in await stores.log.since(pipeline, 0)] == [None]
