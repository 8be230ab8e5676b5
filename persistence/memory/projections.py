"""The projections in memory: the twin of `persistence/postgres/projections.py`."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from crdt.pipeline.rows import RowChanges, Rows
from persistence.ports.projections import Projected

from .constraints import changed
from .tables import MemoryPipeline, MemoryTables


class MemoryProjections(MemoryTables):
    """`Projections` over the shared state, with the queries that `MemoryVersions` needs."""

    @asynccontextmanager
    async def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator["MemoryClaim | None"]:
        """See `Projections.claim`."""
        pipeline_id = self._claimable(only, excluding)
        if pipeline_id is None:
            yield None
            return
        pipeline = self._pipelines[pipeline_id]
        claim = MemoryClaim(pipeline_id, pipeline.cursor, pipeline.rows)
        pipeline.is_claimed = True
        try:
            # An error in the caller's block is raised here and skips the rest, as a rollback would.
            yield claim
            self._commit(pipeline, claim)
            if claim.was_applied:
                self.announcements.announce(Projected(pipeline_id, claim.cursor))
        finally:
            pipeline.is_claimed = False

    async def refresh_search(self) -> bool:
        """See `Projections.refresh_search`; this store has no search, so nothing is ever stale."""
        return False

    def claim_unsaved(
        self,
        first_before: datetime | None,
        last_before: datetime | None,
        excluding: Collection[UUID],
    ) -> UUID | None:
        """Return a pipeline whose version is due, the one that has waited the longest."""
        due = {
            pipeline_id: pipeline.unsaved_since
            for pipeline_id, pipeline in self._pipelines.items()
            if pipeline_id not in excluding and pipeline.is_due(first_before, last_before)
        }
        return min(due, key=due.__getitem__, default=None)

    def mark_saved(self, pipeline_id: UUID, seq: int) -> None:
        """Note up to which update the last version goes; see `Versions.mark_saved`."""
        pipeline = self._pipelines.get(pipeline_id)
        if pipeline is not None and pipeline.unsaved_from is not None:
            pipeline.unsaved_from = seq + 1 if seq < pipeline.cursor else None

    def _claimable(self, only: Collection[UUID] | None, excluding: Collection[UUID]) -> UUID | None:
        candidates = {
            pipeline_id: pipeline.projected
            for pipeline_id, pipeline in self._pipelines.items()
            if pipeline.is_dirty
            and not pipeline.is_claimed
            and (only is None or pipeline_id in only)
            and pipeline_id not in excluding
        }
        return min(candidates, key=candidates.__getitem__, default=None)

    def _commit(self, pipeline: MemoryPipeline, claim: "MemoryClaim") -> None:
        if claim.cursor != pipeline.cursor:
            pipeline.projected = next(self._turns)
            if pipeline.unsaved_from is None:
                pipeline.unsaved_from = pipeline.cursor + 1
        pipeline.rows, pipeline.cursor = claim.rows, claim.cursor


class MemoryClaim:
    """A `Claim` with rows of its own, which become the pipeline's when it ends without an error."""

    def __init__(self, pipeline_id: UUID, cursor: int, rows: Rows) -> None:
        self._pipeline_id = pipeline_id
        self._cursor = cursor
        self._rows = rows
        self.was_applied = False

    @property
    def pipeline_id(self) -> UUID:
        """The pipeline, which no other claim gets meanwhile."""
        return self._pipeline_id

    @property
    def cursor(self) -> int:
        """The number of the last update that the rows contain."""
        return self._cursor

    @property
    def rows(self) -> Rows:
        """The rows with what was applied in this claim."""
        return self._rows

    async def stored_rows(self) -> Rows:
        """See `Claim.stored_rows`."""
        return self._rows

    async def apply(self, changes: RowChanges, cursor: int) -> None:
        """See `Claim.apply`. Raises StoreError when the rows break a constraint of the tables."""
        self._rows = changed(self._rows, changes)
        self._cursor = cursor
        self.was_applied = True
