"""How much teams store, in memory: the twin of `persistence/postgres/storage.py`."""

from collections.abc import Collection
from uuid import UUID

from .tables import MemoryPipeline, MemoryTables


class MemoryTeamStorage(MemoryTables):
    """`TeamStorage` over the shared state, which has no comments; snapshots are not counted."""

    async def full_pipelines(self, pipeline_ids: Collection[UUID], limit: int) -> set[UUID]:
        """See `TeamStorage.full_pipelines`."""
        return {
            each
            for each in pipeline_ids
            if each in self._pipelines and self._stored(self._pipelines[each].team_id) >= limit
        }

    async def stored_bytes(self, team_id: UUID) -> int:
        """See `TeamStorage.stored_bytes`."""
        return self._stored(team_id)

    def _stored(self, team_id: UUID) -> int:
        return sum(_bytes_of(each) for each in self._pipelines.values() if each.team_id == team_id)


def _bytes_of(pipeline: MemoryPipeline) -> int:
    log = sum(len(update.payload) for update in pipeline.log)
    versions = sum(len(version.state) for version in pipeline.versions)
    return log + len(pipeline.state or b"") + versions
