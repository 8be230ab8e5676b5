"""What an operator does with a damaged log, on PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

from .pool import Pool


class PostgresLogRepair:
    """`LogRepair` over pipeline_documents, pipeline_states, pipeline_diagnostics."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def document_ids(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        """See `LogRepair.document_ids`."""
        rows = await self._pool.fetch("document_ids", after, limit)
        return [row["pipeline_id"] for row in rows]

    async def drop_state(self, pipeline_id: UUID) -> None:
        """See `LogRepair.drop_state`."""
        await self._pool.execute("drop_state", pipeline_id)

    async def forget_damage(self, pipeline_id: UUID, code: str) -> None:
        """See `LogRepair.forget_damage`."""
        await self._pool.execute("forget_damage", pipeline_id, code)
