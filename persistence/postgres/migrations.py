"""Brings a database to the schema this program needs: numbered files, each applied once."""

import asyncio
import re
from collections.abc import Collection
from contextlib import suppress
from typing import Final

import sql
from persistence.errors import Locked, SchemaNewer, SchemaOutdated, UnsuitableDatabase

from .groups import refresh_groups
from .pool import MIGRATION, DatabaseConnection, Pool, connection

ENCODING: Final = "UTF8"
SCHEMA: Final = "public"
"""The schema that the functions in `sql/schema.sql` name in their own search_path."""

STOP_MARK: Final = "-- Stop older servers first: "
"""Begins the line of a migration which says why it is not safe beside servers of before it."""

LOCK_ATTEMPTS: Final = 20
LOCK_PAUSE: Final = 0.5
"""Seconds between two attempts to lock what a migration changes."""


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing, each file in a transaction of its own; return the names applied.

    Several nodes may call this at once: one works, the others wait and then find nothing to do.
    Where nothing is missing, nothing is written, so a role that may not change the schema will do.
    Raises StoreUnavailable, UnsuitableDatabase or SchemaNewer before anything is changed, or
    StoreError when a migration fails (the ones before it stay).
    """
    async with connection(dsn, MIGRATION) as database:
        if not await _checked_pending(database):
            return []
        await database.execute("lock_migrations")
        await database.execute("ensure_migrations_table")
        missing = await _checked_pending(database)
        for name in missing:
            await _apply_patiently(database, name)
        if missing:
            await refresh_groups(database)
    return missing


async def missing_migrations(dsn: str) -> list[str]:
    """What `migrate` would apply; changes nothing. Raises as `migrate` does before it begins."""
    async with connection(dsn, MIGRATION) as database:
        return await _checked_pending(database)


def stop_reason(name: str) -> str | None:
    """Why older servers must not run beside a migration; None if they may."""
    found = re.search(rf"^{STOP_MARK}(.+)$", sql.migrations()[name], re.MULTILINE)
    return found and found[1]


async def _checked_pending(database: DatabaseConnection) -> list[str]:
    await _require_suitable(database)
    applied = await applied_migrations(database)
    require_known(applied)
    return [name for name in sql.migrations() if name not in applied]


async def require_not_newer(database: DatabaseConnection) -> None:
    """Raise SchemaNewer if this program does not know all migrations of a database."""
    require_known(await applied_migrations(database))


def require_known(applied: Collection[str]) -> None:
    """Raise SchemaNewer unless this program knows all migrations that were applied."""
    known = sql.migrations()
    if unknown := sorted(set(applied) - set(known)):
        raise SchemaNewer(
            f"the schema {unknown[-1]} of the database is newer than this program's "
            f"{max(known)}: upgrade Pipeloom, or restore a backup from before the upgrade"
        )


async def pending(database: DatabaseConnection) -> list[str]:
    """The names of the migrations this program knows and the database lacks, in order."""
    applied = await applied_migrations(database)
    return [name for name in sql.migrations() if name not in applied]


async def applied_migrations(database: DatabaseConnection) -> set[str]:
    """The names of the migrations that were applied, those this program does not know included."""
    if not await database.fetchval("has_migrations_table"):
        return set()
    return {row["name"] for row in await database.fetch("applied_migrations")}


async def require_current(database: Pool) -> None:
    """Raise SchemaOutdated, naming the missing migrations, unless there are none.

    Raises UnsuitableDatabase and SchemaNewer as well.
    """
    if missing := await _checked_pending(database):
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


async def _apply_patiently(database: DatabaseConnection, name: str) -> None:
    """Apply a migration; begin again where a lock is not to be had, so that nobody queues behind.

    Raises Locked after a minute or so.
    """
    for _ in range(LOCK_ATTEMPTS - 1):
        with suppress(Locked):
            await _apply(database, name)
            return
        await asyncio.sleep(LOCK_PAUSE)
    await _apply(database, name)


async def _apply(database: DatabaseConnection, name: str) -> None:
    async with database.transaction():
        await database.execute("wait_briefly_for_locks")
        await database.run_script(sql.migrations()[name])
        await database.execute("record_migration", name)
