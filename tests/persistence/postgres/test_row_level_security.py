"""Nobody sees or changes what is another team's, and nobody does more than their role allows.

By SQL as the role of the API. Every table and view of the schema takes part (worlds.py).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from persistence.errors import Conflict, NotAllowed
from persistence.postgres.pool import DatabaseConnection, Pool, driver_errors
from tests.persistence.worlds import HIDDEN, JOINED, TABLES, World, a_world, build

PROJECTED = (
    "steps", "connections", "pipeline_diagnostics", "pipeline_updates", "pipeline_documents",
    "pipeline_states", "projection_cursors", "pipeline_versions", "presence",
)  # fmt: skip


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


async def a_built(pool: Pool) -> World:
    world = a_world()
    await build(pool, world)
    return world


@pytest.fixture
async def ours(pool: Pool) -> World:
    return await a_built(pool)


@pytest.fixture
async def theirs(pool: Pool) -> World:
    return await a_built(pool)


@asynccontextmanager
async def acting(pool: Pool, user_id: UUID) -> AsyncIterator[DatabaseConnection]:
    async with pool.transaction() as transaction:
        await transaction.execute("become_api_user", user_id, "", "")
        yield transaction


async def rows(connection: DatabaseConnection, statement: str) -> Sequence[Any]:
    with driver_errors():
        found: Sequence[Any] = await connection._driver.fetch(statement)
    return found


async def affected(pool: Pool, user_id: UUID, statement: str) -> int:
    """How many rows a statement of a user changed for good; 0, too, if it was refused."""
    try:
        async with acting(pool, user_id) as connection:
            with driver_errors():
                status = await connection._driver.execute(statement)
            return int(status.split()[-1])
    except (NotAllowed, Conflict):
        return 0


async def held(pool: Pool, world: World) -> dict[str, list[str]]:
    """Everything in a world, as the owner of the tables sees it."""
    return {
        name: sorted(
            str(row)
            for row in await rows(pool, world.say(f"SELECT * FROM {name} WHERE {table.rows}"))
        )
        for name, table in TABLES.items()
        if table.insert
    }


async def test_every_table_takes_part(pool: Pool) -> None:
    found = await rows(
        pool,
        "SELECT relname FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')",
    )
    assert {row["relname"] for row in found} == TABLES.keys() | HIDDEN


async def test_row_level_security_is_on_for_every_table(pool: Pool) -> None:
    found = await rows(
        pool,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p') AND NOT relrowsecurity",
    )
    assert [row["relname"] for row in found] == []


async def count(connection: DatabaseConnection, name: str, where: str = "true") -> int:
    return len(await rows(connection, f"SELECT {TABLES[name].reads} FROM {name} WHERE {where}"))


async def test_a_member_sees_the_rows_of_the_team_and_no_other(
    pool: Pool, ours: World, theirs: World
) -> None:
    async with acting(pool, ours.user) as connection:
        for name, table in TABLES.items():
            of_ours = await count(connection, name, ours.say(table.rows))
            assert (name, of_ours > 0) == (name, True)
            assert (name, await count(connection, name)) == (name, of_ours)


@pytest.mark.parametrize("said", ["RESET app.user_id", "SET LOCAL app.user_id = ''"])
async def test_nobody_sees_anything_without_saying_who(pool: Pool, ours: World, said: str) -> None:
    async with acting(pool, ours.user) as connection:
        await connection.run_script(said)
        assert {name: await count(connection, name) for name in TABLES} == dict.fromkeys(TABLES, 0)


async def test_a_user_without_a_team_sees_nobody_else(pool: Pool, ours: World) -> None:
    stranger = await pool.fetchval("ensure_user", "eve@example.org", "Eve")
    async with acting(pool, stranger) as connection:
        found = {name: await count(connection, name) for name in TABLES}
    assert found == dict.fromkeys(TABLES, 0) | {"users": 1, "my_user": 1}


async def test_a_member_changes_no_row_of_another_team(pool: Pool, theirs: World) -> None:
    before, where = await held(pool, theirs), theirs.say
    for name in TABLES.keys() - JOINED:
        ours, table = await a_built(pool), TABLES[name]
        update, delete = f"UPDATE {name} SET {table.change}", f"DELETE FROM {name}"
        attempts = [f"{update} WHERE {where(table.rows)}", f"{delete} WHERE {where(table.rows)}"]
        if table.insert:
            attempts.append(replace(theirs, user=ours.user).say(table.insert))
        found = {attempt: await affected(pool, ours.user, attempt) for attempt in attempts}
        assert found == dict.fromkeys(attempts, 0)
        # Where nothing is read, only the policy for this action stands in the way.
        await affected(pool, ours.user, update)
        await affected(pool, ours.user, delete)
        assert (name, await held(pool, theirs)) == (name, before)


@pytest.mark.parametrize("name", sorted(HIDDEN))
async def test_of_some_tables_the_api_sees_nothing(pool: Pool, ours: World, name: str) -> None:
    async with acting(pool, ours.user) as connection:
        with pytest.raises(NotAllowed):
            await rows(connection, f"SELECT FROM {name}")


async def test_what_a_document_or_the_server_fills_is_read_only(pool: Pool, ours: World) -> None:
    for name in PROJECTED:
        table = TABLES[name]
        change, delete = f"UPDATE {name} SET {table.change}", f"DELETE FROM {name}"
        for statement in (ours.say(table.insert), change, delete, f"TRUNCATE {name}"):
            async with acting(pool, ours.user) as connection:
                with pytest.raises(NotAllowed, match=f"permission denied for table {name}"):
                    await rows(connection, statement)


async def test_pipelines_are_made_and_changed_by_the_server_alone(pool: Pool, ours: World) -> None:
    for statement in (TABLES["pipelines"].insert, "UPDATE pipelines SET name = 'Mine'"):
        async with acting(pool, ours.user) as connection:
            with pytest.raises(NotAllowed, match="permission denied for table pipelines"):
                await rows(connection, ours.say(statement))


async def test_the_log_takes_nothing_from_the_api(pool: Pool, ours: World) -> None:
    call = "SELECT append_updates(ARRAY[{pipeline}]::uuid[], '{{NULL}}', '{{x}}', '{{now}}')"
    async with acting(pool, ours.user) as connection:
        with pytest.raises(NotAllowed, match="permission denied"):
            await rows(connection, ours.say(call))


async def test_preferences_are_nobody_else_s(pool: Pool, ours: World) -> None:
    mate = await pool.fetchval("ensure_user", "bo@example.org", "Bo")
    await pool.execute("set_member", ours.team, mate, "admin")
    async with acting(pool, mate) as connection:
        assert len(await rows(connection, "SELECT name, email, avatar_url FROM users")) == 2
        assert len(await rows(connection, "SELECT preferences FROM my_user")) == 1
        with pytest.raises(NotAllowed):
            await rows(connection, "SELECT preferences FROM users")


async def test_the_role_of_the_api_stands_alone(pool: Pool) -> None:
    (role,) = await rows(pool, "SELECT * FROM pg_roles WHERE rolname = 'pipeloom_api'")
    rights = ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb", "rolcanlogin")
    assert {right: role[right] for right in rights} == dict.fromkeys(rights, False)
    memberships = "SELECT FROM pg_auth_members WHERE member = 'pipeloom_api'::regrole"
    assert await rows(pool, memberships) == []


async def test_the_api_owns_nothing_and_makes_nothing(pool: Pool, ours: World) -> None:
    async with acting(pool, ours.user) as connection:
        with pytest.raises(NotAllowed):
            await rows(connection, "CREATE TABLE mine ()")
    owned = await rows(
        pool, "SELECT relname FROM pg_class WHERE relowner = 'pipeloom_api'::regrole"
    )
    assert owned == []


async def test_functions_that_look_past_the_policies_are_for_the_api_alone(pool: Pool) -> None:
    found = await rows(
        pool,
        "SELECT proname, proconfig, prorettype = 'trigger'::regtype AS is_trigger, "
        "has_function_privilege('public', oid, 'EXECUTE') AS open "
        "FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef",
    )
    callable_ = [row for row in found if not row["is_trigger"]]
    assert len(callable_) >= 8
    assert [row["proname"] for row in callable_ if row["open"]] == []
    assert {tuple(row["proconfig"]) for row in found} == {("search_path=public, pg_temp",)}
