"""`/pipelines/{pipeline_id}/presence`: who is here, as far as this node knows."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from crdt.json_values import StorableJson

from . import roles
from .context import Asking
from .shapes import Person, Shown, problems

router = APIRouter(prefix="/pipelines/{pipeline_id}/presence", tags=["presence"])


class Point(Shown):
    """A place on the canvas, in pixels."""

    x: float
    y: float


class Present(Shown):
    """Somebody who has the pipeline open; once for each window of theirs that says something."""

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

    user: Person
    cursor: Point | None
    selection: list[str] = Field(description="Ids of steps.")
    status: str | None


class Presence(Shown):
    """Everybody who has the pipeline open."""

    items: list[Present]


@router.get("", name="get_presence", responses=problems(404))
async def index(caller: Asking, pipeline_id: UUID) -> Presence:
    """See who has the pipeline open, and what their windows say of themselves."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
        states = caller.context.hub.presence(pipeline_id)
        people = await rows.fetch("people", list({user_id for user_id, _ in states}))
    known = {row["id"]: Person.of(row) for row in people}
    return Presence(
        items=[_present(known[user_id], state) for user_id, state in states if user_id in known]
    )


def _present(user: Person, state: str) -> Present:
    clean = StorableJson().clean(json.loads(state))
    said: Mapping[str, Any] = clean if isinstance(clean, Mapping) else {}
    selection = said.get("selection")
    status = said.get("status")
    return Present(
        user=user,
        cursor=_point(said.get("cursor")),
        selection=[one for one in selection if isinstance(one, str)]
        if isinstance(selection, list)
        else [],
        status=status if isinstance(status, str) else None,
    )


def _point(cursor: object) -> Point | None:
    """A cursor, if it is one: windows may say anything."""
    match cursor:
        case {"x": int() | float() as x, "y": int() | float() as y}:
            return Point(x=x, y=y)
    return None
