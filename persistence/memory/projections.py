"""The projections in memory: the twin of `persistence/postgres/projections.py`."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from crdt.pipeline.rows import Diagnostic, RowChanges, Rows
from persistence.ports.projections import Lagging, Projected, Projection

from .constraints import changed
from .tables import MemoryPipeline, MemoryTables


class MemoryProjections(MemoryTables):
    """`Projections` over the shared state, with the queries that `MemoryVersions` needs."""

    @asynccontextmanager
    async def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator["MemoryClaim | None"]:
        """See `Projections.claim`."""
        async with self._claimed(only, excluding, 1) as claims:
            yield claims[0] if claims else None

    @asynccontextmanager
    async def claim_many(
        self,
        limit: int,
        only: Collection[UUID] | None = None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AsyncIterator["MemoryBatchClaim"]:
        """See `Projections.claim_many`."""
        async with self._claimed(only, excluding, limit) as claims:
            yield MemoryBatchClaim(claims)

    @asynccontextmanager
    async def _claimed(
        self, only: Collection[UUID] | None, excluding: Collection[UUID], limit: int
    ) -> AsyncIterator[list["MemoryClaim"]]:
        ids = self._claimable(only, excluding)[:limit]
        pipelines = [self._pipelines[each] for each in ids]
        claims = [MemoryClaim(*each) for each in zip(ids, pipelines, strict=True)]
        for pipeline in pipelines:
            pipeline.is_claimed = True
        try:
            # An error in the caller's block is raised here and skips the rest, as a rollback would.
            yield claims
            for pipeline, claim in zip(pipelines, claims, strict=True):
                self._commit(pipeline, claim)
        finally:
            for pipeline in pipelines:
                pipeline.is_claimed = False

    @asynccontextmanager
    async def claim_mending(
        self, now: datetime, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator["MemoryMendingClaim | None"]:
        """See `Projections.claim_mending`."""
        pipeline_id = self._mendable(now, excluding)
        if pipeline_id is None:
            yield None
            return
        pipeline = self._pipelines[pipeline_id]
        claim = MemoryMendingClaim(pipeline_id, pipeline)
        pipeline.is_claimed = True
        try:
            yield claim
            pipeline.mend_at, pipeline.rows = claim.mend_at, claim.rows
            pipeline.reported = claim.reported
            pipeline.note_findings()
        finally:
            pipeline.is_claimed = False

    def _mendable(self, now: datetime, excluding: Collection[UUID]) -> UUID | None:
        due = {
            pipeline_id: pipeline.mend_at
            for pipeline_id, pipeline in self._pipelines.items()
            if pipeline.mend_at is not None
            and pipeline.mend_at <= now
            and not (pipeline.is_claimed or pipeline.is_dirty)
            and pipeline_id not in excluding
        }
        return min(due, key=due.__getitem__, default=None)

    async def user_names(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """See `Projections.user_names`."""
        return {each: self._users[each].name for each in user_ids if each in self._users}

    async def first_diagnostics(self, pipeline_id: UUID, limit: int) -> list[Diagnostic]:
        """See `DiagnosticsReader`."""
        pipeline = self._pipelines.get(pipeline_id)
        found = pipeline.rows.diagnostics.values() if pipeline else ()
        return sorted(found, key=lambda each: (each.severity, each))[:limit]

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

    def _claimable(self, only: Collection[UUID] | None, excluding: Collection[UUID]) -> list[UUID]:
        candidates = {
            pipeline_id: pipeline.projected
            for pipeline_id, pipeline in self._pipelines.items()
            if pipeline.is_dirty
            and not pipeline.is_claimed
            and (only is None or pipeline_id in only)
            and pipeline_id not in excluding
        }
        return sorted(candidates, key=candidates.__getitem__)

    def _commit(self, pipeline: MemoryPipeline, claim: "MemoryClaim") -> None:
        after = pipeline.cursor
        if claim.cursor != pipeline.cursor:
            pipeline.projected = next(self._turns)
            if pipeline.unsaved_from is None:
                pipeline.unsaved_from = pipeline.cursor + 1
        pipeline.rows, pipeline.cursor = claim.rows, claim.cursor
        pipeline.mend_at = claim.mend_at
        pipeline.note_findings()
        if claim.was_applied:
            self.announcements.announce(
                Projected(
                    claim.pipeline_id,
                    claim.cursor,
                    diagnostics=claim.holds_diagnostics_anew,
                    after=after,
                    transaction_id=next(self._turns) if claim.has_changed else None,
                )
            )


class MemoryClaim:
    """A `Claim` with rows of its own, which become the pipeline's when it ends without an error."""

    def __init__(self, pipeline_id: UUID, pipeline: MemoryPipeline) -> None:
        self._pipeline_id = pipeline_id
        self._cursor, self._rows = pipeline.cursor, pipeline.rows
        self.mend_at, self.reported = pipeline.mend_at, pipeline.reported
        self.was_applied = self.holds_diagnostics_anew = self.has_changed = False

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

    async def apply(
        self,
        changes: RowChanges,
        cursor: int,
        mend_at: datetime | None = None,
        *,
        holds_diagnostics_anew: bool = False,
    ) -> None:
        """See `Claim.apply`. Raises StoreError when the rows break a constraint of the tables."""
        self._rows = changed(self._rows, changes)
        self._cursor, self.mend_at = cursor, mend_at
        self.was_applied, self.holds_diagnostics_anew = True, holds_diagnostics_anew
        self.has_changed = self.has_changed or bool(changes)


class MemoryBatchClaim:
    """A `BatchClaim` made of claims, which end together."""

    def __init__(self, claims: Sequence[MemoryClaim]) -> None:
        self._claims = {claim.pipeline_id: claim for claim in claims}
        self.documents = [
            Lagging(each.pipeline_id, each.cursor, each.mend_at, each.reported) for each in claims
        ]

    async def apply(self, projections: Sequence[Projection]) -> None:
        """See `BatchClaim.apply`. Raises StoreError when rows break a constraint of the tables."""
        for each in projections:
            await self._claims[each.pipeline_id].apply(
                each.changes,
                each.cursor,
                each.mend_at,
                holds_diagnostics_anew=each.holds_diagnostics_anew,
            )


class MemoryMendingClaim:
    """A `MendingClaim` whose note becomes the pipeline's when it ends without an error."""

    def __init__(self, pipeline_id: UUID, pipeline: MemoryPipeline) -> None:
        self.pipeline_id, self.cursor = pipeline_id, pipeline.cursor
        self.mend_at, self.reported = pipeline.mend_at, pipeline.reported
        self.rows, self._found_at = pipeline.rows, pipeline.found_at

    async def diagnostics(self) -> list[Diagnostic]:
        """See `MendingClaim.diagnostics`."""
        return [*self.rows.diagnostics.values()]

    async def found_at(self) -> dict[tuple[str, str], datetime]:
        """See `MendingClaim.found_at`."""
        return dict(self._found_at)

    async def rewrite(
        self, written: Sequence[Diagnostic], removed: Collection[tuple[str, str]], reported: int
    ) -> None:
        """See `MendingClaim.rewrite`."""
        self.reported = max(self.reported, reported)
        changes = RowChanges(diagnostics=written, removed_diagnostics=[*removed])
        self.rows = changed(self.rows, changes)

    async def mend_again(self, at: datetime | None) -> None:
        """See `MendingClaim.mend_again`."""
        self.mend_at = at
