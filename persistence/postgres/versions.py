"""Versions of pipelines on PostgreSQL, in the table pipeline_versions."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from typing import Final
from uuid import UUID

from crdt.errors import PipelineNotFound
from persistence.ports.user_rows import Record
from persistence.ports.versions import NewVersion, Retention, Version, VersionInfo

from .pool import Pool


class PostgresVersions:
    """`Versions` over one table, written by the server's own role."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def save(self, version: NewVersion) -> VersionInfo:
        """See `Versions.save`."""
        values = [getattr(version, field.name) for field in fields(version)]
        async with self._pool.transaction() as connection:
            # In a statement of its own: the next one sees what was saved while this one waited.
            if await connection.fetchval("lock_pipeline", version.pipeline_id) is None:
                raise PipelineNotFound(f"no pipeline {version.pipeline_id}: check the id")
            row = await connection.fetchrow("save_version", *values)
        if row is None:
            raise PipelineNotFound(f"no pipeline {version.pipeline_id}: check the id")
        # In a transaction of its own: whoever deletes a pipeline locks its cursor first.
        await self.mark_saved(version.pipeline_id, version.seq)
        return _info(row)

    async def newest(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[VersionInfo]:
        """See `Versions.newest`."""
        return [
            _info(row)
            for row in await self._pool.fetch("newest_versions", pipeline_id, before, limit)
        ]

    async def load(self, pipeline_id: UUID, number: int) -> Version | None:
        """See `Versions.load`."""
        row = await self._pool.fetchrow("version", pipeline_id, number)
        if row is None:
            return None
        content = (row["state"], row["pipeline"], row["steps"], row["connections"])
        return Version(_info(row), *content)

    async def state(self, pipeline_id: UUID, number: int) -> bytes | None:
        """See `Versions.state`."""
        found: bytes | None = await self._pool.fetchval("version_state", pipeline_id, number)
        return found

    @asynccontextmanager
    async def claim_unsaved(
        self,
        first_before: datetime | None,
        last_before: datetime | None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AsyncIterator[UUID | None]:
        """See `Versions.claim_unsaved`."""
        async with self._pool.transaction() as connection:
            yield await connection.fetchval(
                "unsaved_pipeline", first_before, last_before, list(excluding)
            )

    async def mark_saved(self, pipeline_id: UUID, seq: int) -> None:
        """See `Versions.mark_saved`."""
        await self._pool.execute("mark_saved", pipeline_id, seq)

    async def prune(self, pipeline_id: UUID, now: datetime, retention: Retention) -> None:
        """See `Versions.prune`."""
        all_since, daily_since = now - retention.all_for, now - retention.daily_for
        await self._pool.execute("prune_versions", pipeline_id, all_since, daily_since)


def _info(row: Record) -> VersionInfo:
    return VersionInfo(**{name: row[name] for name in _INFO if name in row})


_INFO: Final = [field.name for field in fields(VersionInfo)]
