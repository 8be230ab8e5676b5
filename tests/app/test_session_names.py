"""What somebody sees in pg_stat_activity of a running installation: who each session is."""

import asyncio

from tests.server import Installation, eventually

NAMES = """SELECT application_name, count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY 1"""


async def names(installation: Installation) -> dict[str, int]:
    async with installation.sql() as sql:
        return {row["application_name"]: row["count"] for row in await sql.fetch(NAMES)}


async def test_every_session_says_what_it_is_for(installation: Installation) -> None:
    expected = {
        "pipeloom",
        "pipeloom listener",
        "pipeloom bus",
        "pipeloom worker",
        "pipeloom worker listener",
    }

    async def are_there() -> bool:
        return set(await names(installation)) == expected

    async with installation.serve("--workers", "2"):
        await eventually("the sessions of servers and of a worker, and no others", are_there)


async def until_seen(installation: Installation, name: str) -> None:
    async def is_there() -> bool:
        return name in await names(installation)

    await eventually(f"a session called {name}", is_there)


async def test_a_command_says_that_it_is_one(installation: Installation) -> None:
    """Seen while it waits for a table that somebody has locked."""
    async with installation.sql() as sql:
        async with sql.transaction():
            await sql.execute("LOCK TABLE pipelines")
            waiting = asyncio.create_task(installation.run("list"))
            await until_seen(installation, "pipeloom command")
        assert (await waiting).code == 0


async def test_a_migration_says_that_it_is_one(installation: Installation) -> None:
    """Seen while it waits for another one."""
    async with installation.sql() as sql:
        last = await sql.fetchrow("SELECT * FROM schema_migrations ORDER BY name DESC LIMIT 1")
        await sql.execute("DELETE FROM schema_migrations WHERE name = $1", last["name"])
        await sql.execute("SELECT pg_advisory_lock(hashtextextended('pipeloom migrations', 0))")
        waiting = asyncio.create_task(installation.run("migrate"))
        await until_seen(installation, "pipeloom migration")
        # It had been applied.
        await sql.execute("INSERT INTO schema_migrations VALUES ($1, $2)", *last)
        await sql.execute("SELECT pg_advisory_unlock_all()")
        assert (await waiting).code == 0
