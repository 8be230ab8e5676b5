"""Folding logs on PostgreSQL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from crdt.validation.diagnostics import Code
from persistence.ports.folding import FoldableLog
from persistence.ports.update_log import LoggedUpdate

from .pool import Pool


class PostgresLogFolding:
    """`LogFolding` over pipeline_updates, projection_cursors: each verb is one statement."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def next_foldable(
        self,
        before: datetime,
        after: UUID | None = None,
        *,
        excluding: Collection[UUID] = (),
        only: UUID | None = None,
    ) -> FoldableLog | None:
        """See `LogFolding.next_foldable`."""
        damage = Code.UNDECODABLE_UPDATE.value
        row = await self._pool.fetchrow("foldable_log", before, after, [*excluding], damage, only)
        if row is None:
            return None
        return FoldableLog(row["pipeline_id"], row["folded"], row["until"], row["versions"])

    async def fold(
        self, log: FoldableLog, until: int, merged: Sequence[LoggedUpdate], saved_bytes: int
    ) -> bool:
        """See `LogFolding.fold`."""
        row = await self._pool.fetchrow(
            "fold_updates",
            log.pipeline_id,
            log.folded,
            until,
            saved_bytes,
            [each.first_seq for each in merged],
            [each.seq for each in merged],
            [each.first_received_at for each in merged],
            [each.payload for each in merged],
        )
        return row is not None

    async def give_back(self) -> None:
        """See `LogFolding.give_back`: a plain VACUUM, which locks nobody out."""
        await self._pool.execute("give_back_rows")
