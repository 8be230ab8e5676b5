"""`/teams/{team_id}/members`: who is in a team, and as what.

Owners do everything; admins neither make owners nor touch them; anybody may leave; a team always
keeps an owner.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict

from app.api.core import roles
from app.api.core.context import Asking
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, timestamp
from app.api.core.problems import NotFound
from app.api.schemas.common import Given, UserProfile, problems
from app.api.schemas.people import Invited
from persistence.ports.directory import Role
from persistence.ports.user_rows import UserRows

from .invitations import Invitation, as_inviter, invite, require_no_member

router = APIRouter(prefix="/teams/{team_id}/members", tags=["members"])


class Member(UserProfile):
    """A member of a team."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
                "name": "Ada",
                "avatar_url": None,
                "email": "ada@example.org",
                "role": "member",
                "joined_at": "2026-11-23T09:00:00Z",
            }
        }
    )

    email: str
    role: Role
    joined_at: datetime


class MemberPatch(Given):
    """A new role."""

    role: Role


_BY_JOINING: Final = Keyset("members", {"joined_at": timestamp, "id": UUID})


@router.get("", name="list_members", responses=problems(400, 404))
async def index(
    caller: Asking, team_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Member]:
    """List the members of a team in the order in which they joined."""
    after = _BY_JOINING.after(cursor)
    async with caller.rows() as rows:
        await roles.in_team(rows, team_id)
        found = await rows.fetch("members", team_id, *after, limit + 1)
    return _BY_JOINING.page(found, limit, Member.of)


@router.post(
    "",
    name="add_member",
    status_code=201,
    responses={
        202: {"model": Invitation, "description": "They are invited, and get in when they accept."},
        **problems(403, 404, 409),
    },
)
async def add(
    caller: Asking, team_id: UUID, wanted: Invited, response: Response
) -> Member | Invitation:
    """Add a colleague to a team, or invite somebody, as its owner or admin.

    Who is in another team of the organization that you own is added at once, with 201. Everybody
    else is invited, with 202, whether or not there is such a user. Only owners add owners.
    """
    async with caller.rows() as rows:
        await as_inviter(rows, team_id, wanted.role)
        await require_no_member(rows, team_id, wanted)
        user_id = await rows.fetchval("colleague", team_id, wanted.user_id, wanted.email)
        if user_id is None:
            response.status_code = 202
            return await invite(caller, rows, team_id, wanted, response)
        await rows.execute("new_member", team_id, user_id, wanted.role)
        response.headers["Location"] = f"/api/teams/{team_id}/members/{user_id}"
        return await _read(rows, team_id, user_id)


@router.get("/{user_id}", name="get_member", responses=problems(404))
async def show(caller: Asking, team_id: UUID, user_id: UUID) -> Member:
    """Read one member."""
    async with caller.rows() as rows:
        await roles.in_team(rows, team_id)
        return await _read(rows, team_id, user_id)


@router.patch("/{user_id}", name="change_role", responses=problems(403, 404, 409))
async def change(caller: Asking, team_id: UUID, user_id: UUID, wanted: MemberPatch) -> Member:
    """Change a member's role, as an owner or admin; only owners make or change owners."""
    async with caller.rows() as rows:
        mine = await roles.in_team(rows, team_id)
        roles.require(mine, "admin", "changing a role")
        member = await _read(rows, team_id, user_id)
        roles.require_power_over(mine, wanted.role, member.role)
        if wanted.role == member.role:
            return member
        await rows.execute("write_member", team_id, user_id, wanted.role)
        return await _read(rows, team_id, user_id)


@router.delete(
    "/{user_id}", name="remove_member", status_code=204, responses=problems(403, 404, 409)
)
async def remove(caller: Asking, team_id: UUID, user_id: UUID) -> None:
    """Take a member out of a team, as an owner or admin; anybody may leave."""
    async with caller.rows() as rows:
        mine = await roles.in_team(rows, team_id)
        if user_id != caller.id:
            roles.require(mine, "admin", "removing a member")
            roles.require_power_over(mine, (await _read(rows, team_id, user_id)).role)
        await rows.fetchval("drop_member", team_id, user_id)


async def _read(rows: UserRows, team_id: UUID, user_id: UUID) -> Member:
    row = await rows.fetchrow("member", team_id, user_id)
    if row is None:
        raise NotFound(f"nobody with the id {user_id} is in this team: check the id")
    return Member.of(row)
