"""JSON of who is invited or added to a team, and of who did it."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from persistence.ports.directory import Role

from .common import Form, Given, UserProfile

Email: TypeAlias = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=320),
    Form(r"^[^\s@]+@[^\s@]+$", "an address such as ada@example.org"),
]


class Invited(Given):
    """Somebody to invite or to add, by id or by email: one of the two."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"email": "ada@example.org", "role": "member"}}
    )

    user_id: UUID | None = None
    email: Email | None = None
    role: Role = Field("member", description="What they may do as a member.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "Invited":
        if (self.user_id is None) == (self.email is None):
            raise ValueError("expected either user_id or email")
        return self


def inviter_of(row: Mapping[str, Any]) -> UserProfile:
    """Who gave the invitation of a row."""
    return UserProfile(
        id=row["inviter_id"], name=row["inviter_name"], avatar_url=row["inviter_avatar_url"]
    )
