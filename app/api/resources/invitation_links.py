"""`/teams/{team_id}/invitation-links`: links by which whoever has one joins a team.

The secret of a link stands in the fragment of an address, which browsers send to no server. It is
shown once, when the link is made; its hash alone is stored.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from app.api.core import roles
from app.api.core.context import Asking
from app.api.core.pagination import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from app.api.core.problems import NotFound, RoleNeeded
from app.api.schemas.common import Given, Shown, UserProfile, problems
from app.api.schemas.people import inviter_of
from app.api.schemas.pipelines import PROFILE_EXAMPLE
from persistence.ports.directory import Role
from persistence.ports.user_rows import UserRows

from .invitations import as_inviter

router = APIRouter(prefix="/teams/{team_id}/invitation-links", tags=["members"])

_BYTES: Final = 32
_DAY: Final = 86_400.0
_EXAMPLE: Final[dict[str, Any]] = {
    "id": "c0a3f9c4-54b1-4f0e-8a53-3a0f9f6f2c11",
    "role": "member",
    "invited_by": PROFILE_EXAMPLE,
    "created_at": "2026-11-23T09:00:00Z",
    "expires_at": "2026-12-07T09:00:00Z",
    "max_uses": 25,
    "uses": 0,
}


class InvitationLink(Shown):
    """A link that is good; its secret is shown nowhere."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: UUID
    role: Role
    invited_by: UserProfile
    created_at: datetime
    expires_at: datetime
    max_uses: int
    uses: int

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "InvitationLink":
        """Make it of a row."""
        return cls.model_validate({**dict(row), "invited_by": inviter_of(row)})


class NewInvitationLink(InvitationLink):
    """A link that was made just now, with its secret."""

    model_config = ConfigDict(
        json_schema_extra={"example": {**_EXAMPLE, "secret": "0ynq…", "path": "/#invitation=0ynq…"}}
    )

    secret: str = Field(description="Shown this once: only its hash is stored.")
    path: str = Field(description="What to append to the address of the page.")


class LinkWanted(Given):
    """A link to make."""

    model_config = ConfigDict(json_schema_extra={"example": {"role": "member", "max_uses": 25}})

    role: Role = Field("member", description="What whoever uses it may do; your own at most.")
    max_uses: Annotated[int, Field(ge=1, le=1000)] = 25
    days: Annotated[float, Field(ge=1 / 24, le=365)] | None = Field(
        None, description="How long it is good; by default as long as an invitation."
    )


_LAST_FIRST: Final = Keyset("invitation links", NEWEST_FIRST)


@router.get("", name="list_invitation_links", responses=problems(400, 403, 404))
async def index(
    caller: Asking, team_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[InvitationLink]:
    """List the links to a team that are good, newest first, as its owner or admin."""
    after = _LAST_FIRST.after(cursor)
    async with caller.rows() as rows:
        await as_inviter(rows, team_id)
        found = await rows.fetch("invitation_links", team_id, *after, limit + 1)
    return _LAST_FIRST.page(found, limit, InvitationLink.of)


@router.post("", name="create_invitation_link", status_code=201, responses=problems(403, 404))
async def create(
    caller: Asking, team_id: UUID, wanted: LinkWanted, response: Response
) -> NewInvitationLink:
    """Make a link by which whoever has it joins, as an owner or admin; only owners for owners."""
    lasts = caller.context.invitation_lasts.total_seconds()
    if wanted.days is not None:
        lasts = wanted.days * _DAY
    secret = secrets.token_urlsafe(_BYTES)
    digest = sha256(secret.encode()).digest()
    async with caller.rows() as rows:
        await as_inviter(rows, team_id, wanted.role)
        await caller.context.quotas.require_pause(rows)
        await caller.context.quotas.require(rows, "invitations_per_team", team_id)
        made: UUID | None = await rows.fetchval(
            "new_invitation_link", team_id, digest, wanted.role, lasts, wanted.max_uses
        )
        if made is None:
            raise RoleNeeded("making such a link", "owner")
        row = await _row(rows, team_id, made)
    response.headers["Location"] = f"/api/teams/{team_id}/invitation-links/{made}"
    shown = {**dict(row), "invited_by": inviter_of(row)}
    return NewInvitationLink(**shown, secret=secret, path=f"/#invitation={secret}")


@router.get("/{link_id}", name="get_invitation_link", responses=problems(403, 404))
async def show(caller: Asking, team_id: UUID, link_id: UUID) -> InvitationLink:
    """Read one link that is good, as an owner or admin."""
    async with caller.rows() as rows:
        await as_inviter(rows, team_id)
        return InvitationLink.of(await _row(rows, team_id, link_id))


@router.delete(
    "/{link_id}", name="revoke_invitation_link", status_code=204, responses=problems(403, 404)
)
async def revoke(caller: Asking, team_id: UUID, link_id: UUID) -> None:
    """Revoke a link, as an owner or admin; only owners revoke those for owners."""
    async with caller.rows() as rows:
        mine = await as_inviter(rows, team_id)
        roles.require_power_over(mine, (await _row(rows, team_id, link_id))["role"])
        await rows.fetchval("drop_invitation_link", link_id)


async def _row(rows: UserRows, team_id: UUID, link_id: UUID) -> Mapping[str, Any]:
    row = await rows.fetchrow("invitation_link", team_id, link_id)
    if row is None:
        raise NotFound(f"no link {link_id} to this team that is good: check the id")
    return row
