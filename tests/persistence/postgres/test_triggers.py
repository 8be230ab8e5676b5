"""What the database keeps right by itself, whoever writes: times, threads, owners, bells."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import pytest

from persistence.errors import Conflict, InvalidValue
from persistence.postgres.pool import Pool, connect, connection, driver_errors
from tests.directory import QUERIES
from tests.persistence.worlds import TABLES, World, a_world, build

CHANNEL = "pipeloom_access"

Bells = asyncio.Queue[str]


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


@pytest.fixture
async def world(pool: Pool) -> World:
    made = a_world()
    await build(pool, made)
    return made


@pytest.fixture
async def bells(database_url: str) -> AsyncIterator[Bells]:
    """The payloads that ring on the channel."""
    rung = Bells()
    driver = await connect(database_url)
    await driver.add_listener(CHANNEL, lambda *args: rung.put_nowait(args[-1]))
    yield rung
    await driver.close()


async def run(pool: Pool, statement: str, world: World) -> None:
    await pool.run_script(world.say(statement))


async def heard(pool: Pool, bells: Bells) -> list[str]:
    """Everything that rang up to now, sorted: the listener gets bells in the order of commits."""
    await pool.run_script(f"NOTIFY {CHANNEL}, 'end'")
    rung = []
    async with asyncio.timeout(10):
        while (payload := await bells.get()) != "end":
            rung.append(payload)
    return sorted(rung)


async def value(pool: Pool, query: str, world: World) -> object:
    with driver_errors():
        found: object = await pool._driver.fetchval(world.say(query))
    return found


@pytest.mark.parametrize(
    ("table", "change", "is_change"),
    [
        ("users", "name = 'x'", True),
        ("users", "name = name", False),
        ("pipeline_templates", "name = 'x'", True),
        ("pipeline_templates", "name = name", False),
        ("pipeline_templates", "usage_count = usage_count + 1", False),
        ("pipeline_templates", "created_by = NULL", False),
        ("comments", "content = 'x'", True),
        ("comments", "resolved = true", True),
        ("comments", "content = content", False),
        ("comments", "user_id = NULL", False),
    ],
)
async def test_updated_at_tells_of_changes(
    pool: Pool, world: World, table: str, change: str, is_change: bool
) -> None:
    where = TABLES[table].rows
    before = await value(pool, f"SELECT updated_at FROM {table} WHERE {where}", world)
    await run(pool, f"UPDATE {table} SET {change} WHERE {where}", world)
    after = await value(pool, f"SELECT updated_at FROM {table} WHERE {where}", world)
    assert isinstance(before, datetime)
    assert isinstance(after, datetime)
    assert (after > before) == is_change


async def test_a_thread_has_one_root_and_one_step(pool: Pool, world: World) -> None:
    root = await value(pool, "SELECT id FROM comments WHERE pipeline_id = {pipeline}", world)
    reply = (
        "INSERT INTO comments (pipeline_id, parent_id, step_id, content) "
        f"VALUES ({{pipeline}}, '{root}', {{other_step}}, 'So.') RETURNING id"
    )
    answer = await value(pool, reply, world)
    step = await value(pool, f"SELECT step_id FROM comments WHERE id = '{answer}'", world)
    assert step == world.step
    with pytest.raises(InvalidValue, match="expected the root of a thread"):
        await run(pool, reply.replace(str(root), str(answer)), world)
    await run(pool, f"DELETE FROM comments WHERE id = '{root}'", world)
    assert await value(pool, "SELECT count(*) FROM comments", world) == 0


async def test_a_thread_outlives_its_step(pool: Pool, world: World) -> None:
    await run(pool, "DELETE FROM steps WHERE pipeline_id = {pipeline}", world)
    assert await value(pool, "SELECT step_id FROM comments", world) == world.step


async def test_who_resolved_is_kept_until_it_is_open_again(pool: Pool, world: World) -> None:
    async with pool.transaction() as transaction:
        await transaction.execute("become_api_user", world.user, "", "")
        await transaction.run_script("UPDATE comments SET resolved = true")
    assert await value(pool, "SELECT resolved_by FROM comments", world) == world.user
    await run(pool, "UPDATE comments SET resolved = false", world)
    assert await value(pool, "SELECT resolved_by FROM comments", world) is None


async def test_what_people_said_outlives_them(pool: Pool, world: World) -> None:
    boss = await pool.fetchval("ensure_user", "bo@example.org", "Bo")
    await pool.execute("set_member", world.team, boss, "owner")
    await run(pool, "UPDATE comments SET resolved = true, resolved_by = {user}", world)
    await run(pool, "DELETE FROM users WHERE id = {user}", world)
    for table in ("comments", "pipeline_templates", "pipeline_versions", "pipeline_updates"):
        assert await value(pool, f"SELECT count(*) FROM {table}", world) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM users WHERE id = {user}",
        "DELETE FROM team_members WHERE team_id = {team}",
        "UPDATE team_members SET role = 'admin' WHERE team_id = {team}",
    ],
)
async def test_a_team_keeps_an_owner_whoever_asks(pool: Pool, world: World, statement: str) -> None:
    with pytest.raises(Conflict, match="keeps an owner"):
        await run(pool, statement, world)


async def test_a_team_may_end_as_a_whole(pool: Pool, world: World) -> None:
    await run(pool, "DELETE FROM organizations WHERE id = {organization}", world)
    assert await value(pool, "SELECT count(*) FROM team_members WHERE team_id = {team}", world) == 0


async def test_owners_may_change_places_in_any_order(pool: Pool, world: World) -> None:
    heir = await pool.fetchval("ensure_user", "bo@example.org", "Bo")
    async with pool.transaction() as transaction:
        await transaction.with_queries(QUERIES).execute("remove_member", world.team, world.user)
        await transaction.execute("set_member", world.team, heir, "owner")


async def test_of_two_owners_who_leave_at_once_one_stays(
    pool: Pool, database_url: str, world: World
) -> None:
    other = await pool.fetchval("ensure_user", "bo@example.org", "Bo")
    await pool.execute("set_member", world.team, other, "owner")

    async def leave(user_id: UUID, ready: asyncio.Barrier) -> None:
        async with connection(database_url) as own, own.transaction():
            await own.with_queries(QUERIES).execute("remove_member", world.team, user_id)
            await ready.wait()

    ready = asyncio.Barrier(2)
    left = await asyncio.gather(
        leave(world.user, ready), leave(other, ready), return_exceptions=True
    )
    assert sorted(type(each) for each in left if each is not None) == [Conflict]
    assert await value(pool, "SELECT count(*) FROM team_members WHERE team_id = {team}", world) == 1


async def test_a_change_of_membership_rings_with_the_user(
    pool: Pool, world: World, bells: Bells
) -> None:
    mate = await pool.fetchval("ensure_user", "bo@example.org", "Bo")
    for verb in ("set_member", "set_member"):
        await pool.execute(verb, world.team, mate, "viewer")
        assert await heard(pool, bells) == [str(mate)]
    await run(pool, f"DELETE FROM users WHERE id = '{mate}'", world)
    assert await heard(pool, bells) == [str(mate)]


async def test_a_moved_pipeline_rings_with_the_users_of_both_teams(
    pool: Pool, world: World, bells: Bells
) -> None:
    other = a_world()
    await build(pool, other)
    await heard(pool, bells)
    move = f"UPDATE pipelines SET team_id = '{other.team}' WHERE id = {{pipeline}}"
    await run(pool, move, world)
    assert await heard(pool, bells) == sorted([str(world.user), str(other.user)])
    await run(pool, move, world)
    await run(pool, "UPDATE pipelines SET name = 'x'", world)
    assert await heard(pool, bells) == []


async def test_a_deleted_pipeline_rings_with_its_id(pool: Pool, world: World, bells: Bells) -> None:
    await run(pool, "DELETE FROM teams WHERE id = {team}", world)
    gone = [f"pipeline:{one}" for one in (world.pipeline, world.deleted)]
    assert await heard(pool, bells) == sorted([str(world.user), *gone])


async def test_a_pipeline_rings_when_it_is_hidden_and_not_when_it_comes_back(
    pool: Pool, world: World, bells: Bells
) -> None:
    hide = "UPDATE pipelines SET deleted_at = now() WHERE id = {pipeline}"
    await run(pool, hide, world)
    await run(pool, hide, world)
    await run(pool, "UPDATE pipelines SET deleted_at = NULL", world)
    assert await heard(pool, bells) == [f"pipeline:{world.pipeline}"]


async def test_statistics_are_as_fresh_as_the_rows(pool: Pool, world: World) -> None:
    counts = "SELECT (step_count, step_type_count, connection_count) FROM pipeline_stats"
    assert await value(pool, counts, world) == (2, 2, 1)
    await run(pool, "DELETE FROM steps WHERE id = {step}", world)
    assert await value(pool, counts, world) == (1, 1, 0)
    await run(pool, "DELETE FROM steps", world)
    assert await value(pool, counts, world) == (0, 0, 0)
