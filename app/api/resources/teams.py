"""`/teams`: groups of people who share pipelines. Their members: `members.py`."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from app.api.core import etags, roles
from app.api.core.context import Asking
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.locked_rows import LockedRow
from app.api.core.pagination import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from app.api.core.problems import NotEmpty, NotFound
from app.api.schemas.common import (
    Given,
    JsonObject,
    Name,
    Patch,
    Shown,
    Slug,
    SmallObject,
    kept,
    problems,
)
from app.api.schemas.slugs import slug_of
from crdt.pipeline.fields import MAX_TAG
from persistence.ports.directory import Role
from persistence.ports.user_rows import Record, UserRows

router = APIRouter(prefix="/teams", tags=["teams"])

MAX_TAGS_SHOWN: Final = 100


class Team(Shown):
    """A team of the caller's."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
                "organization_id": "d3f8a1f0-5a44-4a6e-9a0e-5b8f9f6f2c11",
                "name": "Platform",
                "slug": "platform",
                "settings": {},
                "role": "owner",
                "created_at": "2026-11-23T09:00:00Z",
            }
        }
    )

    id: UUID
    organization_id: UUID
    name: str
    slug: str
    settings: JsonObject
    role: Role
    created_at: datetime


class NewTeam(Given):
    """A team to be; its slug is made of the name unless given."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organization_id": "d3f8a1f0-5a44-4a6e-9a0e-5b8f9f6f2c11",
                "name": "Research",
            }
        }
    )

    organization_id: UUID
    name: Name
    slug: Slug | None = None


class TeamPatch(Patch):
    """What may be changed of a team; `settings` are replaced as a whole."""

    name: Name = kept()
    slug: Slug = kept()
    settings: SmallObject = kept()


class TagCount(Shown):
    """A tag, and how many pipelines have it."""

    tag: str
    count: int


class StoredBytes(Shown):
    """How many bytes the pipelines of a team store, those that are deleted and kept included."""

    log: int = Field(description="What people wrote, update by update.")
    states: int
    versions: int
    comments: int
    limit: int = Field(description="How many all of these may be together.")


class TeamOverview(Shown):
    """How many pipelines and templates a team has, which tags, and what it stores."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "draft": 4,
                "active": 6,
                "archived": 3,
                "deleted": 1,
                "templates": 2,
                "tags": [{"tag": "review", "count": 5}],
                "bytes": {
                    "log": 180000,
                    "states": 42000,
                    "versions": 260000,
                    "comments": 900,
                    "limit": 10737418240,
                },
            }
        }
    )

    draft: int
    active: int
    archived: int
    deleted: int = Field(description="Those that can still be brought back.")
    templates: int
    tags: list[TagCount] = Field(
        max_length=MAX_TAGS_SHOWN, description="The most frequent first, at most 100."
    )
    bytes: StoredBytes


_BY_CREATION: Final = Keyset("teams", NEWEST_FIRST)
TEAM_ROW: Final = LockedRow(Team.of, "lock_team", "write_team", ("name", "slug", "settings"))


@router.get("", name="list_teams", responses=problems(400))
async def index(
    caller: Asking,
    organization: Annotated[UUID | None, Query(description="Of this organization only.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[Team]:
    """List your teams, newest first, with your role in each."""
    after = _BY_CREATION.after(cursor)
    async with caller.rows() as rows:
        found = await rows.fetch("teams", organization, *after, limit + 1)
    return _BY_CREATION.page(found, limit, TEAM_ROW.show)


@router.get("/{team_id}/overview", name="get_team_overview", responses=problems(404))
async def overview(caller: Asking, team_id: UUID) -> TeamOverview:
    """Count what a team has."""
    async with caller.rows() as rows:
        await roles.in_team(rows, team_id)
        counts = await rows.fetchrow("team_overview", team_id)
        tags = await rows.fetch("team_tags", team_id, MAX_TAGS_SHOWN, MAX_TAG)
        stored = await rows.fetchrow("team_bytes", team_id)
    if counts is None or stored is None:
        raise _no_team(team_id)  # it was deleted since the role was looked up
    limit = caller.context.quotas.bytes_per_team
    found = {"tags": [dict(row) for row in tags], "bytes": {**dict(stored), "limit": limit}}
    return TeamOverview.of({**dict(counts), **found})


@router.post("", name="create_team", status_code=201, responses=problems(403, 404, 409))
async def create(caller: Asking, wanted: NewTeam, response: Response) -> Team:
    """Create a team, as an owner of any team of the organization; you become its owner."""
    slug = slug_of(wanted.name, wanted.slug)
    async with caller.rows() as rows:
        role = await roles.in_organization(rows, wanted.organization_id)
        roles.require(role, "owner", "adding a team")
        quotas = caller.context.quotas
        await quotas.require(rows, "teams_per_organization", wanted.organization_id)
        created = await rows.fetchval("new_team", wanted.organization_id, wanted.name, slug)
        row = await read_row(rows, created)
    response.headers["Location"] = f"/api/teams/{created}"
    return etags.answered(response, TEAM_ROW.show(row), TEAM_ROW.tag(row))


@router.get("/{team_id}", name="get_team", responses=problems(304, 404))
async def show(
    caller: Asking, team_id: UUID, response: Response, if_none_match: IfNoneMatch = None
) -> Team:
    """Read a team."""
    async with caller.rows() as rows:
        row = await read_row(rows, team_id)
    return etags.answered(response, TEAM_ROW.show(row), TEAM_ROW.tag(row), if_none_match)


@router.patch("/{team_id}", name="patch_team", responses=problems(403, 404, 409, 412))
async def change(
    caller: Asking,
    team_id: UUID,
    changes: TeamPatch,
    response: Response,
    if_match: IfMatch = None,
) -> Team:
    """Rename a team or replace its settings, as its owner or admin."""
    async with caller.rows() as rows:
        roles.require(await roles.in_team(rows, team_id), "admin", "changing a team")
        row = await TEAM_ROW.change(rows, (team_id,), changes.given(), if_match)
    return etags.answered(response, TEAM_ROW.show(row), TEAM_ROW.tag(row))


@router.delete("/{team_id}", name="delete_team", status_code=204, responses=problems(403, 404, 409))
async def delete(
    caller: Asking,
    team_id: UUID,
    force: Annotated[bool, Query(description="Also if it has pipelines.")] = False,
) -> None:
    """Delete a team with all it has, as its owner; with pipelines only by `force`.

    It is gone at once for everybody, and can be restored for a while: see `/deleted-teams`.
    """
    async with caller.rows() as rows:
        roles.require(await roles.in_team(rows, team_id), "owner", "deleting a team")
        pipelines = await rows.fetchval("count_pipelines_of_team", team_id)
        if pipelines and not force:
            raise NotEmpty("the team", pipelines)
        await rows.fetchval("remove_team", team_id)


async def read_row(rows: UserRows, team_id: UUID) -> Record:
    """One of the user's teams. Raises NotFound."""
    row = await rows.fetchrow("team", team_id)
    if row is None:
        raise _no_team(team_id)
    return row


def _no_team(team_id: UUID) -> NotFound:
    return NotFound(f"no team {team_id}: check the id")
