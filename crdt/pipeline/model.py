"""The pipeline as plain values: what a document holds, read once, without the CRDT around it.

`crdt/document/schema.py` moves these values into a document and out of it; `crdt/yaml/codec.py`
reads and writes them as YAML; `crdt/validation/valid_pipeline.py` turns them into rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from .fields import (
    DEFAULT_HEIGHT,
    DEFAULT_WIDTH,
    MAIN_SLOT,
    ConnectionFields,
    SettingsFields,
    StepFields,
)


class Missing(Enum):
    """Type of `MISSING`: the key is not in the document."""

    MISSING = "absent"


MISSING: Final = Missing.MISSING

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonMap: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the canvas in pixels: x grows to the right, y downwards."""

    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """The extent of a step's box in canvas pixels."""

    width: float = DEFAULT_WIDTH
    height: float = DEFAULT_HEIGHT


@dataclass(frozen=True, slots=True)
class Step(StepFields):
    """One box of a pipeline, as its authors wrote it (nothing is checked yet).

    `slot` names the list of the parent that holds the step (docs/document-model.md, Slots); it is
    "steps" at the top level and in loop bodies. `order` is a fractional index among the steps of
    one (parent, slot). `position` is relative to the parent step's corner, or to the canvas at
    the top level. `source` keeps what YAML said beyond the data (docs/document-model.md, Source).
    """

    id: str
    name: str
    type: str
    parent_step_id: str | None = None
    slot: str = MAIN_SLOT
    order: str = "a0"
    position: Point = Point()
    size: Size = Size()
    config: JsonMap = field(default_factory=dict)
    source: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection(ConnectionFields):
    """A data flow between two steps: `from_output` of one feeds `to_input` of the other."""

    id: str
    from_step_id: str
    to_step_id: str
    from_output: str = "output"
    to_input: str = "input"


@dataclass(frozen=True, slots=True)
class PipelineSettings(SettingsFields):
    """The pipeline's header: everything but its steps and connections."""

    name: str
    description: str | None = None
    tags: tuple[str, ...] = ()
    config: JsonMap = field(default_factory=dict)
    defaults: JsonMap = field(default_factory=dict)
    authentication: JsonMap = field(default_factory=dict)
    source: JsonMap = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A whole pipeline: settings, and steps and connections by id."""

    settings: PipelineSettings
    steps: Mapping[str, Step] = field(default_factory=dict)
    connections: Mapping[str, Connection] = field(default_factory=dict)
