"""Versions and what differs between them, as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from crdt.editing import differences
from crdt.pipeline.json_values import StorableJson
from persistence.ports.versions import VersionInfo

from .common import Given, JsonObject, Name, Shown, UserProfile

Summary: TypeAlias = Annotated[str, StringConstraints(max_length=2000)]


class Version(Shown):
    """A saved state of a pipeline."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "6a0f5a3e-6d0f-4f8e-8c1e-9b0d1f2a3b66",
                "version_number": 3,
                "seq": 128,
                "name": "before the review",
                "change_summary": None,
                "created_by": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
                "created_at": "2026-11-23T09:00:00Z",
            }
        }
    )

    id: UUID
    version_number: int
    seq: int = Field(description="The last update of the log that is in it.")
    name: str | None
    change_summary: str | None
    created_by: UUID | None
    created_at: datetime

    @classmethod
    def of_info(cls, info: VersionInfo) -> Self:
        """Show what a store knows of a version."""
        return cls(**{**asdict(info), "version_number": info.number})


class ListedVersion(Version):
    """A saved state with the person who saved it."""

    author: UserProfile | None = Field(
        description="Null for those that the server saved, and once the author has left the team."
    )


class WholeVersion(Version):
    """A saved state with its content, as the tables had it."""

    pipeline: JsonObject
    steps: list[JsonObject]
    connections: list[JsonObject]


class NewVersion(Given):
    """A name for the present state."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "before the review"}})

    name: Name
    change_summary: Summary | None = None


MAX_RESTORED = 1000
"""How many steps one request may name."""


class Restoration(Given):
    """What is to be restored: all, or single steps."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"steps": ["9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22"]}}
    )

    steps: Annotated[list[UUID], Field(min_length=1, max_length=MAX_RESTORED)] | None = Field(
        default=None,
        description="Ids of steps of the version, which alone are put back; the rest stays.",
    )

    @property
    def step_ids(self) -> list[str] | None:
        """The ids as the document has them, each once; None for all."""
        return None if self.steps is None else list(dict.fromkeys(map(str, self.steps)))


class Change(Shown):
    """One value that differs; `path` is a JSON pointer (RFC 6901)."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


class EntryChange(Shown):
    """A step or connection that differs; of one added or removed, `changes` is empty."""

    id: str
    kind: Literal["added", "removed", "changed"]
    name: str | None
    changes: list[Change]


class Difference(Shown):
    """Everything that differs between two states of a pipeline."""

    settings: list[Change]
    steps: list[EntryChange]
    connections: list[EntryChange]

    @classmethod
    def of_difference(cls, found: differences.Difference) -> Self:
        """Show a difference."""
        return cls.of(storable(asdict(found)))


class Restored(Shown):
    """What came of returning to a version."""

    version_number: int = Field(description="The version returned to.")
    saved: Version | None = Field(description="What there was before, unless it was saved already.")
    seq: int = Field(description="The update by which it was done.")


def storable(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """A value out of documents, without what JSON in UTF-8 cannot say."""
    clean = StorableJson().clean(found, level=-8)
    return clean if isinstance(clean, Mapping) else {}
