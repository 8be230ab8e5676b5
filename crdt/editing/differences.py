"""Compares two states of one pipeline field by field, for people to read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from crdt.document.schema import connection_fields, settings_fields, step_fields
from crdt.pipeline.json_values import same
from crdt.pipeline.model import (
    MISSING,
    Connection,
    Json,
    JsonMap,
    Missing,
    Pipeline,
    PipelineSettings,
    Step,
)
from crdt.pipeline.placement import children_of
from crdt.pipeline.reordering import moved
from crdt.yaml.source import pointer_to

Kind: TypeAlias = Literal["added", "removed", "changed"]

_NOT_COMPARED: Final = frozenset({"source", "order"})
"""Fields that are not shown.

`source` is about the way a YAML file was written. `order` means something only beside the orders of
other steps, so a move is shown as a change of the place in the list.
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; `path` is an RFC 6901 pointer from the root of the entry.

    `before` is None for a value that was added, and `after` for one that was removed.
    """

    path: str
    kind: Kind
    before: Json = None
    after: Json = None


@dataclass(frozen=True, slots=True)
class EntryChange:
    """A step or a connection that differs; `changes` is empty if it was added or removed."""

    id: str
    kind: Kind
    name: str | None = None
    changes: Sequence[Change] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two states of a pipeline."""

    settings: Sequence[Change] = ()
    steps: Sequence[EntryChange] = field(default_factory=list)
    connections: Sequence[EntryChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.settings or self.steps or self.connections)


def difference(one: Pipeline, other: Pipeline) -> Difference:
    """Return what changed from `one` state to the `other`.

    A move shows as a changed `/order_index`: the place of the step in its list, counted from 0. The
    places of its neighbours change as well, but only the fewest steps whose moves explain the new
    order are shown as moved.
    """
    moved = _moved(one, other)
    steps = [
        _entry(
            id_,
            _fields(one.steps.get(id_)),
            _fields(other.steps.get(id_)),
            moved.get(id_, ()),
        )
        for id_ in _ids(one.steps, other.steps)
    ]
    connections = [
        _entry(
            id_,
            _ends_and_path(one.connections.get(id_)),
            _ends_and_path(other.connections.get(id_)),
        )
        for id_ in _ids(one.connections, other.connections)
    ]
    return Difference(
        [*_settings_changes(one.settings, other.settings)],
        [entry for entry in steps if entry],
        [entry for entry in connections if entry],
    )


def _settings_changes(one: PipelineSettings, other: PipelineSettings) -> Iterator[Change]:
    return _changes(_compared(settings_fields(one)), _compared(settings_fields(other)))


def _ids(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return [*other, *(id_ for id_ in one if id_ not in other)]


def _fields(step: Step | None) -> JsonMap | None:
    return None if step is None else _compared(step_fields(step))


def _ends_and_path(connection: Connection | None) -> JsonMap | None:
    return None if connection is None else connection_fields(connection)


def _compared(fields: JsonMap) -> dict[str, Json]:
    return {key: value for key, value in fields.items() if key not in _NOT_COMPARED}


def _entry(
    id_: str, before: JsonMap | None, after: JsonMap | None, moved: Sequence[Change] = ()
) -> EntryChange | None:
    name = (after or before or {}).get("name")
    name = name if isinstance(name, str) else None
    if before is None:
        return EntryChange(id_, "added", name)
    if after is None:
        return EntryChange(id_, "removed", name)
    changes = [*_changes(before, after), *moved]
    return EntryChange(id_, "changed", name, changes) if changes else None


def _changes(before: "Json | Missing", after: "Json | Missing", path: str = "") -> Iterator[Change]:
    match before, after:
        case Missing(), _:
            yield Change(path, "added", after=None if after is MISSING else after)
        case _, Missing():
            yield Change(path, "removed", before)
        case Mapping(), Mapping():
            for key in _ids(before, after):
                inner = pointer_to(path, key)
                yield from _changes(before.get(key, MISSING), after.get(key, MISSING), inner)
        case (list() | tuple(), list() | tuple()) if len(before) == len(after):
            for index, (was, is_) in enumerate(zip(before, after, strict=True)):
                yield from _changes(was, is_, f"{path}/{index}")
        case _ if not same(before, after):
            yield Change(path, "changed", before, after)


def _moved(one: Pipeline, other: Pipeline) -> dict[str, list[Change]]:
    """Return the steps that moved within their list."""
    was = {step.id: index for line in _lines(one) for index, step in enumerate(line)}
    changes = {}
    for line in _lines(other):
        stayed = [step for step in line if _stays(one.steps.get(step.id), step)]
        index = {step.id: place for place, step in enumerate(line)}
        # Any texts that ascend as the old places do will serve as orders here.
        for id_ in moved([(step.id, f"{was[step.id]:08}") for step in stayed]):
            changes[id_] = [Change("/order_index", "changed", was[id_], index[id_])]
    return changes


def _lines(pipeline: Pipeline) -> Iterator[list[Step]]:
    for slots in children_of(pipeline.steps).values():
        yield from slots.values()


def _stays(before: Step | None, after: Step) -> bool:
    return before is not None and (before.parent_step_id, before.slot) == (
        after.parent_step_id,
        after.slot,
    )
