"""The update log in memory: the twin of `persistence/postgres/update_log.py`."""

from collections.abc import Collection, Sequence
from uuid import UUID

from persistence.errors import StoreError
from persistence.ports.update_log import LoggedUpdate, NewUpdate, StoredDocument, UpdateInfo

from .tables import MemoryTables


class MemoryUpdateLog(MemoryTables):
    """`UpdateLog` and `UpdateHistory` over the shared state."""

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `UpdateLog.append`."""
        return [self._append(update) for update in updates]

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """See `UpdateLog.load`."""
        pipeline = self._pipeline(pipeline_id)
        tail = pipeline.log[pipeline.state_seq :]
        return StoredDocument(pipeline.state, pipeline.state_seq, tail, pipeline.waiting)

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """See `UpdateLog.since`."""
        if pipeline_id not in self._pipelines:
            return []
        return self._pipelines[pipeline_id].log[max(seq, 0) :][:limit]

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """See `UpdateLog.heads`."""
        found = {each: self._pipelines.get(each) for each in pipeline_ids}
        return {each: len(pipeline.log) for each, pipeline in found.items() if pipeline}

    async def newest_updates(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[UpdateInfo]:
        """See `UpdateHistory.newest_updates`."""
        log = await self.since(pipeline_id, 0)
        found = [update for update in reversed(log) if before is None or update.seq < before]
        return [UpdateInfo(each.seq, each.user_id, each.received_at) for each in found[:limit]]

    async def store_state(
        self, pipeline_id: UUID, seq: int, state: bytes, waiting: Sequence[bytes] = ()
    ) -> None:
        """See `UpdateLog.store_state`.

        Raises PipelineNotFound, and StoreError for a `seq` beyond the end of the log.
        """
        pipeline = self._pipeline(pipeline_id)
        if seq > len(pipeline.log):
            raise StoreError(f"expected a state of at most {len(pipeline.log)}, got one of {seq}")
        if seq > pipeline.state_seq:
            pipeline.state, pipeline.state_seq, pipeline.waiting = state, seq, list(waiting)

    def _append(self, update: NewUpdate) -> int | None:
        pipeline = self._pipelines.get(update.pipeline_id)
        return (
            None if pipeline is None else pipeline.append(update, self.known_user(update.user_id))
        )
