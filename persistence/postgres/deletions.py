"""Purging pipelines that were deleted long ago."""

from datetime import timedelta
from uuid import UUID

from .pool import Pool


class PostgresDeletions:
    """`Deletions` by PostgreSQL's clock; foreign keys delete what is in a pipeline."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def purge_one(self, kept_for: timedelta) -> UUID | None:
        """See `Deletions.purge_one`."""
        purged: UUID | None = await self._pool.fetchval("purge_pipeline", kept_for.total_seconds())
        return purged
