"""Comments as JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from .common import Given, Patch, Shown, UserProfile, kept

MAX_COMMENT = 10_000

Content: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_COMMENT)
]


class Comment(Shown):
    """Something somebody said about a pipeline or a step."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "2f8e1c80-8f0b-4a0e-b7c1-6d8b6f1d9a55",
                "pipeline_id": "0d7f4f4a-9c1e-4b65-8a67-4f3c7a1f0e11",
                "step_id": "9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22",
                "detached": False,
                "parent_id": None,
                "author": {
                    "id": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
                    "name": "Ada",
                    "avatar_url": None,
                },
                "content": "Why this model?",
                "resolved": False,
                "resolved_by": None,
                "created_at": "2026-11-23T09:00:00Z",
                "updated_at": "2026-11-23T09:00:00Z",
            }
        }
    )

    id: UUID
    pipeline_id: UUID
    step_id: UUID | None = Field(description="The step it is about; null: the pipeline.")
    detached: bool = Field(description="Whether its step is not there (any more).")
    parent_id: UUID | None = Field(description="The root of its thread; null: it is one.")
    author: UserProfile | None = Field(description="Null once the author has left the team.")
    content: str
    resolved: bool
    resolved_by: UUID | None
    created_at: datetime
    updated_at: datetime


class NewComment(Given):
    """Something to say: in a thread (`parent_id`), about a step, or about the pipeline."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "content": "Why this model?",
                "step_id": "9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22",
            }
        }
    )

    content: Content
    step_id: UUID | None = None
    parent_id: UUID | None = Field(
        default=None,
        description="The root of a thread; a reply is about the same step as the root.",
    )


class CommentPatch(Patch):
    """Changes to a comment: its author rewrites, every member resolves a thread's root."""

    content: Content = kept()
    resolved: bool = kept()


def of_row(row: Mapping[str, Any]) -> Comment:
    """A comment as the tables have it."""
    author = {
        "id": row["author_id"],
        "name": row["author_name"],
        "avatar_url": row["author_avatar_url"],
    }
    plain = {name: row[name] for name in Comment.model_fields if name != "author"}
    return Comment(**plain, author=None if author["id"] is None else UserProfile.of(author))
