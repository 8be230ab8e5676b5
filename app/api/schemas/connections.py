"""Connections as JSON."""

from datetime import datetime
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from app.api.core import etags
from crdt.pipeline.fields import MAX_PORT, PLAIN_OF_CONNECTION, plain_values
from crdt.validation.entries import ConnectionEntry

from .common import Given, Patch, Shown, kept
from .plain_fields import patches_plain, shows_plain, takes_plain

Port: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PORT)]


@shows_plain(PLAIN_OF_CONNECTION)
class Connection(Shown):
    """A flow of data from one step to another."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "1b7e4e0a-3b1d-4f0f-9d31-3f4f5b2d9c33",
                "from_step_id": "9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22",
                "to_step_id": "5c1b9f0e-0f0d-4b1f-8a25-1d1f4f2b6c44",
                "from_output": "output",
                "to_input": "input",
                "path_data": None,
                "created_at": "2026-11-23T09:00:00Z",
                "updated_at": "2026-11-23T09:00:00Z",
            }
        }
    )

    id: UUID
    from_step_id: UUID
    to_step_id: UUID
    from_output: str
    to_input: str
    created_at: datetime | None = Field(default=None, description="Null until the tables have it.")
    updated_at: datetime | None = None

    @property
    def tag(self) -> str:
        """Its ETag: of everything but times."""
        return etags.etag_of(self.model_dump(exclude={"created_at", "updated_at"}))


@takes_plain(PLAIN_OF_CONNECTION)
class NewConnection(Given):
    """A connection to be; no two may have the same four ends."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "from_step_id": "9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22",
                "to_step_id": "5c1b9f0e-0f0d-4b1f-8a25-1d1f4f2b6c44",
            }
        }
    )

    id: UUID | None = Field(default=None, description="Chosen by the server unless given.")
    from_step_id: UUID
    to_step_id: UUID
    from_output: Port = "output"
    to_input: Port = "input"


@patches_plain(PLAIN_OF_CONNECTION)
class ConnectionPatch(Patch):
    """Changes to a connection."""

    from_step_id: UUID = kept()
    to_step_id: UUID = kept()
    from_output: Port = kept()
    to_input: Port = kept()


def of_document(connection: ConnectionEntry) -> Connection:
    """A connection as it stands in the document."""
    route = connection.route
    return Connection(
        id=connection.id,
        from_step_id=UUID(route.from_step),
        to_step_id=UUID(route.to_step),
        from_output=route.from_output,
        to_input=route.to_input,
        **plain_values(connection),
    )
