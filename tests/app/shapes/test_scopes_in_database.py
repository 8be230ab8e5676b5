"""Scopes let through what row-level security does, and nothing else."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.shapes.conditions import Condition, ConditionLimits, compile_condition
from app.shapes.scopes import Access, pipeline_asked, predicate, scope_of
from app.shapes.tables import TABLES, Table
from tests.app.shapes.worlds import World, build, read, seen
from tests.rounds import some


@pytest.fixture
async def sql(emptied_database_url: str) -> AsyncIterator[Any]:
    """These tests change rows and no schema."""
    connection = await asyncpg.connect(emptied_database_url)
    yield connection
    await connection.close()


async def access_of(sql: Any, user_id: UUID, asked: UUID | None) -> Access:
    teams = await seen(sql, user_id, "SELECT id FROM teams")
    pipelines = await seen(
        sql, user_id, f"SELECT id FROM pipelines WHERE id = '{asked or user_id}'"
    )
    return Access(
        user_id, frozenset(team for (team,) in teams), frozenset(found for (found,) in pipelines)
    )


def conditions(table: Table, world: World, random: Random) -> list[Condition]:
    texts = ["", "created_at > '2000-01-01'" if table.column("created_at") else ""]
    if table.name == "teams":
        texts.append(f"id = '{random.choice(world.teams)}'")
    if table.column("team_id"):
        texts.append(f"team_id = '{random.choice(world.teams)}'")
    if table.name == "pipelines":
        texts.append(f"id = '{random.choice(world.pipelines)}'")
    if table.column("pipeline_id"):
        texts.append(f"pipeline_id = '{{{str(random.choice(world.pipelines)).upper()}}}' AND true")
    return [compile_condition(text, {}, table, ConditionLimits()) for text in texts]


async def check(sql: Any, world: World, random: Random) -> int:
    """Compare for every user and table; return how many rows were seen in all."""
    count = 0
    for user_id in world.users:
        for table in TABLES.values():
            for condition in conditions(table, world, random):
                access = await access_of(sql, user_id, pipeline_asked(table, condition))
                scope = scope_of(table, condition, access)
                select = f"SELECT {', '.join(table.key)} FROM {table.name} WHERE {condition.sql}"

                found = await read(sql, f"{select} AND ({predicate(scope, table)})")

                assert found == await seen(sql, user_id, select), (table.name, condition, scope)
                count += len(found)
    return count


@pytest.mark.parametrize("seed", some(range(30), 2))
async def test_rows_by_scope_are_those_under_row_level_security(sql: Any, seed: int) -> None:
    random = Random(seed)
    world = await build(sql, random)

    assert await check(sql, world, random) > 0

    team, pipeline = random.choice(world.teams), random.choice(world.pipelines)
    await sql.execute("UPDATE pipelines SET team_id = $1 WHERE id = $2", team, pipeline)
    await sql.execute("UPDATE teams SET deleted_at = now() WHERE id = $1", world.teams[0])
    await sql.execute("UPDATE teams SET deleted_at = NULL WHERE id = $1", world.teams[1])
    await sql.execute("UPDATE pipelines SET deleted_at = now() WHERE id = $1", world.pipelines[0])
    await sql.execute("DELETE FROM team_members WHERE role <> 'owner' AND team_id = $1", team)
    await check(sql, world, random)
