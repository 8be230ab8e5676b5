"""Versions in memory: the twin of `persistence/versions.py`, beside a `MemoryStore`."""

from uuid import UUID, uuid5

from crdt.errors import PipelineNotFound

from .memory import MemoryStore
from .ports import NewVersion, Version, VersionInfo


class MemoryVersions:
    """`Versions` of the pipelines in a store; they go with their pipeline."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def save(self, version: NewVersion) -> VersionInfo:
        """See `Versions.save`."""
        versions = self._store.versions_of(version.pipeline_id)
        number = len(versions) + 1
        info = VersionInfo(
            id=uuid5(version.pipeline_id, str(number)),
            number=number,
            seq=version.seq,
            name=version.name,
            change_summary=version.change_summary,
            created_by=self._store.known_user(version.created_by),
            created_at=version.created_at,
        )
        content = (version.state, version.pipeline, version.steps, version.connections)
        versions.append(Version(info, *content))
        return info

    async def newest(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[VersionInfo]:
        """See `Versions.newest`."""
        found = [each.info for each in self._versions(pipeline_id)]
        return [info for info in reversed(found) if before is None or info.number < before][:limit]

    async def load(self, pipeline_id: UUID, number: int) -> Version | None:
        """See `Versions.load`."""
        for version in self._versions(pipeline_id):
            if version.info.number == number:
                return version
        return None

    def _versions(self, pipeline_id: UUID) -> list[Version]:
        try:
            return self._store.versions_of(pipeline_id)
        except PipelineNotFound:
            return []
