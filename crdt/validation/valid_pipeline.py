"""Any document content, made into rows that satisfy every constraint of the tables.

A CRDT merges edits that each made sense and together do not: two steps of one name, a connection
to a step that somebody deleted, two loops moved into each other. And clients may write anything.
`ValidPipeline` gives every content exactly one set of rows, the same on every node and whatever
way the content came about, with diagnostics for what the rows show otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Final, TypeAlias, TypeVar
from uuid import UUID

from crdt.pipeline.json_values import same_row
from crdt.pipeline.model import Json, JsonMap, Missing
from crdt.pipeline.placement import Standing
from crdt.pipeline.rows import (
    ConnectionRow,
    Diagnostic,
    PipelineRow,
    RowChanges,
    Rows,
    StepPosition,
    StepRow,
)

from .connections import ValidConnections
from .diagnostics import PIPELINE, connection_subject, step_subject
from .entries import connection_entry, position_in, settings_entry, step_entry
from .meaning import Meaning
from .step_tree import StepTree

Entries: TypeAlias = Mapping[str, "Json | Missing"]
"""Values of one root map as read from the document, by key; MISSING for a key that is gone."""

_NO_ENTRIES: Final[Entries] = {}

R = TypeVar("R", StepRow, ConnectionRow)


class Unchanged(Enum):
    """Type of `UNCHANGED`: the settings are what they were."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


@dataclass(slots=True)
class _Draft:
    """Row changes while they are gathered."""

    pipeline: PipelineRow | None = None
    steps: list[StepRow] = field(default_factory=list)
    removed_steps: list[UUID] = field(default_factory=list)
    connections: list[ConnectionRow] = field(default_factory=list)
    removed_connections: list[UUID] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    removed_diagnostics: list[tuple[str, str]] = field(default_factory=list)

    def finished(self) -> RowChanges:
        return RowChanges(**{each.name: getattr(self, each.name) for each in fields(self)})


