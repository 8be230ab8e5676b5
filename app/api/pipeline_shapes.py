"""Pipelines as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field

from .shapes import JsonObject, Shown

Status: TypeAlias = Literal["draft", "active", "archived"]

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

SETTINGS: Final = (
    "name",
    "description",
    "yaml_version",
    "status",
    "config",
    "defaults",
    "authentication",
    "tags",
    "is_template",
)
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
