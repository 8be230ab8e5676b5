"""What the tables hold of a pipeline: rows that satisfy all constraints of `sql/schema.sql`.

`crdt/validation/valid_pipeline.py` makes them out of any document, and
`persistence/postgres/projections.py` writes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from uuid import UUID

from .fields import ConnectionFields, SettingsFields, StepFields
from .model import JsonMap
from .step_types import TYPES

UNSUPPORTED: Final = "unsupported"
"""`steps.type` of a step whose declared type is not in `STEP_TYPES`."""

STEP_TYPES: Final = frozenset(TYPES)
"""The step types of Pipeline YAML v2: the documented eighteen, and those real files use besides."""

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class PipelineRow(SettingsFields):
    """The projected columns of `pipelines`."""

    name: str
    description: str | None
    config: JsonMap
    defaults: JsonMap
    authentication: JsonMap
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepRow(StepFields):
    """The projected columns of `steps`; `declared_type` is set where `type` is unsupported."""

    id: UUID
    name: str
    type: str
    declared_type: str | None
    config: JsonMap
    position_x: float
    position_y: float
    width: float
    height: float
    parent_step_id: UUID | None
    slot: str
    order_index: int


@dataclass(frozen=True, slots=True)
class StepPosition:
    """The columns of `steps` that say where a step is drawn, of a row that is there."""

    id: UUID
    position_x: float
    position_y: float


@dataclass(frozen=True, slots=True)
class ConnectionRow(ConnectionFields):
    """The projected columns of `connections`."""

    id: UUID
    from_step_id: UUID
    to_step_id: UUID
    from_output: str
    to_input: str


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """Something in the document that no row can hold as it stands, or that no runner understands.

    `subject` is "pipeline", "step:<key>" or "connection:<key>"; (code, subject) is unique. `path`
    is a JSON pointer (RFC 6901) from the subject's entry to the value, "" for the whole entry;
    `suggestion` is a sentence about what to do.
    """

    code: str
    subject: str
    severity: Severity = field(compare=False)
    message: str = field(compare=False)
    path: str = field(default="", compare=False)
    suggestion: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of one pipeline: held in the tables, or wanted there."""

    pipeline: PipelineRow | None = None
    steps: Mapping[UUID, StepRow] = field(default_factory=dict)
    connections: Mapping[UUID, ConnectionRow] = field(default_factory=dict)
    diagnostics: Mapping[tuple[str, str], Diagnostic] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowChanges:
    """What to write, and only that: upserts by stable id, and the ids to delete.

    `moved_steps` are steps of which nothing else changes: most edits are moves, and writing the
    whole row costs ten times as much.
    """

    pipeline: PipelineRow | None = None
    steps: Sequence[StepRow] = ()
    removed_steps: Sequence[UUID] = ()
    connections: Sequence[ConnectionRow] = ()
    removed_connections: Sequence[UUID] = ()
    diagnostics: Sequence[Diagnostic] = ()
    removed_diagnostics: Sequence[tuple[str, str]] = ()
    moved_steps: Sequence[StepPosition] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    def __len__(self) -> int:
        """How many rows are written or deleted."""
        return bool(self.pipeline) + sum(len(getattr(self, name)) for name in self.__slots__[1:])
