"""Brings a database to the schema this program needs: numbered files, each applied once."""

import sql
from persistence.errors import SchemaOutdated

from .pool import DatabaseConnection, Pool, connection


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; return the names applied.

    Several nodes may call this at once: one works, the others wait and then find nothing to do.
    Raises StoreUnavailable, or StoreError when a migration fails (the ones before it stay).
    """
    async with connection(dsn) as database:
        await database.execute("lock_migrations")
        await database.execute("ensure_migrations_table")
        missing = await pending(database)
        for name in missing:
            await _apply(database, name)
    return missing


async def pending(database: DatabaseConnection) -> list[str]:
    """The names of the migrations this program knows and the database lacks, in order."""
    applied: set[str] = set()
    if await database.fetchval("has_migrations_table"):
        applied = {row["name"] for row in await database.fetch("applied_migrations")}
    return [name for name in sql.migrations() if name not in applied]


async def require_current(database: Pool) -> None:
    """Raise SchemaOutdated, naming the missing migrations, unless there are none."""
    if missing := await pending(database):
        raise SchemaOutdated(
            f"the database lacks {', '.join(missing)}: run `pipeloom migrate`, then try again"
        )


async def _apply(database: DatabaseConnection, name: str) -> None:
    async with database.transaction():
        await database.run_script(sql.migrations()[name])
        await database.execute("record_migration", name)
