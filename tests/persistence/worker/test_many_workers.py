"""Several workers on PostgreSQL, beside all else that locks, moves, folds and deletes pipelines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pycrdt import Map
from structlog.testing import capture_logs

from crdt.document.schema import shared_step
from crdt.pipeline.model import Step
from persistence.ports.directory import NewPipeline
from persistence.ports.folding import FoldableLog
from persistence.ports.update_log import NewUpdate
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.pool import Pool, open_pool
from persistence.postgres.projections import PostgresClaim, PostgresProjections
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.worker.batches import BatchLimits
from persistence.worker.folding import fold_log
from persistence.worker.replay import load
from persistence.worker.replica import Replica
from persistence.worker.worker import Worker, WorkerSettings
from tests.contracts.stores import NOON, Stores, stores_on
from tests.persistence.worker.test_worker import HEADER, A, B, Editor
from tests.rounds import SEED, rounds

WORKERS, PIPELINES = 3, 12
QUICKLY = WorkerSettings(
    interval=0.01,
    gather=0.005,
    state_every=20,
    cached_documents=8,
    limits=BatchLimits(documents=6, updates=8, rows=12),
)
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
LAGGING = """
    SELECT count(*) FROM projection_cursors AS c JOIN pipeline_documents AS d USING (pipeline_id)
    WHERE d.head_seq > c.seq
"""


class Ticks:
    """Notifications that all get lost: each worker looks by itself."""

    async def wait(self, timeout: float) -> Collection[object] | None:  # noqa: ASYNC109 - the port
        # The time is what the worker gives it: it is the only thing that wakes one.
        await asyncio.sleep(timeout)
        return None


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """The workers change rows and no schema."""
    return emptied_database_url


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[Any]:
    """A connection for what no port offers."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


class Crowd:
    """Everybody who does something to the pipelines of two teams, as `rng` draws it."""

    def __init__(self, pool: Pool, sql: Any, rng: Random) -> None:
        self.stores: Stores = stores_on(pool)
        self.pool, self.sql, self.rng = pool, sql, rng
        self.editors: list[Editor] = []
        self.teams: list[UUID] = []

    async def prepare(self) -> None:
        await self.stores.prepare()
        directory = self.stores.directory
        other = await directory.create_organization("Others", "others")
        self.teams = [self.stores.team_id, await directory.create_team(other, "Dyers", "dyers")]
        for number in range(1, PIPELINES + 1):
            editor, author = Editor(UUID(int=number)), self.stores.author.id
            made = NewPipeline(
                editor.pipeline_id, self.teams[number % 2], author, HEADER, editor.first, NOON
            )
            await directory.create_pipeline(made)
            self.editors.append(editor)

    async def act(self) -> None:
        """Do one thing."""
        rare = (self.lock, self.move, self.hide, self.fold, self.purge)
        acts: tuple[Callable[[], Awaitable[None]], ...] = (*(self.edit,) * 15, *rare)
        await self.rng.choice(acts)()

    async def edit(self) -> None:
        draw = self.rng
        for editor in draw.sample(self.editors, 4):
            edits: list[Callable[[], bytes]] = [
                lambda editor=editor: editor.move(A, draw.randrange(9)),
                lambda editor=editor: editor.rename(A, draw.choice("abc")),
                lambda editor=editor: editor.add(draw.choice("abc")),
                lambda editor=editor: editor.edit(lambda steps: steps.update({"no key": {}})),
                lambda editor=editor: editor.edit(_delete_or_bring_back),
            ]
            made = [draw.choice(edits)() for _ in range(draw.choice((1, 1, 2, 10)))]
            by = self.stores.author.id
            await self.stores.log.append(
                [NewUpdate(editor.pipeline_id, by, each, NOON) for each in made]
            )

    async def lock(self) -> None:
        """Lock all of them one after another, as the deletion of their author does."""
        async with self.sql.transaction():
            for each in self.rng.sample(self.editors, len(self.editors)):
                await self.sql.execute(
                    "UPDATE pipelines SET created_by = NULL WHERE id = $1", each.pipeline_id
                )

    async def move(self) -> None:
        some = [each.pipeline_id for each in self.rng.sample(self.editors, 3)]
        await self.sql.execute(
            "UPDATE pipelines SET team_id = $2 WHERE id = ANY ($1)",
            some,
            self.rng.choice(self.teams),
        )

    async def hide(self) -> None:
        hidden = self.rng.choice(self.editors).pipeline_id
        for at in (NOON, None):
            await self.sql.execute("UPDATE pipelines SET deleted_at = $2 WHERE id = $1", hidden, at)

    async def fold(self) -> None:
        pipeline_id, stores = self.rng.choice(self.editors).pipeline_id, self.stores
        query = "SELECT seq FROM projection_cursors WHERE pipeline_id = $1"
        found = FoldableLog(pipeline_id, 0, await self.sql.fetchval(query, pipeline_id))
        async for _ in fold_log(stores.log, stores.folding, found):
            pass

    async def purge(self) -> None:
        if len(self.editors) > PIPELINES // 2:
            gone = self.editors.pop(self.rng.randrange(len(self.editors))).pipeline_id
            await self.sql.execute(
                "UPDATE pipelines SET deleted_at = $2 WHERE id = $1",
                gone,
                datetime(2020, 1, 1, tzinfo=UTC),
            )
            await PostgresDeletions(self.pool).purge_one(timedelta(days=1))

    async def check(self) -> None:
        """Check that the tables hold what the logs say."""
        for each in self.editors:
            replica = await load(self.stores.log, each.pipeline_id, Replica)
            async with self.pool.transaction() as transaction:
                claim = PostgresClaim(transaction, each.pipeline_id, 0, None, 0)
                assert not replica.changes_from(await claim.stored_rows())


def _delete_or_bring_back(steps: "Map[Any]") -> None:
    if B in steps:
        del steps[B]
    else:
        steps[B] = shared_step(Step(B, "b", "claude", order="a1"))


@asynccontextmanager
async def at_work(dsn: str) -> AsyncIterator[None]:
    """Some workers, each with connections of its own; they finish at the end."""
    pools = [await open_pool(dsn) for _ in range(WORKERS)]
    stop = asyncio.Event()
    made = [
        Worker(PostgresUpdateLog(each), PostgresProjections(each), Ticks(), QUICKLY)
        for each in pools
    ]
    running = [asyncio.create_task(each.run(stop)) for each in made]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*running)
        for each in pools:
            await each.close()


@pytest.mark.parametrize("number", range(rounds(20, few=1)))
async def test_the_tables_hold_what_the_logs_say_whatever_happens_beside(
    database_url: str, pool: Pool, sql: Any, number: int
) -> None:
    print(f"seed {SEED}, round {number}")
    crowd = Crowd(pool, sql, Random(SEED * 1_000 + number))
    await crowd.prepare()
    before = await sql.fetchval(DEADLOCKS)
    with capture_logs() as lines:
        async with at_work(database_url):
            for _ in range(rounds(300, few=100)):
                await crowd.act()
    # Of a pipeline that was purged right after its projection no state can be stored.
    there = {str(each.pipeline_id) for each in crowd.editors}
    failed = [each for each in lines if each["log_level"] != "info"]
    assert [each for each in failed if each.get("pipeline_id", "") in {"", *there}] == []
    assert await sql.fetchval(LAGGING) == 0
    await crowd.check()
    assert await sql.fetchval(DEADLOCKS) == before
