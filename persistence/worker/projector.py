"""What to write so that the tables hold what they should: pure, for workers that start cold."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from crdt.pipeline.json_values import same_row
from crdt.pipeline.rows import ConnectionRow, Diagnostic, RowChanges, Rows, StepRow

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", StepRow, ConnectionRow, Diagnostic)


def difference(held: Rows, wanted: Rows) -> RowChanges:
    """Return the changes that turn the rows held into those wanted, and nothing else.

    Values are compared as JSON values: 1 is 1.0, True is not 1. Without a wanted pipeline row the
    one held stays.
    """
    same_header = same_row(held.pipeline, wanted.pipeline)
    return RowChanges(
        pipeline=None if same_header else wanted.pipeline,
        steps=_written(held.steps, wanted.steps),
        removed_steps=_removed(held.steps, wanted.steps),
        connections=_written(held.connections, wanted.connections),
        removed_connections=_removed(held.connections, wanted.connections),
        diagnostics=_written(held.diagnostics, wanted.diagnostics),
        removed_diagnostics=_removed(held.diagnostics, wanted.diagnostics),
    )


def _written(held: Mapping[K, R], wanted: Mapping[K, R]) -> list[R]:
    return [row for key, row in wanted.items() if not same_row(held.get(key), row)]


def _removed(held: Mapping[K, R], wanted: Mapping[K, R]) -> list[K]:
    return [key for key in held if key not in wanted]
