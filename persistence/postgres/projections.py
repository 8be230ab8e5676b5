"""The pipeline tables on PostgreSQL: rows and their cursor move in one transaction."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

from crdt.pipeline.rows import (
    ConnectionRow,
    Diagnostic,
    PipelineRow,
    RowChanges,
    Rows,
    StepPosition,
    StepRow,
)
from persistence.ports.projections import ProjectionLag
from persistence.ports.user_rows import Record

from .columns import column_names
from .pool import DatabaseConnection, Pool

MANY_ROWS: Final = 200
"""From so many changed rows on, planning the constraint checks anew pays off."""

MANY_STEPS: Final = 100
"""Pipelines with more steps than this get their search entry beside the projection, a bit later."""

MAX_ANNOUNCED: Final = 50
"""Rows whose times an announcement contains: PostgreSQL refuses payloads of 8,000 bytes."""

Row: TypeAlias = PipelineRow | StepRow | ConnectionRow | Diagnostic


def columns(row: Row) -> list[object]:
    """Return the values of a row in the order of `{columns of …}` in `sql/queries.sql`."""
    return [getattr(row, name) for name in column_names(type(row))]


def _by_column(rows: Sequence[StepPosition]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in column_names(StepPosition)]


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
            row = await transaction.fetchrow("claim_document", wanted, list(excluding))
            yield None if row is None else PostgresClaim(transaction, **row)

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
        seq: int,
        mend_at: datetime | None,
        reported: int,
    ) -> None:
        self._transaction = transaction
        self._pipeline_id = pipeline_id
        self._cursor = seq
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
        if changes:
            # Upserts come first: deleting a step takes along the children it still has.
            await self._upsert(changes)
            await self._delete(changes)
            await self._execute("touch_pipeline")
            await self._check(changes)
            await self._refresh_search(changes)
        await self._move_cursor(changes, cursor, mend_at, holds_diagnostics_anew)
        self._cursor, self._mend_at = cursor, mend_at

    async def _move_cursor(
        self,
        changes: RowChanges,
        cursor: int,
        mend_at: datetime | None,
        holds_diagnostics_anew: bool,
    ) -> None:
        """Move the cursor and announce it; PostgreSQL notifies when the transaction commits."""
        steps = [row.id for row in changes.steps] + [row.id for row in changes.moved_steps]
        connections = [row.id for row in changes.connections]
        if len(steps) + len(connections) > MAX_ANNOUNCED:
            steps, connections = [], []
        await self._execute(
            "move_cursor", cursor, steps, connections, mend_at, holds_diagnostics_anew
        )

    async def _check(self, changes: RowChanges) -> None:
        if len(changes) > MANY_ROWS:
            # PostgreSQL keeps the plan of a foreign-key check for the life of a connection. One
            # made while the table was all but empty reads all siblings for each row.
            await self._transaction.execute("discard_plans")
        await self._transaction.execute("check_constraints")

    async def _refresh_search(self, changes: RowChanges) -> None:
        """Let the next search find what is written here, unless that would take long."""
        if len(changes) <= MANY_ROWS and (changes.steps or changes.removed_steps):
            await self._execute("refresh_own_search", MANY_STEPS)

    async def _held_pipeline(self) -> PipelineRow | None:
        rows = await self._fetch("stored_pipeline")
        return next((PipelineRow(**{**row, "tags": tuple(row["tags"])}) for row in rows), None)

    async def _upsert(self, changes: RowChanges) -> None:
        if changes.pipeline:
            await self._execute("update_pipeline", *columns(changes.pipeline))
        await self._write("upsert_step", changes.steps)
        if changes.moved_steps:
            await self._execute("move_steps", *_by_column(changes.moved_steps))
        await self._write("upsert_connection", changes.connections)
        await self._write("upsert_diagnostic", changes.diagnostics)

    async def _delete(self, changes: RowChanges) -> None:
        if changes.removed_connections:
            await self._execute("delete_connections", changes.removed_connections)
        if changes.removed_steps:
            await self._execute("delete_steps", changes.removed_steps)
        if changes.removed_diagnostics:
            codes, subjects = zip(*changes.removed_diagnostics, strict=True)
            await self._execute("delete_diagnostics", codes, subjects)

    async def _fetch(self, name: str) -> Sequence[Record]:
        return await self._transaction.fetch(name, self._pipeline_id)

    async def _execute(self, name: str, *args: object) -> None:
        await self._transaction.execute(name, self._pipeline_id, *args)

    async def _write(self, name: str, rows: Iterable[Row]) -> None:
        values = [(self._pipeline_id, *columns(row)) for row in rows]
        if values:
            await self._transaction.executemany(name, values)


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
        if values := [(self.pipeline_id, *columns(each)) for each in written]:
            await self._transaction.executemany("upsert_diagnostic", values)
        if removed:
            codes, subjects = zip(*removed, strict=True)
            await self._transaction.execute("delete_diagnostics", self.pipeline_id, codes, subjects)

    async def mend_again(self, at: datetime | None) -> None:
        """See `MendingClaim.mend_again`."""
        await self._transaction.execute("set_mend_at", self.pipeline_id, at)
