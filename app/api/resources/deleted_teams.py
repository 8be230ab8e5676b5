"""`/deleted-teams`: those that can still be brought back, and the way back.

A deleted team is hidden by row-level security with everything in it, and the sockets of its
pipelines are closed; everything stays as it was. The worker purges it when its time is over.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from app.api.core import etags, roles
from app.api.core.context import Asking
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, timestamp
from app.api.core.problems import NotFound
from app.api.schemas.common import Shown, UserProfile, problems
from app.api.schemas.pipelines import PROFILE_EXAMPLE
from persistence.ports.directory import Role
from persistence.ports.user_rows import Record

from .teams import TEAM_ROW, Team, read_row

router = APIRouter(prefix="/deleted-teams", tags=["teams"])

_LAST_FIRST: Final = Keyset("deleted teams", {"deleted_at": timestamp, "id": UUID})


class DeletedTeam(Shown):
    """A team that was deleted and is kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
                "organization_id": "d3f8a1f0-5a44-4a6e-9a0e-5b8f9f6f2c11",
                "organization_name": "Example",
                "name": "Platform",
                "slug": "platform",
                "role": "owner",
                "pipelines": 21,
                "deleted_at": "2026-11-23T09:00:00Z",
                "deleted_by": PROFILE_EXAMPLE,
                "kept_until": "2026-12-23T09:00:00Z",
            }
        }
    )

    id: UUID
    organization_id: UUID
    organization_name: str
    name: str
    slug: str
    role: Role = Field(description="Yours: owners can restore it.")
    pipelines: int = Field(description="How many come back with it.")
    deleted_at: datetime
    deleted_by: UserProfile | None = Field(description="Null if that user is gone.")
    kept_until: datetime = Field(description="It can be restored until then at least.")


@router.get("", name="list_deleted_teams", responses=problems(400))
async def index(
    caller: Asking,
    organization: UUID | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[DeletedTeam]:
    """List the deleted teams in which you are and that are still kept, the last deleted first."""
    after = _LAST_FIRST.after(cursor)
    async with caller.rows() as rows:
        found = await rows.fetch("deleted_teams", organization, *after, limit + 1)
    kept_for = caller.context.keep_deleted
    return _LAST_FIRST.page(found, limit, lambda row: _shown(row, kept_for))


@router.post("/{team_id}/restore", name="restore_team", responses=problems(403, 404, 409))
async def restore(caller: Asking, team_id: UUID, response: Response) -> Team:
    """Bring a deleted team back with all it had, as its owner.

    Pipelines that were deleted before it stay deleted. If another team of the organization has
    taken its slug, rename that one first.
    """
    async with caller.rows() as rows:
        role: Role | None = await rows.fetchval("my_role_in_deleted_team", team_id)
        if role is None:
            raise NotFound(f"no deleted team {team_id}: check the id")
        roles.require(role, "owner", "restoring a team")
        await rows.fetchval("bring_back_team", team_id)
        row = await read_row(rows, team_id)
    return etags.answered(response, TEAM_ROW.show(row), TEAM_ROW.tag(row))


def _shown(row: Record, kept_for: timedelta) -> DeletedTeam:
    deleter = None
    if row["deleter_id"] is not None:
        deleter = UserProfile(
            id=row["deleter_id"], name=row["deleter_name"], avatar_url=row["deleter_avatar_url"]
        )
    return DeletedTeam.of(
        {**dict(row), "deleted_by": deleter, "kept_until": row["deleted_at"] + kept_for}
    )
