"""The pipeline tables on PostgreSQL: rows and their cursor move in one transaction."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from crdt.pipeline.rows import ConnectionRow, Diagnostic, PipelineRow, RowChanges, Rows, StepRow
from persistence.ports.projections import Lagging, Projection, ProjectionLag
from persistence.ports.user_rows import Record

from .pool import DatabaseConnection, Pool
from .row_writes import RowWriter


class PostgresProjections:
    """`Projections` and readers: pipelines, steps, connections, pipeline_diagnostics."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator["PostgresClaim | None"]:
        """See `Projections.claim`."""
        wanted = None if only is None else list(only)
        async with self._pool.transaction() as transaction:
            row = await transaction.fetchrow("claim_documents", wanted, list(excluding), 1)
            yield None if row is None else PostgresClaim(transaction, **row)

    @asynccontextmanager
    async def claim_many(
        self,
        limit: int,
        only: Collection[UUID] | None = None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AsyncIterator["PostgresBatchClaim"]:
        """See `Projections.claim_many`."""
        wanted = None if only is None else list(only)
        async with self._pool.transaction() as transaction:
            rows = await transaction.fetch("claim_documents", wanted, list(excluding), limit)
            yield PostgresBatchClaim(transaction, [Lagging(**row) for row in rows])

    @asynccontextmanager
    async def claim_mending(
        self, now: datetime, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator["PostgresMendingClaim | None"]:
        """See `Projections.claim_mending`."""
        async with self._pool.transaction() as transaction:
            row = await transaction.fetchrow("claim_mending", now, list(excluding))
            yield None if row is None else PostgresMendingClaim(transaction, **row)

    async def refresh_search(self) -> bool:
        """See `Projections.refresh_search`."""
        return await self._pool.fetchval("refresh_any_search") is not None

    async def user_names(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """See `Projections.user_names`."""
        rows = await self._pool.fetch("user_names", list(user_ids))
        return {row["id"]: row["name"] for row in rows}

    async def first_diagnostics(self, pipeline_id: UUID, limit: int) -> list[Diagnostic]:
        """See `DiagnosticsReader`."""
        rows = await self._pool.fetch("first_diagnostics", pipeline_id, limit)
        return [Diagnostic(**row) for row in rows]

    async def lag(self) -> ProjectionLag:
        """See `ProjectionLagReader.lag`."""
        (row,) = await self._pool.fetch("projection_lag")
        return ProjectionLag(**row)


class PostgresClaim:
    """`Claim` held by a lock on the pipeline's row in projection_cursors."""

    def __init__(
        self,
        transaction: DatabaseConnection,
        pipeline_id: UUID,
        cursor: int,
        mend_at: datetime | None,
        reported: int,
    ) -> None:
        self._transaction = transaction
        self._pipeline_id = pipeline_id
        self._cursor = cursor
        self._mend_at = mend_at
        self.reported = reported

    @property
    def pipeline_id(self) -> UUID:
        """The pipeline that nobody else projects meanwhile."""
        return self._pipeline_id

    @property
    def cursor(self) -> int:
        """The last update that the rows contain."""
        return self._cursor

    @property
    def mend_at(self) -> datetime | None:
        """When the document is to be mended."""
        return self._mend_at

    async def stored_rows(self) -> Rows:
        """See `Claim.stored_rows`."""
        steps = [StepRow(**row) for row in await self._fetch("stored_steps")]
        connections = [ConnectionRow(**row) for row in await self._fetch("stored_connections")]
        diagnostics = [Diagnostic(**row) for row in await self._fetch("stored_diagnostics")]
        return Rows(
            pipeline=await self._held_pipeline(),
            steps={step.id: step for step in steps},
            connections={connection.id: connection for connection in connections},
            diagnostics={(entry.code, entry.subject): entry for entry in diagnostics},
        )

    async def apply(
        self,
        changes: RowChanges,
        cursor: int,
        mend_at: datetime | None = None,
        *,
        holds_diagnostics_anew: bool = False,
    ) -> None:
        """See `Claim.apply`. Raises StoreError when the rows break a constraint of the tables."""
        made = Projection(self._pipeline_id, changes, cursor, mend_at, holds_diagnostics_anew)
        await RowWriter(self._transaction).write([made], {self._pipeline_id: self._cursor})
        self._cursor, self._mend_at = cursor, mend_at

    async def _held_pipeline(self) -> PipelineRow | None:
        rows = await self._fetch("stored_pipeline")
        return next((PipelineRow(**{**row, "tags": tuple(row["tags"])}) for row in rows), None)

    async def _fetch(self, name: str) -> Sequence[Record]:
        return await self._transaction.fetch(name, self._pipeline_id)


class PostgresBatchClaim:
    """`BatchClaim` held by locks on the pipelines' rows in projection_cursors."""

    def __init__(self, transaction: DatabaseConnection, documents: Sequence[Lagging]) -> None:
        self._transaction = transaction
        self.documents = documents

    async def apply(self, projections: Sequence[Projection]) -> None:
        """See `BatchClaim.apply`. Raises StoreError when rows break a constraint of the tables."""
        cursors = {each.pipeline_id: each.cursor for each in self.documents}
        await RowWriter(self._transaction).write(projections, cursors)


class PostgresMendingClaim:
    """`MendingClaim` held by a lock on the pipeline's row in projection_cursors."""

    def __init__(
        self, transaction: DatabaseConnection, pipeline_id: UUID, seq: int, reported: int
    ) -> None:
        self._transaction = transaction
        self.pipeline_id, self.cursor, self.reported = pipeline_id, seq, reported

    async def diagnostics(self) -> list[Diagnostic]:
        """See `MendingClaim.diagnostics`."""
        rows = await self._transaction.fetch("stored_diagnostics", self.pipeline_id)
        return [Diagnostic(**row) for row in rows]

    async def found_at(self) -> dict[tuple[str, str], datetime]:
        """See `MendingClaim.found_at`."""
        rows = await self._transaction.fetch("found_at", self.pipeline_id)
        return {(row["code"], row["subject"]): row["found_at"] for row in rows}

    async def rewrite(
        self, written: Sequence[Diagnostic], removed: Collection[tuple[str, str]], reported: int
    ) -> None:
        """See `MendingClaim.rewrite`."""
        await self._transaction.execute("set_reported", self.pipeline_id, reported)
        writer = RowWriter(self._transaction)
        await writer.write_diagnostics(self.pipeline_id, written)
        await writer.delete_diagnostics(self.pipeline_id, [*removed])

    async def mend_again(self, at: datetime | None) -> None:
        """See `MendingClaim.mend_again`."""
        await self._transaction.execute("set_mend_at", self.pipeline_id, at)
