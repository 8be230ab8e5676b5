"""Pipelines as JSON."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from crdt.pipeline.fields import MAX_DESCRIPTION, MAX_NAME, MAX_TAG, MAX_TAGS, Status
from crdt.pipeline.rows import PipelineRow

from .common import Given, JsonObject, Patch, Shown, UserProfile, kept
from .findings import Finding

PipelineName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
Description: TypeAlias = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION)]
Tag: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TAG)]
Tags: TypeAlias = Annotated[
    list[Tag], Field(max_length=MAX_TAGS, json_schema_extra={"uniqueItems": True})
]

EXAMPLE: Final[Mapping[str, Any]] = {
    "id": "0d7f4f4a-9c1e-4b65-8a67-4f3c7a1f0e11",
    "team_id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
    "created_by": None,
    "parent_pipeline_id": None,
    "name": "Review a pull request",
    "description": "Reads the diff, then writes comments",
    "status": "draft",
    "tags": ["review"],
    "yaml_version": "v2",
    "is_template": False,
    "created_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:30:00Z",
    "published_at": None,
}

PROFILE_EXAMPLE: Final[dict[str, Any]] = {
    "id": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
    "name": "Ada",
    "avatar_url": None,
}

OUTLINE_EXAMPLE: Final[dict[str, Any]] = {
    "step_count": 12,
    "errors": 0,
    "warnings": 1,
    "steps": [{"type": "claude", "x": 40, "y": 80}],
}

MAX_OUTLINED: Final = 24
"""How many steps `pipeline_outline` in `sql/` gives."""

MAX_PRESENT: Final = 10
"""How many of those who have a pipeline open a list names."""

SETTINGS: Final = tuple(field.name for field in fields(PipelineRow))
"""What of a pipeline's row stands in its document, and so in its ETag."""


class PipelineSummary(Shown):
    """A pipeline in a list."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": dict(EXAMPLE)})

    id: UUID
    team_id: UUID
    created_by: UUID | None
    parent_pipeline_id: UUID | None = Field(description="The pipeline this one was forked from.")
    name: str
    description: str | None
    status: Status
    tags: list[str]
    yaml_version: str
    is_template: bool
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None


class OutlinedStep(Shown):
    """A step of the top level in a small picture of its pipeline."""

    type: str
    x: float
    y: float


class Outline(Shown):
    """What is in a pipeline, in short."""

    step_count: int
    errors: int = Field(description="How many of its diagnostics are errors.")
    warnings: int
    steps: list[OutlinedStep] = Field(
        max_length=MAX_OUTLINED, description=f"The first {MAX_OUTLINED} of the top level."
    )


class ListedPipeline(PipelineSummary):
    """A pipeline in a list, with its outline and with those who are there."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {**EXAMPLE, "outline": OUTLINE_EXAMPLE, "present": [PROFILE_EXAMPLE]}
        },
    )

    outline: Outline
    present: list[UserProfile] = Field(
        max_length=MAX_PRESENT,
        description=f"Who has it open, by name, at most {MAX_PRESENT}; as of about a second ago.",
    )


class Pipeline(PipelineSummary):
    """A pipeline with its settings; steps and connections are resources of their own."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                **EXAMPLE,
                "config": {"workspace_dir": "./workspace"},
                "defaults": {"model": "sonnet"},
                "authentication": {},
            }
        },
    )

    config: JsonObject
    defaults: JsonObject
    authentication: JsonObject


class Created(Pipeline):
    """A pipeline just created, with what is odd about the YAML it comes from."""

    findings: list[Finding]


class PipelinePatch(Patch):
    """Changes to settings; `config`, `defaults`, `authentication` are merge patches, too."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"status": "active", "config": {"timeout": 60}}}
    )

    name: PipelineName = kept()
    description: Description | None = kept()
    status: Status = kept()
    tags: Tags = kept()
    config: JsonObject = kept()
    defaults: JsonObject = kept()
    authentication: JsonObject = kept()
    is_template: bool = kept()


class NewPipeline(PipelinePatch):
    """A pipeline to be: empty, or with the content of a pipeline file."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "team_id": EXAMPLE["team_id"],
                "name": "Review a pull request",
                "tags": ["review"],
            }
        }
    )

    team_id: UUID
    yaml: str | None = Field(default=None, description="Pipeline YAML v2.")

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.yaml is None and "name" not in self.model_fields_set:
            raise ValueError("expected a name, or yaml that has one")
        return self

    def settings(self) -> dict[str, Any]:
        """The settings that were given."""
        return self.model_dump(exclude_unset=True, exclude={"team_id", "yaml"})


class Fork(Given):
    """Where a copy goes and what it is called; into the same team, as "… (fork)", unless said."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "Review, with tests"}})

    team_id: UUID | None = None
    name: PipelineName | None = None
