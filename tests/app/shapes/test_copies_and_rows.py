"""What clients hold is what their users see under row-level security, whatever happens meanwhile.

Users with copies of random shapes, transactions made up from a seed, live requests that wait while
these are committed, connections that are lost, servers that start anew.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from uuid import UUID

import httpx
import pytest

from app.auth.tokens import FOREVER, Claims
from app.clock import SYSTEM_CLOCK
from app.shapes.endpoint import ShapeEndpoint
from app.shapes.engine import NativeEngine
from app.shapes.live import LiveTimes
from app.shapes.parameters import RequestLimits
from app.shapes.shape import ShapeLimits
from app.shapes.shape_log import LogLimits
from app.shapes.tables import TABLES, Table
from app.tasks import in_background
from persistence.postgres.listener import SHAPES, Listener
from persistence.postgres.pool import Pool, open_pool
from persistence.postgres.shapes import PostgresShapeChanges, PostgresShapeReader, session_of
from tests.app.shapes.copies import Copy
from tests.app.shapes.worlds import World, add_member, add_pipeline, add_team, build, seen
from tests.rounds import some

COMPARED = {"uuid", "text", "bool", "int4", "int8"}
"""Types whose text is the same whatever the settings of a session."""

LIMITS = ShapeLimits(shapes=60, per_user=30, log=LogLimits(operations=60))


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


class NamedTokens:
    """A token is the id of its user."""

    async def verify(self, token: str) -> Claims:
        return Claims(UUID(token), FOREVER)

    async def keep_fresh(self) -> None:
        """They always are."""


@dataclass
class Held:
    """A copy, whose it is, and the condition on its rows."""

    copy: Copy
    user_id: UUID
    table: Table
    columns: list[str]
    where: str

    async def check(self, pool: Pool) -> None:
        """Catch up, and compare with what the user sees."""
        await self.copy.catch_up()
        texts = ", ".join(f'"{column}"::text' for column in self.columns)
        statement = f"SELECT {texts} FROM {self.table.name} WHERE {self.where or 'true'}"
        rows = {tuple(row[column] for column in self.columns) for row in self.copy.rows.values()}
        assert rows == set(await seen(pool._driver, self.user_id, statement)), (
            self.user_id, self.table.name, self.where,
        )  # fmt: skip


@asynccontextmanager
async def an_engine(database_url: str, seed: int) -> AsyncIterator[ShapeEndpoint]:
    pool = await open_pool(database_url, max_size=4, session=session_of(10))
    listener = Listener(database_url, SHAPES)
    engine = NativeEngine(
        PostgresShapeReader(pool),
        PostgresShapeChanges(listener),
        SYSTEM_CLOCK,
        Random(seed),
        LIMITS,
        times=LiveTimes(poll=0.3),
    )
    async with in_background(engine.run()):
        yield ShapeEndpoint(engine, NamedTokens(), RequestLimits())
    await listener.close()
    await pool.close()


class Clients(AsyncExitStack):
    """The clients of all users of one server."""

    def of(self, endpoint: ShapeEndpoint, user_id: UUID) -> httpx.AsyncClient:
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(endpoint),
            base_url="http://shapes",
            headers={"Authorization": f"Bearer {user_id}"},
        )
        self.push_async_callback(made.aclose)
        return made


NOBODY = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500)))
"""The client of a copy that has none yet."""


def a_held(random: Random, world: World) -> Held:
    user_id = random.choice(world.users)
    table = random.choice([*TABLES.values()])
    columns = [c.name for c in table.columns if c.type in COMPARED and not c.dims]
    columns = [c for c in columns if c in table.key or random.random() < 0.6]
    where = ""
    if table.column("pipeline_id") and random.random() < 0.6:
        where = f"pipeline_id = '{random.choice(world.pipelines)}'"
    elif table.column("team_id") and random.random() < 0.5:
        where = f"team_id = '{random.choice(world.teams)}'"
    elif table.column("name") and random.random() < 0.4:
        where = "name LIKE '%e%'"
    parameters = {"columns": ",".join(columns), "replica": random.choice(("default", "full"))}
    if where:
        parameters["where"] = where
    copy = Copy(NOBODY, table.name, parameters)
    return Held(copy, user_id, table, columns, where)


TOGGLED = "SET deleted_at = CASE WHEN deleted_at IS NULL THEN now() END WHERE id = $1"
A_COMMENT = """(
    SELECT min(id::text)::uuid FROM comments WHERE EXISTS (SELECT FROM pipelines WHERE id = $1)
)"""

STATEMENTS = (
    (
        "DELETE FROM team_members WHERE team_id = $1 AND role <> 'owner' AND user_id = $2",
        "team user",
    ),
    ("UPDATE pipelines SET team_id = $1 WHERE id = $2", "team pipeline"),
    (f"UPDATE pipelines {TOGGLED}", "pipeline"),
    (f"UPDATE teams {TOGGLED}", "team"),
    ("DELETE FROM pipelines WHERE id = $1", "pipeline"),
    ("UPDATE steps SET name = name || 'e' WHERE pipeline_id = $1", "pipeline"),
    ("DELETE FROM steps WHERE id = (SELECT id FROM steps LIMIT 1)", ""),
    (f"UPDATE comments SET pipeline_id = $1 WHERE id = {A_COMMENT}", "pipeline"),
    ("UPDATE pipelines SET name = $1 WHERE team_id = $2", "name team"),
    ("UPDATE users SET name = $1 WHERE id = $2", "name user"),
    ("UPDATE steps SET order_index = order_index + 1", ""),
    ("UPDATE pipeline_templates SET name = $1 WHERE team_id = $2", "name team"),
    ("TRUNCATE comments", ""),
)
"""What happens, with what it is about."""


async def change(pool: Pool, random: Random, world: World) -> None:
    """Do one of many things."""
    about = {
        "team": random.choice(world.teams),
        "pipeline": random.choice(world.pipelines),
        "user": random.choice(world.users),
        "name": random.choice(("weave", "spin", "dye", "cut")),
    }
    chosen = random.randrange(len(STATEMENTS) + 3)
    if chosen < len(STATEMENTS):
        statement, names = STATEMENTS[chosen]
        await pool._driver.execute(statement, *(about[name] for name in names.split()))
    elif chosen == len(STATEMENTS):
        await add_pipeline(pool._driver, random, world, random.choice(world.teams))
    elif chosen == len(STATEMENTS) + 1:
        await add_member(
            pool._driver, random.choice(world.teams), random.choice(world.users), "member"
        )
    else:
        await add_team(pool._driver, random, world, random.choice(world.organizations))


async def transaction(pool: Pool, random: Random, world: World) -> None:
    """Do some things that are committed together, or undone together."""
    async with pool._driver.acquire() as connection:
        undone = connection.transaction()
        await undone.start()
        one = Pool(connection)
        for _ in range(random.randint(1, 4)):
            await change(one, random, world)
        await (undone.rollback() if random.random() < 0.15 else undone.commit())
    # What was made and undone is not there to be changed.
    found = await pool._driver.fetch("SELECT id FROM teams")
    world.teams[:] = [row["id"] for row in found]
    found = await pool._driver.fetch("SELECT id FROM pipelines")
    world.pipelines[:] = [row["id"] for row in found] or world.pipelines[:1]


DEAFENED = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE query LIKE 'LISTEN%' AND datname = current_database()
"""


