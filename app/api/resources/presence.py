"""`/pipelines/{pipeline_id}/presence`: who is here, on whatever node."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from app.api.core import roles
from app.api.core.context import Asking
from app.api.schemas.common import Shown, UserProfile, problems
from persistence.ports.presence import PRESENCE_SECONDS
from persistence.ports.user_rows import Record

router = APIRouter(prefix="/pipelines/{pipeline_id}/presence", tags=["presence"])


class Point(Shown):
    """A place on the canvas, in pixels."""

    x: float
    y: float


class Present(Shown):
    """A user who has the pipeline open, with the presence that was sent last."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "user": {
                    "id": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
                    "name": "Ada",
                    "avatar_url": None,
                },
                "cursor": {"x": 310, "y": 95},
                "selection": ["9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22"],
                "status": "active",
            }
        }
    )

    user: UserProfile
    cursor: Point | None
    selection: list[str] = Field(description="Ids of steps.")
    status: str | None


class Presence(Shown):
    """Everybody who has the pipeline open."""

    items: list[Present]


@router.get("", name="get_presence", responses=problems(404))
async def index(caller: Asking, pipeline_id: UUID) -> Presence:
    """See who has the pipeline open, and what they said last of themselves: about a second ago."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        found = await rows.fetch("presence_at_pipeline", pipeline_id, PRESENCE_SECONDS)
    return Presence(items=[_present(row) for row in found])


def _present(row: Record) -> Present:
    x, y = row["cursor_x"], row["cursor_y"]
    return Present(
        user=UserProfile.of(row),
        cursor=None if x is None or y is None else Point(x=x, y=y),
        selection=[str(step_id) for step_id in row["selected_step_ids"]],
        status=row["status"],
    )
