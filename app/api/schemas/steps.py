"""Steps as JSON: as the tables show them, and as the document has them after an edit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.api.core import etags
from crdt.pipeline.fields import (
    FARTHEST,
    MAX_NAME,
    MAX_SLOT,
    MAX_TYPE,
    PLAIN_OF_STEP,
    defaults_of,
    plain_values,
)
from crdt.pipeline.rows import UNSUPPORTED
from crdt.validation.entries import StepEntry

from .common import Given, JsonObject, Patch, Shown, kept
from .plain_fields import patches_plain, shows_plain, takes_plain

StepName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
StepType: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TYPE)]
Slot: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_SLOT)]
Coordinate: TypeAlias = Annotated[float, Field(gt=-FARTHEST, le=FARTHEST)]
Extent: TypeAlias = Annotated[float, Field(gt=0, le=FARTHEST)]

EXAMPLE: Final[Mapping[str, Any]] = {
    "id": "9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22",
    "name": "summarize",
    "type": "claude",
    "supported": True,
    **defaults_of(PLAIN_OF_STEP),
    "parent_step_id": None,
    "slot": "steps",
    "order_index": 0,
    "position": {"x": 40, "y": 80},
    "size": {"width": 200, "height": 100},
    "config": {"prompt": [{"type": "static", "content": "Summarize the diff."}]},
    "created_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:30:00Z",
}


class Position(Given):
    """A place in canvas pixels, from the parent step's corner; y grows downwards."""

    x: Coordinate
    y: Coordinate


class Size(Given):
    """An extent in canvas pixels."""

    width: Extent
    height: Extent


@shows_plain(PLAIN_OF_STEP)
class Step(Shown):
    """A box of a pipeline."""

    model_config = ConfigDict(json_schema_extra={"example": dict(EXAMPLE)})

    id: UUID
    name: str
    type: str
    supported: bool = Field(description="Whether `type` is one of Pipeline YAML v2.")
    parent_step_id: UUID | None = Field(description="The step it is inside of; null at the top.")
    slot: str = Field(description="The list of the parent that it stands in.")
    order_index: int = Field(description="Its place in that list, from 0.")
    position: Position
    size: Size
    config: JsonObject
    created_at: datetime | None = Field(default=None, description="Null until the tables have it.")
    updated_at: datetime | None = None

    @property
    def tag(self) -> str:
        """Its ETag: of everything but its place among its siblings, and times."""
        return etags.etag_of(self.model_dump(exclude={"order_index", "created_at", "updated_at"}))


@takes_plain(PLAIN_OF_STEP)
class NewStep(Given):
    """A step to be; it comes at the end of its slot unless `before` names a sibling."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "summarize",
                "type": "claude",
                "position": {"x": 40, "y": 80},
                "config": {"prompt": [{"type": "static", "content": "Summarize the diff."}]},
            }
        }
    )

    id: UUID | None = Field(default=None, description="Chosen by the server unless given.")
    name: StepName
    type: StepType
    parent_step_id: UUID | None = None
    slot: Slot = "steps"
    position: Position = Position(x=0, y=0)
    size: Size = Size(width=200, height=100)
    config: JsonObject = Field(default_factory=dict)
    before: UUID | None = Field(default=None, description="The sibling to stand before.")


@patches_plain(PLAIN_OF_STEP)
class StepPatch(Patch):
    """Changes to a step; `config` is a merge patch in itself: null removes a key of it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"position": {"x": 120, "y": 80}, "config": {"timeout": 60}}}
    )

    name: StepName = kept()
    type: StepType = kept()
    parent_step_id: UUID | None = kept()
    slot: Slot = kept()
    position: Position = kept()
    size: Size = kept()
    config: JsonObject = kept()
    before: UUID | None = Field(
        default=None, description="The sibling to move before; null: to the end of the slot."
    )


def of_row(row: Mapping[str, Any]) -> Step:
    """A step as a row of the tables."""
    plain = {name: row[name] for name in _SAME_IN_ROWS}
    return Step(
        **plain,
        type=row["declared_type"] or row["type"],
        supported=row["type"] != UNSUPPORTED,
        position=Position(x=row["position_x"], y=row["position_y"]),
        size=Size(width=row["width"], height=row["height"]),
    )


_SAME_IN_ROWS: Final = (
    "id",
    "name",
    *PLAIN_OF_STEP,
    "parent_step_id",
    "slot",
    "order_index",
    "config",
    "created_at",
    "updated_at",
)


def of_document(step: StepEntry, order_index: int) -> Step:
    """A step as it stands in the document."""
    (x, y), (width, height) = step.position, step.size
    return Step(
        id=step.id,
        name=step.name,
        type=step.declared_type or step.type,
        supported=step.type != UNSUPPORTED,
        **plain_values(step),
        parent_step_id=None if step.parent is None else UUID(step.parent),
        slot=step.slot,
        order_index=order_index,
        position=Position(x=x, y=y),
        size=Size(width=width, height=height),
        config=dict(step.config),
    )
