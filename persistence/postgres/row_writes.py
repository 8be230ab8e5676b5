"""Writes the rows of projections, of one document or of many: one statement for each table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from crdt.pipeline.json_values import JsonText
from crdt.pipeline.rows import ConnectionRow, Diagnostic, RowChanges, StepPosition, StepRow
from persistence.errors import InvalidValue
from persistence.ports.projections import Projection

from .columns import Row, columns, json_columns
from .pool import DatabaseConnection

MANY_ROWS: Final = 200
"""From so many changed rows of one document on, planning the constraint checks anew pays off."""

MANY_STEPS: Final = 100
"""Pipelines with more steps than this get their search entry beside the projection, a bit later."""

MAX_ANNOUNCED: Final = 50
"""Rows whose times an announcement contains: PostgreSQL refuses payloads of 8,000 bytes."""

ROWS_AT_ONCE: Final = 1000
"""Rows in one statement: they are in memory here and there."""

Owned: TypeAlias = tuple[UUID, Row]
"""A row with its pipeline."""


class RowWriter:
    """Writes rows and moves cursors in a transaction that has claimed their pipelines."""

    def __init__(self, transaction: DatabaseConnection) -> None:
        self._transaction = transaction

    async def write(self, projections: Sequence[Projection], cursors: Mapping[UUID, int]) -> None:
        """Write what has changed since the `cursors`, which are by pipeline.

        Raises StoreError when the rows break a constraint.
        """
        if changed := [each for each in projections if each.changes]:
            # Upserts come first: deleting a step takes along the children it still has.
            await self._upsert(changed)
            await self._delete(changed)
            await self._execute("touch_pipelines", [each.pipeline_id for each in changed])
            await self._check(changed)
            await self._refresh_search(changed)
        await self._move_cursors(projections, cursors)

    async def write_diagnostics(self, pipeline_id: UUID, rows: Sequence[Diagnostic]) -> None:
        """Write diagnostics of one pipeline; of several with one code and subject, the last."""
        # One statement cannot write a row twice.
        last = {(row.code, row.subject): row for row in rows}
        await self._write("upsert_diagnostics", [(pipeline_id, row) for row in last.values()])

    async def delete_diagnostics(
        self, pipeline_id: UUID, findings: Sequence[tuple[str, str]]
    ) -> None:
        """Delete diagnostics of one pipeline by code and subject."""
        if findings:
            codes, subjects = zip(*findings, strict=True)
            await self._execute("delete_diagnostics", pipeline_id, codes, subjects)

    async def _upsert(self, changed: Sequence[Projection]) -> None:
        for each in changed:
            if header := each.changes.pipeline:
                await self._execute("update_pipeline", each.pipeline_id, *columns(header))
        await self._write("upsert_steps", [*_owned(changed, "steps")])
        await self._write("move_steps", [*_owned(changed, "moved_steps")])
        await self._write("upsert_connections", [*_owned(changed, "connections")])
        await self._write("upsert_diagnostics", [*_owned(changed, "diagnostics")])

    async def _delete(self, changed: Sequence[Projection]) -> None:
        for each in changed:
            changes, pipeline_id = each.changes, each.pipeline_id
            if changes.removed_connections:
                removed = changes.removed_connections
                await self._execute("delete_connections", pipeline_id, removed)
            if changes.removed_steps:
                await self._execute("delete_steps", pipeline_id, changes.removed_steps)
            await self.delete_diagnostics(pipeline_id, changes.removed_diagnostics)

    async def _check(self, changed: Sequence[Projection]) -> None:
        if any(len(each.changes) > MANY_ROWS for each in changed):
            # PostgreSQL keeps the plan of a foreign-key check for the life of a connection. One
            # made while the table was all but empty reads all siblings for each row.
            await self._execute("discard_plans")
        await self._execute("check_constraints")

    async def _refresh_search(self, changed: Sequence[Projection]) -> None:
        """Let the next search find what is written here, unless that would take long."""
        if found := [each.pipeline_id for each in changed if _is_soon_found(each.changes)]:
            await self._execute("refresh_own_search", found, MANY_STEPS)

    async def _move_cursors(
        self, projections: Sequence[Projection], cursors: Mapping[UUID, int]
    ) -> None:
        """Move the cursors and announce it; PostgreSQL notifies when the transaction commits."""
        moves = [
            (
                each.pipeline_id,
                each.cursor,
                each.mend_at,
                each.holds_diagnostics_anew,
                *_announced(each.changes),
                bool(each.changes),
                cursors[each.pipeline_id],
            )
            for each in projections
        ]
        if moves:
            await self._execute("move_cursors", *map(list, zip(*moves, strict=True)))

    async def _write(self, name: str, rows: Sequence[Owned]) -> None:
        for at in range(0, len(rows), ROWS_AT_ONCE):
            pipeline_ids, some = zip(*rows[at : at + ROWS_AT_ONCE], strict=True)
            await self._execute(name, pipeline_ids, *_arrays(some))

    async def _execute(self, name: str, *args: object) -> None:
        await self._transaction.execute(name, *args)


def _owned(changed: Sequence[Projection], table: str) -> Iterator[Owned]:
    for each in changed:
        for row in getattr(each.changes, table):
            yield each.pipeline_id, row


def _is_soon_found(changes: RowChanges) -> bool:
    return len(changes) <= MANY_ROWS and bool(changes.steps or changes.removed_steps)


def _announced(changes: RowChanges) -> tuple[str, str]:
    """Return the ids of the steps and connections whose times are announced, as two arrays."""
    steps: list[StepRow | StepPosition] = [*changes.steps, *changes.moved_steps]
    if len(steps) + len(changes.connections) > MAX_ANNOUNCED:
        return "{}", "{}"
    return _id_array(steps), _id_array(changes.connections)


def _id_array(rows: Sequence[StepRow | StepPosition] | Sequence[ConnectionRow]) -> str:
    return "{" + ",".join(str(row.id) for row in rows) + "}"


def _arrays(rows: Sequence[Row]) -> list[list[object]]:
    """Return the values of rows of one table, each column as an array."""
    arrays = [list(column) for column in zip(*map(columns, rows), strict=True)]
    for place in json_columns(rows[0]):
        arrays[place] = [*map(_element, arrays[place])]
    return arrays


def _element(value: object) -> object:
    """Return JSON as an element of an array: a list would make that one of two dimensions."""
    if not isinstance(value, list | tuple):
        return value
    try:
        return JsonText.of(value)
    except ValueError as error:
        raise InvalidValue(f"PostgreSQL cannot store this value: {error}") from error
