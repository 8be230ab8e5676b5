"""`/teams/{team_id}/invitations`: who is invited to a team, as the inviters gave them.

Whether somebody has an account shows nowhere: neither in the answers, nor in the list, nor in the
time they take. An address that exists is stored like one that does not, nobody looks it up, and
who declines stays in the list. The invited answer in `my_invitations.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from app.api.core import roles
from app.api.core.context import Asking, Caller
from app.api.core.pagination import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from app.api.core.problems import AlreadyMember, NotFound, RoleNeeded
from app.api.schemas.common import Shown, UserProfile, problems
from app.api.schemas.people import Invited, inviter_of
from app.api.schemas.pipelines import PROFILE_EXAMPLE
from persistence.ports.directory import Role
from persistence.ports.user_rows import UserRows

router = APIRouter(prefix="/teams/{team_id}/invitations", tags=["members"])


class Invitation(Shown):
    """An open invitation to a team; `email` or `user_id` as it was given, the other is null."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "c0a3f9c4-54b1-4f0e-8a53-3a0f9f6f2c11",
                "email": "ada@example.org",
                "user_id": None,
                "role": "member",
                "invited_by": PROFILE_EXAMPLE,
                "created_at": "2026-11-23T09:00:00Z",
                "expires_at": "2026-12-07T09:00:00Z",
            }
        }
    )

    id: UUID
    email: str | None = Field(description="In lower case. Nothing says whether it exists.")
    user_id: UUID | None
    role: Role
    invited_by: UserProfile
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Invitation":
        """Make it of a row."""
        return cls.model_validate({**dict(row), "invited_by": inviter_of(row)})


_LAST_FIRST: Final = Keyset("invitations", NEWEST_FIRST)


@router.get("", name="list_invitations", responses=problems(400, 403, 404))
async def index(
    caller: Asking, team_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Invitation]:
    """List the open invitations to a team, newest first, as its owner or admin."""
    after = _LAST_FIRST.after(cursor)
    async with caller.rows() as rows:
        await as_inviter(rows, team_id)
        found = await rows.fetch("invitations", team_id, *after, limit + 1)
    return _LAST_FIRST.page(found, limit, Invitation.of)


@router.post("", name="create_invitation", status_code=201, responses=problems(403, 404, 409))
async def create(caller: Asking, team_id: UUID, wanted: Invited, response: Response) -> Invitation:
    """Invite somebody to a team, as its owner or admin; only owners invite owners.

    The answer is the same whether or not there is such a user. Who is invited already is invited
    anew, in this role.
    """
    async with caller.rows() as rows:
        await as_inviter(rows, team_id, wanted.role)
        await require_no_member(rows, team_id, wanted)
        return await invite(caller, rows, team_id, wanted, response)


@router.get("/{invitation_id}", name="get_invitation", responses=problems(403, 404))
async def show(caller: Asking, team_id: UUID, invitation_id: UUID) -> Invitation:
    """Read one open invitation to a team, as its owner or admin."""
    async with caller.rows() as rows:
        await as_inviter(rows, team_id)
        return await _read(rows, team_id, invitation_id)


@router.delete(
    "/{invitation_id}", name="withdraw_invitation", status_code=204, responses=problems(403, 404)
)
async def withdraw(caller: Asking, team_id: UUID, invitation_id: UUID) -> None:
    """Withdraw an invitation, as an owner or admin; only owners withdraw those of owners."""
    async with caller.rows() as rows:
        mine = await as_inviter(rows, team_id)
        roles.require_power_over(mine, (await _read(rows, team_id, invitation_id)).role)
        await rows.fetchval("drop_invitation", invitation_id)


async def as_inviter(rows: UserRows, team_id: UUID, *given: Role) -> Role:
    """The caller's role in a team. Raises RoleNeeded unless it lets them invite in these roles."""
    mine = await roles.in_team(rows, team_id)
    roles.require(mine, "admin", "inviting people")
    roles.require_power_over(mine, *given)
    return mine


async def require_no_member(rows: UserRows, team_id: UUID, wanted: Invited) -> None:
    """Raise AlreadyMember for somebody in the list of members, which the caller sees anyway."""
    if await rows.fetchval("is_member", team_id, wanted.user_id, wanted.email):
        raise AlreadyMember


async def invite(
    caller: Caller, rows: UserRows, team_id: UUID, wanted: Invited, response: Response
) -> Invitation:
    """Store an invitation, within the quotas; the answer says where it is."""
    quotas, lasts = caller.context.quotas, caller.context.invitation_lasts.total_seconds()
    await quotas.require_pause(rows)
    await quotas.require(rows, "invitations_per_team", team_id)
    made: UUID | None = await rows.fetchval(
        "new_invitation", team_id, wanted.email, wanted.user_id, wanted.role, lasts
    )
    if made is None:
        raise RoleNeeded("changing the invitation of an owner", "owner")
    response.headers["Location"] = f"/api/teams/{team_id}/invitations/{made}"
    return await _read(rows, team_id, made)


async def _read(rows: UserRows, team_id: UUID, invitation_id: UUID) -> Invitation:
    row = await rows.fetchrow("invitation", team_id, invitation_id)
    if row is None:
        raise NotFound(f"no open invitation {invitation_id} to this team: check the id")
    return Invitation.of(row)
