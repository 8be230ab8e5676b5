"""What a database says of itself: for the log, and for whoever looks for what is wrong."""

import re
from dataclasses import dataclass

from .pool import DatabaseConnection


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Versions, and how many connections are in use of as many as there may be."""

    version: str
    schema: str
    connections: int
    max_connections: int

    @property
    def major(self) -> int:
        """The major version of PostgreSQL: `version` begins with it."""
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]


async def database_facts(database: DatabaseConnection) -> DatabaseFacts:
    """Ask a database, whether it was migrated or not. Raises StoreError."""
    [row] = await database.fetch("database_facts")
    schema = None
    if await database.fetchval("has_migrations_table"):
        schema = await database.fetchval("newest_migration")
    return DatabaseFacts(
        row["version"], schema or "none", row["connections"], row["max_connections"]
    )