async def act(pool: Pool, random: Random, world: World, held: list[Held]) -> None:
    """Commit some transactions while some copies wait for what comes; look at some afterwards."""
    waiting = [one for one in held if one.copy.handle and random.random() < 0.4]
    live = [asyncio.create_task(one.copy.live()) for one in waiting]
    await asyncio.sleep(0)
    for _ in range(random.randint(1, 3)):
        await transaction(pool, random, world)
    if random.random() < 0.15:
        await pool._driver.execute(DEAFENED)
    await asyncio.gather(*live)
    for one in held:
        if random.random() < 0.7:
            await one.check(pool)


async def play(
    pool: Pool, database_url: str, random: Random, world: World, held: list[Held]
) -> None:
    """Play for the life of one server."""
    async with an_engine(database_url, random.randrange(10**6)) as endpoint, Clients() as clients:
        for one in held:
            one.copy.client = clients.of(endpoint, one.user_id)
        for _ in range(10):
            if len(held) < 12:
                held.append(a_held(random, world))
                held[-1].copy.client = clients.of(endpoint, held[-1].user_id)
            await act(pool, random, world, held)
        for one in held:
            await one.check(pool)


@pytest.mark.parametrize("seed", some(range(60), 1))
async def test_copies_are_what_their_users_see(pool: Pool, database_url: str, seed: int) -> None:
    random = Random(seed)
    world = await build(pool._driver, random)
    held: list[Held] = []
    for _ in range(2):
        await play(pool, database_url, random, world, held)
    assert any(one.copy.rows for one in held)
