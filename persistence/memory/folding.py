"""Folding logs in memory: the twin of `persistence/postgres/folding.py`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from crdt.validation.diagnostics import Code
from persistence.ports.folding import FoldableLog
from persistence.ports.update_log import LoggedUpdate

from .tables import MemoryPipeline, MemoryTables


class MemoryLogFolding(MemoryTables):
    """`LogFolding` over the shared state."""

    async def next_foldable(
        self,
        before: datetime,
        after: UUID | None = None,
        *,
        excluding: Collection[UUID] = (),
        only: UUID | None = None,
    ) -> FoldableLog | None:
        """See `LogFolding.next_foldable`."""
        for each in sorted(self._pipelines):
            is_asked = (after is None or each > after) and only in (None, each)
            if is_asked and each not in excluding:
                found = _foldable(each, self._pipelines[each], before)
                if found is not None:
                    return found
        return None

    async def fold(
        self, log: FoldableLog, until: int, merged: Sequence[LoggedUpdate], saved_bytes: int
    ) -> bool:
        """See `LogFolding.fold`."""
        pipeline = self._pipelines.get(log.pipeline_id)
        if pipeline is None or pipeline.folded != log.folded:
            return False
        for each in merged:
            kept = [one for one in pipeline.log if not each.first_seq <= one.seq <= each.seq]
            pipeline.log = sorted([*kept, each], key=lambda one: one.seq)
        pipeline.folded = until
        pipeline.folded_bytes += saved_bytes
        return True

    async def give_back(self) -> None:
        """See `LogFolding.give_back`."""


def _foldable(pipeline_id: UUID, pipeline: MemoryPipeline, before: datetime) -> FoldableLog | None:
    if any(code == Code.UNDECODABLE_UPDATE for code, _ in pipeline.rows.diagnostics):
        return None
    young = (each for each in pipeline.after(pipeline.folded) if each.received_at >= before)
    until = pipeline.cursor
    if (first := next(young, None)) is not None:
        until = min(until, first.first_seq - 1)
    versions = [each.info.seq for each in pipeline.versions]
    if until <= pipeline.folded:
        return None
    return FoldableLog(
        pipeline_id,
        pipeline.folded,
        until,
        [seq for seq in versions if seq > pipeline.folded],
    )
