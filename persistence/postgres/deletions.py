"""Purging what was deleted long ago, and what the audit log need not keep any longer."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from persistence.ports.deletions import Kind, Purged
from persistence.ports.idempotency import KEPT_SECONDS
from persistence.ports.user_rows import Record

from .pool import Pool

MOST_ENTRIES: Final = 1000
"""How many entries of the audit log one statement deletes."""


class PostgresDeletions:
    """`Deletions` by PostgreSQL's clock; foreign keys delete what is in a pipeline."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def purge_one(self, kept_for: timedelta) -> Purged | None:
        """See `Deletions.purge_one`."""
        seconds = kept_for.total_seconds()
        if pipeline := await self._pool.fetchval("purge_pipeline", seconds):
            return Purged("pipeline", pipeline)
        await self._pool.execute("begin_purging_teams", seconds)
        if pipeline := await self._pool.fetchval("purge_pipeline_of_team"):
            return Purged("pipeline", pipeline)
        team = await self._pool.fetchval("purge_team")
        return Purged("team", team) if team else None

    async def expire_audit_log(self, kept_for: timedelta) -> int:
        """See `Deletions.expire_audit_log`."""
        expired: int = await self._pool.fetchval(
            "expire_audit_log", kept_for.total_seconds(), MOST_ENTRIES
        )
        return expired

    async def expire_keys(self) -> int:
        """See `Deletions.expire_keys`."""
        expired: int = await self._pool.fetchval("expire_keys", KEPT_SECONDS, MOST_ENTRIES)
        return expired

    async def deleted(self) -> Sequence[Record]:
        """What can be brought back: kind, id, path of the team, name, when and by whom deleted."""
        return await self._pool.fetch("deleted_things")

    async def delete_pipeline(self, id_: UUID) -> bool:
        """Delete a pipeline on behalf of an operator; False if there is none."""
        return await self._pool.fetchval("delete_any_pipeline", id_) is not None

    async def restore(self, kind: Kind, id_: UUID) -> bool:
        """Bring a thing back; False if it is not there any more. Raises Conflict for a slug."""
        return await self._pool.fetchval(_RESTORE[kind], id_) is not None


_RESTORE: Final[Mapping[Kind, str]] = {"pipeline": "undelete_pipeline", "team": "undelete_team"}
