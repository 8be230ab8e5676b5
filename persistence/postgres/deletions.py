"""Purging what was deleted long ago, and what the audit log need not keep any longer."""

from datetime import timedelta
from typing import Final

from persistence.ports.deletions import Purged

from .pool import Pool

MOST_ENTRIES: Final = 1000
"""How many entries of the audit log one statement deletes."""


class PostgresDeletions:
    """`Deletions` by PostgreSQL's clock; foreign keys delete what is in a pipeline."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def purge_one(self, kept_for: timedelta) -> Purged | None:
        """See `Deletions.purge_one`."""
        pipeline = await self._pool.fetchval("purge_pipeline", kept_for.total_seconds())
        return None if pipeline is None else Purged("pipeline", pipeline)

    async def expire_audit_log(self, kept_for: timedelta) -> int:
        """See `Deletions.expire_audit_log`."""
        expired: int = await self._pool.fetchval(
            "expire_audit_log", kept_for.total_seconds(), MOST_ENTRIES
        )
        return expired
