"""Brings a database to the schema this program needs: numbered files, each applied once."""

from typing import Final

import sql
from persistence.errors import SchemaOutdated, UnsuitableDatabase

from .pool import DatabaseConnection, Pool, connection

ENCODING: Final = "UTF8"
SCHEMA: Final = "public"
"""The schema that the functions in `sql/schema.sql` name in their own search_path."""


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; return the names applied.

    Several nodes may call this at once: one works, the others wait and then find nothing to do.
    Raises StoreUnavailable, UnsuitableDatabase before anything is changed, or StoreError when a
    migration fails (the ones before it stay).
    """
    async with connection(dsn) as database:
        await _require_suitable(database)
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
    """Raise SchemaOutdated, naming the missing migrations, unless there are none.

    Raises UnsuitableDatabase as well.
    """
    await _require_suitable(database)
    if missing := await pending(database):
        raise SchemaOutdated(
            f"the database lacks {', '.join(missing)}: run `pipeloom migrate`, then try again"
        )


async def _require_suitable(database: DatabaseConnection) -> None:
    """Raise UnsuitableDatabase for a database in which edits would be lost later on."""
    [row] = await database.fetch("database_properties")
    name, encoding, schema = row["name"], row["encoding"], row["schema"]
    if encoding != ENCODING:
        raise UnsuitableDatabase(
            f"the database {name} has the encoding {encoding}, which cannot hold every character: "
            f"make another one with CREATE DATABASE … ENCODING '{ENCODING}' TEMPLATE template0"
        )
    if schema != SCHEMA:
        raise UnsuitableDatabase(
            f"the search_path of the database {name} begins with {schema or 'no schema'}, not with "
            f"{SCHEMA}: run ALTER DATABASE {name} SET search_path = {SCHEMA} "
            f"(or ALTER ROLE …), or add ?search_path={SCHEMA} to the database URL"
        )


async def _apply(database: DatabaseConnection, name: str) -> None:
    async with database.transaction():
        await database.run_script(sql.migrations()[name])
        await database.execute("record_migration", name)
