"""`/organizations`: the roofs over teams."""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict

from app.api.core import etags, roles
from app.api.core.context import Asking
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.locked_rows import LockedRow
from app.api.core.pagination import DEFAULT_LIMIT, NEWEST_FIRST, Cursor, Keyset, Limit, Page
from app.api.core.problems import NotFound
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
from persistence.ports.user_rows import Record, UserRows

router = APIRouter(prefix="/organizations", tags=["organizations"])


class Organization(Shown):
    """An organization with a team of the caller's."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "d3f8a1f0-5a44-4a6e-9a0e-5b8f9f6f2c11",
                "name": "Example",
                "slug": "example",
                "settings": {},
                "created_at": "2026-11-23T09:00:00Z",
            }
        }
    )

    id: UUID
    name: str
    slug: str
    settings: JsonObject
    created_at: datetime


class FirstTeam(Given):
    """The team that a new organization starts with."""

    name: Name
    slug: Slug | None = None


class NewOrganization(Given):
    """An organization to be; slugs are made of names unless given."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "Example", "team": {"name": "Platform"}}}
    )

    name: Name
    slug: Slug | None = None
    team: FirstTeam = FirstTeam(name="General")


class OrganizationPatch(Patch):
    """What may be changed of an organization; `settings` are replaced as a whole."""

    name: Name = kept()
    slug: Slug = kept()
    settings: SmallObject = kept()


_BY_CREATION: Final = Keyset("organizations", NEWEST_FIRST)
_ROW: Final = LockedRow(
    Organization.of,
    "lock_organization",
    "write_organization",
    ("name", "slug", "settings"),
)


@router.get("", name="list_organizations", responses=problems(400))
async def index(
    caller: Asking, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[Organization]:
    """List the organizations in which you are in a team, newest first."""
    after = _BY_CREATION.after(cursor)
    async with caller.rows() as rows:
        found = await rows.fetch("organizations", *after, limit + 1)
    return _BY_CREATION.page(found, limit, _ROW.show)


@router.post("", name="create_organization", status_code=201, responses=problems(403, 409))
async def create(caller: Asking, wanted: NewOrganization, response: Response) -> Organization:
    """Create an organization with its first team; you become the owner of that."""
    slug = slug_of(wanted.name, wanted.slug)
    team_slug = slug_of(wanted.team.name, wanted.team.slug)
    async with caller.rows() as rows:
        await caller.context.quotas.require(rows, "organizations_per_user")
        created = await rows.fetchval(
            "new_organization", wanted.name, slug, wanted.team.name, team_slug
        )
        row = await _read(rows, created)
    response.headers["Location"] = f"/api/organizations/{created}"
    return etags.answered(response, _ROW.show(row), _ROW.tag(row))


@router.get("/{organization_id}", name="get_organization", responses=problems(304, 404))
async def show(
    caller: Asking, organization_id: UUID, response: Response, if_none_match: IfNoneMatch = None
) -> Organization:
    """Read an organization."""
    async with caller.rows() as rows:
        row = await _read(rows, organization_id)
    return etags.answered(response, _ROW.show(row), _ROW.tag(row), if_none_match)


@router.patch(
    "/{organization_id}", name="patch_organization", responses=problems(403, 404, 409, 412)
)
async def change(
    caller: Asking,
    organization_id: UUID,
    changes: OrganizationPatch,
    response: Response,
    if_match: IfMatch = None,
) -> Organization:
    """Rename an organization or replace its settings, as an owner of any of its teams."""
    async with caller.rows() as rows:
        role = await roles.in_organization(rows, organization_id)
        roles.require(role, "owner", "changing an organization")
        row = await _ROW.change(rows, (organization_id,), changes.given(), if_match)
    return etags.answered(response, _ROW.show(row), _ROW.tag(row))


async def _read(rows: UserRows, organization_id: UUID) -> Record:
    row = await rows.fetchrow("organization", organization_id)
    if row is None:
        raise NotFound(f"no organization {organization_id}: check the id")
    return row
