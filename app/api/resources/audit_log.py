"""`/teams/{team_id}/audit-log` and `/organizations/{organization_id}/audit-log`, for owners.

Triggers of the database write the log (`sql/schema.sql`). What people do in a document is in the
history of its pipeline instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from app.api.core import roles
from app.api.core.context import Asking, Caller
from app.api.core.pagination import (
    DEFAULT_LIMIT,
    Cursor,
    Keyset,
    Limit,
    Page,
    small_integer,
)
from app.api.schemas.common import JsonObject, Shown, UserProfile, problems
from app.api.schemas.pipelines import PROFILE_EXAMPLE

router = APIRouter(tags=["audit log"])

Action: TypeAlias = Literal[
    "comment.deleted",
    "invitation.created",
    "invitation.withdrawn",
    "member.added",
    "member.removed",
    "member.role_changed",
    "organization.changed",
    "organization.created",
    "organization.deleted",
    "pipeline.created",
    "pipeline.deleted",
    "pipeline.moved",
    "pipeline.purged",
    "pipeline.restored",
    "team.changed",
    "team.created",
    "team.deleted",
    "team.purged",
    "team.restored",
    "template.changed",
    "template.created",
    "template.deleted",
]
"""What can be done; the table has the same list."""


class AuditEntry(Shown):
    """Who did what, when and from where."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": 4711,
                "at": "2026-11-23T09:00:00Z",
                "organization_id": "d3f8a1f0-5a44-4a6e-9a0e-5b8f9f6f2c11",
                "team_id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
                "actor_id": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
                "actor": PROFILE_EXAMPLE,
                "address": "203.0.113.7",
                "action": "member.role_changed",
                "subject_id": "0d7f4f4a-9c1e-4b65-8a67-4f3c7a1f0e11",
                "before": {"role": "member"},
                "after": {"role": "admin"},
            }
        }
    )

    id: int = Field(description="Later entries have higher numbers.")
    at: datetime
    organization_id: UUID
    team_id: UUID | None = Field(description="Null for what is the whole organization's.")
    actor_id: UUID | None = Field(description="The user who did it; null if none did.")
    actor: UserProfile | None = Field(
        description="Null if that user is gone, or none whom the caller may see."
    )
    address: str = Field(
        description="The IP address of the user's client, `unknown` if its proxy gives none; or "
        "`command`, `worker`, `server`, or `database` for SQL by hand."
    )
    action: Action
    subject_id: UUID = Field(description="What was changed; of a membership, the user.")
    before: JsonObject | None = Field(description="Null for what is new. Long values are cut.")
    after: JsonObject | None = Field(description="Null for what is gone. Long values are cut.")


_LAST_FIRST: Final = Keyset("audit log", {"id": small_integer})


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a time in the years 1 to 9999 in UTC") from error


@dataclass(frozen=True, slots=True)
class PartOfLog:
    """Which entries of a log are wanted; a filter that is None lets everything through."""

    action: Annotated[Action | None, Query(description="Of this kind only.")] = None
    since: Annotated[
        AwareDatetime | None,
        AfterValidator(lambda time: time and _in_utc(time)),
        Query(description="Not older than this."),
    ] = None
    actor: Annotated[UUID | None, Query(description="By this user only.")] = None
    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor = None

    def arguments(self) -> list[Any]:
        """The parameters of the queries after the first. Raises BadCursor."""
        before = _LAST_FIRST.after(self.cursor)
        return [self.action, self.since, self.actor, *before, self.limit + 1]


Wanted: TypeAlias = Annotated[PartOfLog, Depends()]


@router.get(
    "/teams/{team_id}/audit-log",
    name="list_audit_log_of_team",
    responses=problems(400, 403, 404),
)
async def of_team(caller: Asking, team_id: UUID, wanted: Wanted) -> Page[AuditEntry]:
    """List what was done to a team, its members and what belongs to it, newest first."""
    async with caller.rows() as rows:
        roles.require(await roles.in_team(rows, team_id), "owner", "reading the audit log")
    return await _page(caller, "audit_log_of_team", team_id, wanted)


@router.get(
    "/organizations/{organization_id}/audit-log",
    name="list_audit_log_of_organization",
    responses=problems(400, 403, 404),
)
async def of_organization(
    caller: Asking, organization_id: UUID, wanted: Wanted
) -> Page[AuditEntry]:
    """List what was done in an organization, also in teams that are no more, newest first.

    Where no team is left, it is for those who owned the last one.
    """
    async with caller.rows() as rows:
        if not await rows.fetchval("is_former_organization", organization_id):
            role = await roles.in_organization(rows, organization_id)
            roles.require(role, "owner", "reading the audit log")
    return await _page(caller, "audit_log_of_organization", organization_id, wanted)


async def _page(caller: Caller, query: str, of: UUID, wanted: PartOfLog) -> Page[AuditEntry]:
    async with caller.rows() as rows:
        found = await rows.fetch(query, of, *wanted.arguments())
    return _LAST_FIRST.page(found, wanted.limit, _shown)


def _shown(row: Mapping[str, Any]) -> AuditEntry:
    actor = None
    if row["user_id"] is not None:
        actor = UserProfile(
            id=row["user_id"], name=row["user_name"], avatar_url=row["user_avatar_url"]
        )
    return AuditEntry.of({**dict(row), "actor": actor})
