"""What Electric is asked for a user are the rows under row-level security, as that reads it."""

from random import Random
from typing import Any

import asyncpg
import pytest

from app.shapes.electric_shapes import ElectricShapes
from app.shapes.parameters import Definition
from app.shapes.tables import TABLES
from persistence.postgres.pool import Pool
from persistence.postgres.shapes import PostgresShapeReader
from tests.app.shapes.test_scopes_in_database import conditions
from tests.app.shapes.worlds import World, build, read, seen
from tests.rounds import some


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


async def check(pool: Pool, sql: Any, world: World, random: Random) -> int:
    """Compare for every user and table; return how many rows were seen in all."""
    shapes, count = ElectricShapes(PostgresShapeReader(pool)), 0
    for user_id in world.users:
        for table in TABLES.values():
            for condition in conditions(table, world, random):
                definition = Definition(table, table.default, condition)
                where = dict((await shapes.view(definition, user_id)).shape.items)["where"]
                select = f"SELECT {', '.join(table.key)} FROM {table.name} WHERE"

                found = await read(sql, f"{select} {where}")

                expected = await seen(sql, user_id, f"{select} {condition.sql}")
                assert found == expected, (table.name, where)
                count += len(found)
    return count


@pytest.mark.parametrize("seed", some(range(30), 2))
async def test_electric_s_rows_are_those_under_row_level_security(
    pool: Pool, database_url: str, seed: int
) -> None:
    sql = await asyncpg.connect(database_url)
    try:
        random = Random(seed)
        world = await build(sql, random)

        assert await check(pool, sql, world, random) > 0

        team, pipeline = random.choice(world.teams), random.choice(world.pipelines)
        await sql.execute("UPDATE pipelines SET team_id = $1 WHERE id = $2", team, pipeline)
        await sql.execute("UPDATE teams SET deleted_at = now() WHERE id = $1", world.teams[0])
        await sql.execute(
            "UPDATE pipelines SET deleted_at = now() WHERE id = $1", world.pipelines[0]
        )
        await sql.execute("DELETE FROM team_members WHERE role <> 'owner' AND team_id = $1", team)
        await check(pool, sql, world, random)
    finally:
        await sql.close()
