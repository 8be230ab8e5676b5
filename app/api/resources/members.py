"""`/teams/{team_id}/members`: who is in a team, and as what.

Owners do everything; admins neither make owners nor touch them; anybody may leave; a team always
keeps an owner.
"""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, StringConstraints, model_validator

from app.api.core import roles
from app.api.core.context import Asking, Caller
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, timestamp
from app.api.core.problems import Invalid, NotFound, RoleNeeded
from app.api.schemas.common import Given, UserProfile, problems
from persistence.errors import UnknownSubject
from persistence.ports.directory import Role
from persistence.ports.user_rows import UserRows

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


class NewMember(Given):
    """A user to add, by id or by email: one of the two."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"email": "ada@example.org", "role": "member"}}
    )

    user_id: UUID | None = None
    email: Annotated[str, StringConstraints(max_length=320)] | None = None
    role: Role = Field("member", description="What the new member may do.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "NewMember":
        if (self.user_id is None) == (self.email is None):
            raise ValueError("expected either user_id or email")
        return self


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


@router.post("", name="add_member", status_code=201, responses=problems(403, 404, 409))
async def add(caller: Asking, team_id: UUID, wanted: NewMember, response: Response) -> Member:
    """Add a user to a team, as its owner or admin; only owners add owners."""
    async with caller.rows() as rows:
        mine = await roles.in_team(rows, team_id)
        roles.require(mine, "admin", "adding a member")
        _require_power_over(mine, wanted.role)
    user_id = await _find(caller, wanted)
    try:
        async with caller.rows() as rows:
            await rows.execute("new_member", team_id, user_id, wanted.role)
            member = await _read(rows, team_id, user_id)
    except UnknownSubject as error:
        raise Invalid(("body.user_id", f"no user {user_id}: check the id")) from error
    response.headers["Location"] = f"/api/teams/{team_id}/members/{user_id}"
    return member


async def _find(caller: Caller, wanted: NewMember) -> UUID:
    """The id of the user to add.

    Row-level security hides users who share no team with the caller, so the server looks them up.
    """
    if wanted.user_id is not None:
        return wanted.user_id
    try:
        return (await caller.context.directory.user_by_email(wanted.email or "")).id
    except UnknownSubject as error:
        raise Invalid(("body.email", str(error))) from error


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
        _require_power_over(mine, wanted.role, member.role)
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
            _require_power_over(mine, (await _read(rows, team_id, user_id)).role)
        await rows.fetchval("drop_member", team_id, user_id)


def _require_power_over(mine: Role, *touched: Role) -> None:
    if "owner" in touched and mine != "owner":
        raise RoleNeeded("making or changing an owner", "owner")


async def _read(rows: UserRows, team_id: UUID, user_id: UUID) -> Member:
    row = await rows.fetchrow("member", team_id, user_id)
    if row is None:
        raise NotFound(f"nobody with the id {user_id} is in this team: check the id")
    return Member.of(row)
