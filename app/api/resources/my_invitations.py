"""`/me/invitations`: the teams to which the caller is invited, by address or by id."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict

from app.api.core.context import Asking
from app.api.core.pagination import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from app.api.core.problems import NotFound
from app.api.schemas.common import Shown, UserProfile, problems
from app.api.schemas.people import inviter_of
from app.api.schemas.pipelines import PROFILE_EXAMPLE
from persistence.ports.directory import Role

from . import teams

router = APIRouter(prefix="/me/invitations", tags=["me"])


class MyInvitation(Shown):
    """An invitation to the caller."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "c0a3f9c4-54b1-4f0e-8a53-3a0f9f6f2c11",
                "team_id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
                "team_name": "Platform",
                "organization_name": "Looms",
                "role": "member",
                "invited_by": PROFILE_EXAMPLE,
                "created_at": "2026-11-23T09:00:00Z",
                "expires_at": "2026-12-07T09:00:00Z",
            }
        }
    )

    id: UUID
    team_id: UUID
    team_name: str
    organization_name: str
    role: Role
    invited_by: UserProfile
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "MyInvitation":
        """Make it of a row."""
        return cls.model_validate({**dict(row), "invited_by": inviter_of(row)})


_LAST_FIRST: Final = Keyset("my invitations", NEWEST_FIRST)


@router.get("", name="list_my_invitations", responses=problems(400))
async def index(
    caller: Asking, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[MyInvitation]:
    """List the teams to which you are invited, newest first, and by whom."""
    after = _LAST_FIRST.after(cursor)
    async with caller.rows() as rows:
        found = await rows.fetch("my_invitations", *after, limit + 1)
    return _LAST_FIRST.page(found, limit, MyInvitation.of)


@router.post("/{invitation_id}/accept", name="accept_invitation", responses=problems(404))
async def accept(caller: Asking, invitation_id: UUID) -> teams.Team:
    """Become a member of the team that you are invited to."""
    async with caller.rows() as rows:
        team_id: UUID | None = await rows.fetchval("accept_invitation", invitation_id)
        if team_id is None:
            raise _gone(invitation_id)
        row = await rows.fetchrow("team", team_id)
    if row is None:
        raise _gone(invitation_id)
    return teams.Team.of(row)


@router.post(
    "/{invitation_id}/decline",
    name="decline_invitation",
    status_code=204,
    responses=problems(404),
)
async def decline(caller: Asking, invitation_id: UUID) -> None:
    """Decline an invitation. The team does not learn of it: for it, it stays open until it ends."""
    async with caller.rows() as rows:
        if await rows.fetchval("decline_invitation", invitation_id) is None:
            raise _gone(invitation_id)


def _gone(invitation_id: UUID) -> NotFound:
    return NotFound(
        f"no open invitation {invitation_id} for you: it may have been withdrawn or have expired"
    )
