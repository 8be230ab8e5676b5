"""Versions of pipelines on PostgreSQL, in the table pipeline_versions."""

from dataclasses import fields
from uuid import UUID

from crdt.errors import PipelineNotFound

from .pool import Pool, Record
from .ports import NewVersion, Version, VersionInfo


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


def _info(row: Record) -> VersionInfo:
    return VersionInfo(**{field.name: row[field.name] for field in fields(VersionInfo)})
