"""Templates as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from .common import Given, JsonObject, Name, Patch, Shown, kept
from .pipelines import PipelineName

Text: TypeAlias = Annotated[str, StringConstraints(max_length=10_000)]
Word: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100)]

EXAMPLE: Final[Mapping[str, Any]] = {
    "id": "c2a0a4a4-0c1b-4f0e-9b55-7f3d5a1e2b77",
    "team_id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
    "created_by": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
    "source_pipeline_id": "0d7f4f4a-9c1e-4b65-8a67-4f3c7a1f0e11",
    "name": "Review anything",
    "description": "Fill in the language",
    "category": "review",
    "icon": None,
    "default_values": {"language": "Python"},
    "usage_count": 4,
    "created_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:00:00Z",
}


class TemplateSummary(Shown):
    """A template in a list."""

    model_config = ConfigDict(json_schema_extra={"example": dict(EXAMPLE)})

    id: UUID
    team_id: UUID
    created_by: UUID | None
    source_pipeline_id: UUID | None
    name: str
    description: str | None
    category: str | None
    icon: str | None
    default_values: JsonObject
    usage_count: int = Field(description="How many pipelines were made of it.")
    created_at: datetime
    updated_at: datetime


class Template(TemplateSummary):
    """A template with its content."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **EXAMPLE,
                "variables": ["language", "topic"],
                "pipeline_config": {"settings": {}, "steps": [], "connections": []},
            }
        }
    )

    variables: list[str] = Field(description="The names in `{{template.name}}`.")
    pipeline_config: JsonObject = Field(description="The whole pipeline as data.")


class NewTemplate(Given):
    """A template to be made of a pipeline; for the pipeline's team unless another is named."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "pipeline_id": EXAMPLE["source_pipeline_id"],
                "name": "Review anything",
                "default_values": {"language": "Python"},
            }
        }
    )

    pipeline_id: UUID
    team_id: UUID | None = None
    name: Name
    description: Text | None = None
    category: Word | None = None
    icon: Text | None = None
    default_values: JsonObject = Field(default_factory=dict)


class TemplatePatch(Patch):
    """Changes to a template; `default_values` are replaced as a whole."""

    name: Name = kept()
    description: Text | None = kept()
    category: Word | None = kept()
    icon: Text | None = kept()
    default_values: JsonObject = kept()


class Instance(Given):
    """A pipeline to be made of a template: for which team, and with which values."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"team_id": EXAMPLE["team_id"], "variables": {"topic": "security"}}
        }
    )

    team_id: UUID
    name: PipelineName | None = None
    variables: JsonObject = Field(default_factory=dict)
