"""What a database says of itself: for the log, and for whoever looks for what is wrong."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from persistence.errors import NotAllowed

from .pool import DatabaseConnection


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Versions, connections, and what the role that asks may do.

    `connections` are in use of `max_connections`, of which ordinary roles get `free_connections`.
    `owner` owns the tables, None where there are none; of our `groups` there are those of `role`.
    """

    version: str
    schema: str
    connections: int
    max_connections: int
    free_connections: int
    role: str
    is_superuser: bool
    owner: str | None
    groups: Sequence[str]

    @property
    def major(self) -> int:
        """The major version of PostgreSQL: `version` begins with it."""
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]


async def database_facts(database: DatabaseConnection) -> DatabaseFacts:
    """Ask a database, whether it was migrated or not. Raises StoreError."""
    [row] = await database.fetch("database_facts")
    return DatabaseFacts(schema=await _schema(database), **row)


async def _schema(database: DatabaseConnection) -> str:
    if not await database.fetchval("has_migrations_table"):
        return "none"
    try:
        return await database.fetchval("newest_migration") or "none"
    except NotAllowed:
        return "not for this role to read"