class ValidPipeline:
    """The rows of one document, kept up to date at the cost of what changes.

    An edit of a step that leaves its name, its place and its parent alone looks at that step only;
    one that moves it looks at the siblings it passes; a parent is followed up to the root. Rows
    depend on nothing but the present content: the way there leaves no trace.

    With a `meaning`, the diagnostics also contain what a runner would hold against the steps.
    """

    def __init__(self, meaning: Meaning | None = None) -> None:
        self._meaning = meaning
        self._step_tree = StepTree()
        self._valid_connections = ValidConnections(self._step_tree)
        self._own: dict[str, tuple[Diagnostic, ...]] = {}
        self._pipeline: PipelineRow | None = None
        self._steps: dict[str, StepRow] = {}
        self._moved: set[str] = set()
        self._connections: dict[str, ConnectionRow] = {}
        self._diagnostics: dict[str, dict[str, Diagnostic]] = {}

    def rows(self) -> Rows:
        """Return all rows; `pipeline` is None until settings have been given."""
        self._renew_moved()
        return Rows(
            pipeline=self._pipeline,
            steps={row.id: row for row in self._steps.values()},
            connections={row.id: row for row in self._connections.values()},
            diagnostics={
                (each.code, each.subject): each
                for by_code in self._diagnostics.values()
                for each in by_code.values()
            },
        )

    def diagnostics(self) -> list[Diagnostic]:
        """Return all diagnostics; the cost follows their number."""
        found = self._diagnostics.values()
        return [each for by_code in found for each in by_code.values()]

    def step(self, key: str) -> StepRow | None:
        """Return the row of a step, None if it has none."""
        self._renew_moved()
        return self._steps.get(key)

    def connection(self, key: str) -> ConnectionRow | None:
        """Return the row of a connection, None if it has none."""
        return self._connections.get(key)

    def siblings(self, key: str) -> list[Standing]:
        """Return the orders and keys of a step's slot, in line. Raises KeyError without a row."""
        return self._step_tree.siblings(key)

    def settings(self) -> PipelineRow:
        """Return the pipeline's own row. Raises LookupError until settings have been given."""
        if self._pipeline is None:
            raise LookupError("expected settings to have been given, got none so far")
        return self._pipeline

    def update(
        self,
        *,
        settings: "Json | Unchanged" = UNCHANGED,
        steps: Entries = _NO_ENTRIES,
        connections: Entries = _NO_ENTRIES,
    ) -> RowChanges:
        """Take what has changed in the document; return what changes in the tables, by key."""
        draft = _Draft()
        self._renew_moved()
        if settings is not UNCHANGED:
            self._take_settings(settings, draft)
        existed = {key for key in steps if key in self._step_tree}
        concerned_steps = self._take_steps(steps)
        for key in sorted(concerned_steps):
            _put(self._steps, key, self._step_tree.row(key), draft.steps, draft.removed_steps)
        exist = {key for key in steps if key in self._step_tree}
        concerned = self._take_connections(connections) | self._valid_connections.at_steps(
            existed ^ exist
        )
        for key in sorted(concerned):
            self._put_connection(key, draft)
        for key in sorted(concerned_steps | self._meant_anew(concerned_steps, concerned)):
            self._report_step(key, draft)
        return draft.finished()

    def move(self, key: str, position: JsonMap) -> Sequence[StepPosition] | None:
        """Take the position of a step of which nothing else has changed.

        Returns what changes in the tables: one row, or none. This is the short way of `update`,
        which looks at no other field and no other step. Returns None where that must be asked:
        there is no row, or something to say about what the step itself holds.
        """
        if key not in self._steps or (self._own and step_subject(key) in self._own):
            return None
        found = position_in(position)
        if found is None:
            return None
        moved = self._step_tree.move(key, found)
        if moved is None:
            return ()
        self._moved.add(key)
        return (StepPosition(moved, *found),)

    def _renew_moved(self) -> None:
        """Make the rows of moved steps anew, which nobody has asked for until now."""
        while self._moved:
            key = self._moved.pop()
            if (row := self._step_tree.row(key)) is not None:
                self._steps[key] = row

    def _meant_anew(self, steps: set[str], connections: set[str]) -> set[str]:
        """Return the steps whose meaning may have changed with these steps and connections."""
        if self._meaning is None:
            return set()
        return self._meaning.update(
            {key: self._step_tree.meant(key) for key in steps},
            {key: self._link(key) for key in connections},
        )

    def _link(self, key: str) -> tuple[str, str] | None:
        row = self._connections.get(key)
        return None if row is None else (str(row.from_step_id), str(row.to_step_id))

    def _take_settings(self, raw: Json, draft: _Draft) -> None:
        entry = settings_entry(raw)
        if not same_row(self._pipeline, entry.value):
            self._pipeline = draft.pipeline = entry.value
        self._report(PIPELINE, entry.diagnostics, draft)

    def _take_steps(self, entries: Entries) -> set[str]:
        read = {key: step_entry(key, raw) for key, raw in entries.items()}
        for key, step in read.items():
            self._remember(step_subject(key), step.diagnostics)
        return self._step_tree.update({key: step.value for key, step in read.items()})

    def _take_connections(self, entries: Entries) -> set[str]:
        read = {key: connection_entry(key, raw) for key, raw in entries.items()}
        for key, connection in read.items():
            self._remember(connection_subject(key), connection.diagnostics)
        return self._valid_connections.update({key: each.value for key, each in read.items()})

    def _remember(self, subject: str, own: tuple[Diagnostic, ...]) -> None:
        """Keep what an entry gives rise to by itself, for when only its surroundings change."""
        if own:
            self._own[subject] = own
        else:
            self._own.pop(subject, None)

    def _report_step(self, key: str, draft: _Draft) -> None:
        subject, structural = step_subject(key), self._step_tree.diagnostics(key)
        meant = () if self._meaning is None else self._meaning.diagnostics(key)
        self._report(subject, (*self._own.get(subject, ()), *structural, *meant), draft)

    def _put_connection(self, key: str, draft: _Draft) -> None:
        row = self._valid_connections.row(key)
        _put(self._connections, key, row, draft.connections, draft.removed_connections)
        subject, structural = connection_subject(key), self._valid_connections.diagnostics(key)
        self._report(subject, (*self._own.get(subject, ()), *structural), draft)

    def _report(self, subject: str, found: Iterable[Diagnostic], draft: _Draft) -> None:
        former = self._diagnostics.pop(subject, {})
        present = {each.code: each for each in found}
        if present:
            self._diagnostics[subject] = present
        draft.removed_diagnostics += ((code, subject) for code in former if code not in present)
        draft.diagnostics += (
            each for code, each in present.items() if not same_row(former.get(code), each)
        )


def _put(
    rows: dict[str, R], key: str, row: R | None, written: list[R], removed: list[UUID]
) -> None:
    former = rows.get(key)
    if row is not None and not same_row(former, row):
        rows[key] = row
        written.append(row)
    if row is None and former is not None:
        del rows[key]
        removed.append(former.id)
