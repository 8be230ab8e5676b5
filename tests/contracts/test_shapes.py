"""What shapes need of a store. PostgreSQL alone has it: see `persistence/ports/shapes.py`."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias
from uuid import UUID, uuid4

import pytest

from persistence.errors import InvalidValue, StoreUnavailable
from persistence.ports.shapes import Announced, QueryTooSlow, RowQuery, RowsChanged, TooMuchRead
from persistence.postgres import pool as pools
from persistence.postgres import shapes
from persistence.postgres.listener import SHAPES, Listener
from persistence.postgres.pool import Pool, open_pool
from persistence.postgres.queries import SHAPE_QUERIES
from persistence.postgres.shapes import (
    PostgresShapeChanges,
    PostgresShapeReader,
    pool_options,
)
from tests.database_gate import gated
from tests.persistence.worlds import World, a_world, build
from tests.server import PATIENCE

SECONDS = 10.0

ChangedBy: TypeAlias = Callable[[str], Awaitable[dict[str, RowsChanged]]]


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[PostgresShapeReader]:
    opened = await open_pool(database_url, **pool_options(2.0))
    yield PostgresShapeReader(opened)
    await opened.close()


@pytest.fixture
async def world(pool: Pool) -> World:
    made = a_world()
    await build(pool, made)
    return made


@pytest.fixture
async def changes(world: World, database_url: str) -> AsyncIterator[PostgresShapeChanges]:
    """What is announced after the world was made."""
    listener = Listener(database_url, SHAPES)
    assert await listener.wait(SECONDS) is None
    yield PostgresShapeChanges(listener)
    await listener.close()


async def announced(
    changes: PostgresShapeChanges, reader: PostgresShapeReader
) -> list[RowsChanged]:
    """All changes that were committed up to now, of each table in the order of names."""
    await reader.mark("end")
    found = Announced()
    while "end" not in found.marks:
        more = await changes.wait(SECONDS)
        assert more is not None
        found = Announced([*found.changes, *more.changes], found.marks | more.marks)
    return sorted(found.changes, key=lambda change: change.table)


@pytest.fixture
def changed_by(
    world: World, pool: Pool, changes: PostgresShapeChanges, reader: PostgresShapeReader
) -> ChangedBy:
    """Runs a statement on the world; what it announces, by table."""

    async def changed(statement: str) -> dict[str, RowsChanged]:
        await pool.run_script(world.say(statement))
        return {change.table: change for change in await announced(changes, reader)}

    return changed


def texts(*ids: UUID) -> frozenset[str]:
    return frozenset(map(str, ids))


async def test_values_are_the_text_of_electric(pool: Pool, reader: PostgresShapeReader) -> None:
    world = a_world()
    await build(pool, world)
    await pool.run_script(
        world.say(
            "UPDATE pipelines SET tags = '{{a,\"b c\"}}', config = '{{\"é\": 1}}', "
            "created_at = '2026-03-29T03:04:05.5+02' WHERE id = {pipeline};"
            "UPDATE steps SET position_x = 0.1, width = 200, enabled = false WHERE id = {step}"
        )
    )
    columns = "tags", "config", "created_at", "description", "is_template"
    query = RowQuery("pipelines", columns, (world.say("id = {pipeline}"),))
    steps = RowQuery(
        "steps", ("position_x", "width", "enabled"), (world.say("id = {step}"),), order='"id"'
    )
    read = await reader.read([query, steps])
    [row], [step] = read.rows
    assert list(row.values) == [
        '{a,"b c"}', '{"é": 1}', "2026-03-29 01:04:05.5+00", None, "false",
    ]  # fmt: skip
    assert list(step.values) == ["0.1", "200", "false"]
    assert row.xid == step.xid != 0
    assert read.position.xmin <= read.position.xmax
    assert row.xid < read.position.xmax
    assert read.position.lsn > 0


async def test_rows_that_are_kept_cost_the_garbage_collector_nothing(
    world: World, reader: PostgresShapeReader
) -> None:
    read = await reader.read([RowQuery("steps", ("id", "name", "parent_step_id"))])
    gc.collect()
    assert read.rows[0]
    assert not [row for row in read.rows[0] if gc.is_tracked(row.values)]


async def test_many_queries_are_read_in_their_order(
    pool: Pool, reader: PostgresShapeReader
) -> None:
    users = [uuid4() for _ in range(60)]
    made = "INSERT INTO users (id, email, name) VALUES " + ", ".join(
        f"('{user}', '{user}@pipeloom.test', '<number> {place}')"
        for place, user in enumerate(users)
    )
    await pool.run_script(made)
    queries = [RowQuery("users", ("id", "name"), (f"id = '{user}'",)) for user in users]
    read = await reader.read([*queries, RowQuery("users", ("id",), ("name = '<order>'",))])
    assert [[row.values[0] for row in rows] for rows in read.rows] == [
        *([str(user)] for user in users),
        [],
    ]
    few = RowQuery("users", ("id",), ("name <> 'system'",), '"id"', limit=2, offset=1)
    assert [row.values[0] for row in (await reader.read([few])).rows[0]] == sorted(map(str, users))[
        1:3
    ]


async def test_rows_say_of_what_they_are_asked_about(reader: PostgresShapeReader) -> None:
    tests = ("name = 'system'", "name <> 'system'", "avatar_url = 'x'")
    query = RowQuery("users", ("name",), ("name = 'system'",), tests=tests)
    [[row]] = (await reader.read([query])).rows
    assert list(row.values) == ["system", "true", "false", None]


async def test_a_condition_that_cannot_be_evaluated_is_the_client_s_fault(
    reader: PostgresShapeReader,
) -> None:
    for condition in ("id = 'x'", "name = 1", "no_such(name)", "1 / 0 = 1"):
        with pytest.raises(InvalidValue):
            await reader.read([RowQuery("users", ("id",), (condition,))])


async def test_a_query_may_take_its_time_and_no_longer(database_url: str) -> None:
    opened = await open_pool(database_url, **pool_options(0.05))
    with pytest.raises(QueryTooSlow):
        await PostgresShapeReader(opened).read(
            [RowQuery("users", ("id",), ("pg_sleep(5) IS NOT NULL",))]
        )
    await opened.close()


async def test_a_query_that_takes_its_time_is_none_that_hangs(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL says itself of what is slow that it is; what it never says is an outage."""
    monkeypatch.setattr(shapes, "ANSWER_SECONDS", 3600.0)
    slow = RowQuery("users", ("id",), ("pg_sleep(5) IS NOT NULL",))
    with pytest.raises(QueryTooSlow):
        await read_once(database_url, 0.05, slow)
    monkeypatch.setattr(shapes, "ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(pools, "CANCEL_SECONDS", 0.05)
    async with gated(database_url) as gate, asyncio.timeout(PATIENCE):
        with pytest.raises(StoreUnavailable):
            await read_once(gate.dsn, 0.05, slow, gate.hold)


async def read_once(
    dsn: str, seconds: float, query: RowQuery, before: Callable[[], None] = lambda: None
) -> None:
    opened = await open_pool(dsn, **pool_options(seconds))
    try:
        before()
        await PostgresShapeReader(opened).read([query])
    finally:
        await opened.close()


async def test_nothing_can_be_written(pool: Pool, reader: PostgresShapeReader) -> None:
    world = a_world()
    await build(pool, world)
    condition = f"count_template_use('{uuid4()}') IS NULL"
    with pytest.raises(Exception, match="read-only"):
        await reader.read([RowQuery("users", ("id",), (condition,))])


async def test_what_is_asked_again_and_again_is_kept_prepared(
    reader: PostgresShapeReader,
) -> None:
    """What is made up is longer: there is no end of such statements."""
    for number in range(3):
        await reader.access([UUID(int=number)], [])
        await reader.read([RowQuery("users", ("id",), (f"{number} = {number}",))])
        await reader.read([])
    # The driver has one of its own, which turns compilation off while it looks at types.
    kept = await reader._pool._driver.fetch(
        "SELECT statement FROM pg_prepared_statements WHERE statement !~ 'pg_prepared|set_config'"
    )
    assert [row["statement"] for row in kept] == [SHAPE_QUERIES["shape_access"]]


async def test_access_is_that_of_the_policies(pool: Pool, reader: PostgresShapeReader) -> None:
    world, stranger = a_world(), uuid4()
    await build(pool, world)
    access = await reader.access([world.user, stranger], [world.pipeline, world.deleted, uuid4()])
    # `closed` is a team that was deleted, `deleted` a pipeline.
    assert access.teams == {world.user: {world.team}, stranger: frozenset()}
    assert access.pipelines == {world.pipeline: world.team}
    assert set(access.joined) == {(world.user, world.team)}


async def test_who_leaves_and_comes_back_has_joined_at_another_moment(
    pool: Pool, reader: PostgresShapeReader
) -> None:
    world = a_world()
    await build(pool, world)
    another_owner = (
        "WITH u AS (INSERT INTO users (email, name) VALUES ('o@example.org', 'O') RETURNING id) "
        "INSERT INTO team_members (team_id, user_id, role) SELECT {team}, u.id, 'owner' FROM u"
    )
    await pool.run_script(world.say(another_owner))
    first = (await reader.access([world.user], [])).joined
    change_of_role = "UPDATE team_members SET role = 'admin' WHERE user_id = {user}"
    await pool.run_script(world.say(change_of_role))
    assert (await reader.access([world.user], [])).joined == first
    await pool.run_script(world.say("DELETE FROM team_members WHERE user_id = {user}"))
    assert (await reader.access([world.user], [])).joined == {}
    back = "INSERT INTO team_members (team_id, user_id, role) VALUES ({team}, {user}, 'viewer')"
    await pool.run_script(world.say(back))
    assert (await reader.access([world.user], [])).joined[world.user, world.team] > max(
        first.values()
    )


async def test_a_change_names_rows_and_owners(
    world: World, changed_by: ChangedBy, reader: PostgresShapeReader
) -> None:
    found = await changed_by("UPDATE steps SET name = 'x' WHERE id = {step}")
    change = found.pop("steps")
    assert (change.ids, change.owners) == (texts(world.step), texts(world.pipeline))
    assert found == {}
    row = RowQuery("steps", ("id",), (world.say("id = {step}"),))
    assert (await reader.read([row])).rows[0][0].xid == change.xid


async def test_a_statement_that_changes_nothing_announces_nothing(
    world: World, changed_by: ChangedBy
) -> None:
    assert await changed_by("DELETE FROM steps WHERE false") == {}


async def test_a_pipeline_that_moves_says_so(world: World, changed_by: ChangedBy) -> None:
    found = await changed_by("UPDATE pipelines SET name = 'y'")
    assert found["pipelines"].moved == frozenset()
    for statement in (
        "UPDATE pipelines SET team_id = {closed} WHERE id = {pipeline}",
        "UPDATE pipelines SET deleted_at = now() WHERE id = {pipeline}",
        "UPDATE pipelines SET deleted_at = NULL WHERE id = {pipeline}",
    ):
        found = await changed_by(statement)
        assert found["pipelines"].moved == texts(world.pipeline)
    moved = await changed_by("UPDATE pipelines SET team_id = {team} WHERE id = {pipeline}")
    assert moved["pipelines"].owners == texts(world.team, world.closed)


async def test_a_pipeline_that_is_made_or_gone_counts_as_moved(
    world: World, changed_by: ChangedBy
) -> None:
    made = (await changed_by("INSERT INTO pipelines (team_id, name) VALUES ({team}, 'p')"))[
        "pipelines"
    ]
    assert made.moved == made.ids != frozenset()
    gone = await changed_by("DELETE FROM pipelines WHERE id = {pipeline}")
    assert gone["pipelines"].moved == texts(world.pipeline)


async def test_cascades_announce_every_table(world: World, changed_by: ChangedBy) -> None:
    found = await changed_by("DELETE FROM organizations WHERE id = {organization}")
    assert set(found) == {
        "organizations", "teams", "team_members", "pipelines", "steps", "connections", "comments",
        "pipeline_templates", "pipeline_versions",
    }  # fmt: skip
    assert len({change.xid for change in found.values()}) == 1
    assert found["comments"].owners == texts(world.pipeline)
    assert found["teams"].moved
    # They go themselves.
    assert found["teams"].members == frozenset()
    assert found["team_members"].ids == texts(world.user)


async def test_a_team_that_comes_or_goes_names_its_members(
    world: World, changed_by: ChangedBy
) -> None:
    for statement in (
        "UPDATE teams SET deleted_at = now() WHERE id = {team}",
        "UPDATE teams SET deleted_at = NULL WHERE id = {team}",
    ):
        change = (await changed_by(statement))["teams"]
        assert (change.moved, change.members) == (texts(world.team), texts(world.user))
    renamed = (await changed_by("UPDATE teams SET name = 'x' WHERE id = {team}"))["teams"]
    assert renamed.moved == renamed.members == frozenset()
    made = "INSERT INTO teams (organization_id, name, slug) VALUES ({organization}, 'Y', 'yarns')"
    found = (await changed_by(made))["teams"]
    assert (found.moved, found.members) == (found.ids, frozenset())


async def test_whoever_may_not_see_the_members_of_a_deleted_team_names_them_all_the_same(
    world: World, changed_by: ChangedBy
) -> None:
    found = await changed_by(
        "BEGIN; GRANT UPDATE (deleted_at) ON teams TO pipeloom_api; SET LOCAL ROLE pipeloom_api; "
        "SELECT set_config('app.user_id', {user}, true); "
        "UPDATE teams SET deleted_at = now() WHERE id = {team}; "
        "RESET ROLE; REVOKE UPDATE (deleted_at) ON teams FROM pipeloom_api; COMMIT"
    )
    assert found["teams"].members == texts(world.user)


@pytest.mark.parametrize(("members", "is_named"), [(188, True), (189, False)])
async def test_a_team_of_very_many_members_names_none(
    changed_by: ChangedBy, members: int, *, is_named: bool
) -> None:
    await changed_by(
        "WITH u AS (INSERT INTO users (email, name) SELECT n || '@example.org', 'O' "
        f"FROM generate_series(2, {members}) AS n RETURNING id) "
        "INSERT INTO team_members (team_id, user_id, role) SELECT {team}, u.id, 'viewer' FROM u"
    )
    change = (await changed_by("UPDATE teams SET deleted_at = now() WHERE id = {team}"))["teams"]
    assert change.ids == change.moved
    assert (change.members is not None) == is_named
    if change.members is not None:
        assert len(change.members) == members


async def test_a_member_is_announced_by_user_and_team(world: World, changed_by: ChangedBy) -> None:
    found = await changed_by("UPDATE team_members SET role = 'owner' WHERE team_id = {team}")
    change = found["team_members"]
    assert (change.ids, change.owners) == (texts(world.user), texts(world.team))


async def test_truncating_stands_for_any_row(world: World, changed_by: ChangedBy) -> None:
    found = await changed_by("TRUNCATE steps CASCADE")
    assert set(found) == {"steps", "connections"}
    assert (found["steps"].ids, found["steps"].owners) == (None, None)


@pytest.mark.parametrize(
    ("rows", "pipelines", "has_ids", "has_owners"),
    [
        (189, 1, True, True),
        (190, 1, False, True),
        (190, 190, False, True),
        (200, 200, False, False),
    ],
)
async def test_a_change_of_many_rows_names_less(
    changed_by: ChangedBy, rows: int, pipelines: int, has_ids: bool, has_owners: bool
) -> None:
    statement = (
        "WITH p AS (INSERT INTO pipelines (team_id, name) SELECT {team}, 'p' "
        f"FROM generate_series(1, {pipelines}) RETURNING id) "
        "INSERT INTO comments (pipeline_id, content) "
        f"SELECT p.id, 'c' FROM p, generate_series(1, {rows // pipelines})"
    )
    change = (await changed_by(statement))["comments"]
    assert (change.ids is not None, change.owners is not None) == (has_ids, has_owners)
    if change.ids is not None:
        assert len(change.ids) == rows


async def test_changes_that_nobody_needs_are_left_out_and_marks_are_not(
    changes: PostgresShapeChanges, reader: PostgresShapeReader, pool: Pool
) -> None:
    await pool.run_script("UPDATE steps SET width = 1")
    await pool.run_script("NOTIFY pipeloom_shapes, 'nonsense'")
    await reader.mark("end")
    found = Announced()
    while "end" not in found.marks:
        more = await changes.wait(SECONDS, is_needed=lambda: False)
        assert more is not None
        assert more.changes == ()
        found = more


async def test_what_cannot_be_read_counts_as_lost(
    pool: Pool, changes: PostgresShapeChanges
) -> None:
    for payload in (
        "nonsense",
        '{"t": "steps", "x": "7", "i": ["1)); DROP TABLE steps; --"]}',
        '{"t": "steps", "x": "7", "o": [7]}',
        '{"t": "steps", "x": "seven"}',
        "[]",
    ):
        await pool.run_script(f"NOTIFY pipeloom_shapes, '{payload}'")
        assert await changes.wait(SECONDS) is None


async def test_rows_that_are_too_large_together_are_not_read(pool: Pool, database_url: str) -> None:
    world = a_world()
    await build(pool, world)
    large = "UPDATE pipelines SET description = repeat('é', 100000) WHERE id = {pipeline}"
    await pool.run_script(world.say(large))
    opened = await open_pool(database_url, **pool_options(2.0))
    pipeline = RowQuery("pipelines", ("id", "description"), (world.say("id = {pipeline}"),))
    user = RowQuery("users", ("id",), (world.say("id = {user}"),))
    enough = PostgresShapeReader(opened, most_bytes=201_000)
    read = await enough.read([pipeline, user])
    assert [len(rows) for rows in read.rows] == [1, 1]
    with pytest.raises(TooMuchRead, match="201000 bytes"):
        await enough.read([user, pipeline, pipeline])
    await opened.close()
