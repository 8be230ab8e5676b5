"""The constraints of the pipeline tables in `sql/schema.sql`, for the store in memory.

Contract tests assert that both stores refuse the same rows with the same errors.
"""

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Final, TypeVar
from uuid import UUID

from crdt.pipeline.fields import STATUSES
from crdt.pipeline.rows import (
    STEP_TYPES,
    UNSUPPORTED,
    ConnectionRow,
    Diagnostic,
    PipelineRow,
    RowChanges,
    Rows,
    StepPosition,
    StepRow,
)
from persistence.errors import Conflict, InvalidValue, UnknownSubject

SEVERITIES: Final = frozenset({"error", "warning"})

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def changed(rows: Rows, changes: RowChanges) -> Rows:
    """Return the rows after the changes; the given rows stay as they are.

    As in the tables, deleting a step deletes its children and its connections. Constraints are
    checked on the result as a whole, since PostgreSQL checks them at the commit. Raises
    InvalidValue, UnknownSubject or Conflict, which are StoreErrors, for a broken constraint.
    """
    steps = dict(rows.steps) | {step.id: step for step in changes.steps}
    steps |= {each.id: _moved(steps[each.id], each) for each in changes.moved_steps}
    # Upserts come before deletions, as in the statements on PostgreSQL: a step that moved out of a
    # deleted parent must not be deleted with it.
    connections = dict(rows.connections) | {link.id: link for link in changes.connections}
    connections = _without(connections, changes.removed_connections)
    kept = _without(steps, _with_descendants(steps, changes.removed_steps))
    diagnostics = dict(rows.diagnostics) | {(d.code, d.subject): d for d in changes.diagnostics}
    after = Rows(
        pipeline=changes.pipeline or rows.pipeline,
        steps=kept,
        connections=_without(connections, _orphaned(connections, steps.keys() - kept.keys())),
        diagnostics=_without(diagnostics, changes.removed_diagnostics),
    )
    check(after)
    return after


def _moved(row: StepRow, place: StepPosition) -> StepRow:
    return replace(row, **{each.name: getattr(place, each.name) for each in fields(place)})


def check(rows: Rows) -> None:
    """Raise StoreError unless the tables could hold these rows."""
    if rows.pipeline is not None:
        check_pipeline(rows.pipeline)
    for step in rows.steps.values():
        _check_step(step, rows.steps)
    for connection in rows.connections.values():
        _check_connection(connection, rows.steps)
    for diagnostic in rows.diagnostics.values():
        _check_diagnostic(diagnostic)
    _check_unique("step name", rows.steps.values(), _scope)
    _check_unique("connection", rows.connections.values(), _edge)


def check_pipeline(row: PipelineRow) -> None:
    """Raise StoreError unless the table `pipelines` could hold this row."""
    _check_storable(row)
    _check_one_of("status", row.status, STATUSES)


def _check_step(step: StepRow, steps: Mapping[UUID, StepRow]) -> None:
    _check_storable(step)
    _check_one_of("step type", step.type, STEP_TYPES | {UNSUPPORTED})
    if step.declared_type is not None and step.type != UNSUPPORTED:
        raise InvalidValue(f"expected no declared type beside {step.type!r}: step {step.id}")
    if step.parent_step_id == step.id:
        raise InvalidValue(f"expected a parent other than the step itself: step {step.id}")
    if step.parent_step_id is not None:
        _check_exists(step.parent_step_id, steps)


def _check_connection(connection: ConnectionRow, steps: Mapping[UUID, StepRow]) -> None:
    _check_storable(connection)
    _check_exists(connection.from_step_id, steps)
    _check_exists(connection.to_step_id, steps)


def _check_diagnostic(diagnostic: Diagnostic) -> None:
    _check_storable(diagnostic)
    _check_one_of("severity", diagnostic.severity, SEVERITIES)


def _check_exists(step_id: UUID, steps: Mapping[UUID, StepRow]) -> None:
    if step_id not in steps:
        raise UnknownSubject(f"expected a step of the same pipeline, got {step_id}")


def _check_one_of(what: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise InvalidValue(f"expected a {what} of {', '.join(sorted(allowed))}, got {value!r}")


def _check_unique(what: str, rows: Iterable[T], key: Callable[[T], Hashable]) -> None:
    seen: set[Hashable] = set()
    for row in rows:
        if key(row) in seen:
            raise Conflict(f"expected every {what} once, got {key(row)} twice")
        seen.add(key(row))


def _scope(step: StepRow) -> Hashable:
    return step.parent_step_id, step.slot, step.name


def _edge(row: ConnectionRow) -> Hashable:
    return row.from_step_id, row.to_step_id, row.from_output, row.to_input


def _check_storable(row: PipelineRow | StepRow | ConnectionRow | Diagnostic) -> None:
    for field in fields(row):
        value = getattr(row, field.name)
        # A column of type double precision holds NaN and infinity; JSON has neither.
        if not isinstance(value, float) and not _is_storable(value):
            raise InvalidValue(
                f"PostgreSQL cannot store this value: {field.name} of {type(row).__name__}"
            )


def _is_storable(value: object) -> bool:
    match value:
        case str():
            return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
        case float():
            return math.isfinite(value)
        case Mapping():
            return all(_is_storable(key) and _is_storable(item) for key, item in value.items())
        case list() | tuple():
            return all(_is_storable(item) for item in value)
        case _:
            return True


def _without(rows: Mapping[K, T], keys: Iterable[K]) -> dict[K, T]:
    gone = set(keys)
    return {key: row for key, row in rows.items() if key not in gone}


def _with_descendants(steps: Mapping[UUID, StepRow], removed: Iterable[UUID]) -> set[UUID]:
    gone = set(removed)
    while more := {s.id for s in steps.values() if s.parent_step_id in gone} - gone:
        gone |= more
    return gone


def _orphaned(connections: Mapping[UUID, ConnectionRow], gone: Collection[UUID]) -> set[UUID]:
    return {
        row.id for row in connections.values() if row.from_step_id in gone or row.to_step_id in gone
    }
