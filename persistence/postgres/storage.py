"""How much teams store, on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from .pool import Pool


class PostgresTeamStorage:
    """`TeamStorage` by the function team_bytes of schema.sql."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def full_pipelines(self, pipeline_ids: Collection[UUID], limit: int) -> set[UUID]:
        """See `TeamStorage.full_pipelines`."""
        rows = await self._pool.fetch("full_pipelines", [*pipeline_ids], limit)
        return {row["id"] for row in rows}

    async def stored_bytes(self, team_id: UUID) -> int:
        """See `TeamStorage.stored_bytes`."""
        stored: int = await self._pool.fetchval("stored_bytes", team_id)
        return stored
