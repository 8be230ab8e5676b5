"""`/deleted-pipelines`: those that can still be brought back, and the way back.

A deleted pipeline is hidden by row-level security with everything in it, and its sockets are
closed; its log, its versions and its comments stay. The worker purges it when its time is over.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from app.api.core import roles
from app.api.core.context import Asking
from app.api.core.pagination import DEFAULT_LIMIT, Cursor, Keyset, Limit, Page, timestamp
from app.api.schemas.common import Shown, UserProfile, problems
from app.api.schemas.pipelines import PROFILE_EXAMPLE, Pipeline
from crdt.errors import PipelineNotFound
from persistence.ports.user_rows import Record

from . import pipelines

router = APIRouter(prefix="/deleted-pipelines", tags=["pipelines"])

_LAST_FIRST: Final = Keyset("deleted pipelines", {"deleted_at": timestamp, "id": UUID})


class DeletedPipeline(Shown):
    """A pipeline that was deleted and is kept."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0d7f4f4a-9c1e-4b65-8a67-4f3c7a1f0e11",
                "team_id": "5c0b7a64-6c0e-4d1c-9f5e-0f2f9f6f2c11",
                "created_by": None,
                "name": "Review a pull request",
                "description": None,
                "deleted_at": "2026-11-23T09:00:00Z",
                "deleted_by": PROFILE_EXAMPLE,
                "kept_until": "2026-12-23T09:00:00Z",
            }
        }
    )

    id: UUID
    team_id: UUID
    created_by: UUID | None
    name: str
    description: str | None
    deleted_at: datetime
    deleted_by: UserProfile | None = Field(
        description="Who deleted it; null if that user is gone, or none whom the caller may see."
    )
    kept_until: datetime = Field(description="It can be restored until then at least.")


@router.get("", name="list_deleted_pipelines", responses=problems(400))
async def index(
    caller: Asking,
    team: UUID | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[DeletedPipeline]:
    """List the deleted pipelines of your teams that are still kept, the last deleted first."""
    after = _LAST_FIRST.after(cursor)
    async with caller.rows() as rows:
        found = await rows.fetch("deleted_pipelines", team, *after, limit + 1)
    kept_for = caller.context.keep_deleted
    return _LAST_FIRST.page(found, limit, lambda row: _shown(row, kept_for))


@router.post("/{pipeline_id}/restore", name="restore_pipeline", responses=problems(403, 404))
async def restore(caller: Asking, pipeline_id: UUID) -> Pipeline:
    """Bring a deleted pipeline back with all it had: whoever may delete it may do so."""
    async with caller.rows() as rows:
        row = await rows.fetchrow("deleted_pipeline", pipeline_id)
        if row is None:
            raise PipelineNotFound(f"no deleted pipeline {pipeline_id}: check the id")
        mine = row["created_by"] == caller.id
        roles.require(row["role"], "member" if mine else "admin", "restoring a pipeline")
        await rows.fetchval("bring_back_pipeline", pipeline_id)
    return await pipelines.read(caller, pipeline_id)


def _shown(row: Record, kept_for: timedelta) -> DeletedPipeline:
    deleter = None
    if row["deleter_id"] is not None:
        deleter = UserProfile(
            id=row["deleter_id"], name=row["deleter_name"], avatar_url=row["deleter_avatar_url"]
        )
    return DeletedPipeline(
        **{name: row[name] for name in _SAME},
        deleted_by=deleter,
        kept_until=row["deleted_at"] + kept_for,
    )


_SAME: Final = ("id", "team_id", "created_by", "name", "description", "deleted_at")
