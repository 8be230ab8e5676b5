"""`/me`: the caller's own row."""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict

from app.api.core import etags
from app.api.core.context import Asking
from app.api.core.etags import IfMatch, IfNoneMatch
from app.api.core.locked_rows import LockedRow
from app.api.core.problems import NotFound
from app.api.schemas.common import JsonObject, Name, Patch, Shown, SmallObject, Url, kept, problems

router = APIRouter(prefix="/me", tags=["me"])


class Me(Shown):
    """The user whose token it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
                "email": "ada@example.org",
                "name": "Ada",
                "avatar_url": None,
                "preferences": {"theme": "dark"},
                "created_at": "2026-11-23T09:00:00Z",
                "updated_at": "2026-11-23T09:00:00Z",
            }
        },
    )

    id: UUID
    email: str
    name: str
    avatar_url: str | None
    preferences: JsonObject
    created_at: datetime
    updated_at: datetime


class MePatch(Patch):
    """What users may change of their own row; `preferences` are replaced as a whole."""

    name: Name = kept()
    avatar_url: Url | None = kept()
    preferences: SmallObject = kept()


_ROW: Final = LockedRow(Me.of, "lock_me", "write_me", ("name", "avatar_url", "preferences"))


@router.get("", name="get_me", responses=problems(304, 404))
async def show(caller: Asking, response: Response, if_none_match: IfNoneMatch = None) -> Me:
    """Read the user of the token."""
    async with caller.rows() as rows:
        row = await rows.fetchrow("me")
    if row is None:
        raise NotFound("the token's user does not exist (any more)")
    return etags.answered(response, _ROW.show(row), _ROW.tag(row), if_none_match)


@router.patch("", name="patch_me", responses=problems(404, 412))
async def change(
    caller: Asking, changes: MePatch, response: Response, if_match: IfMatch = None
) -> Me:
    """Change your name, avatar or preferences."""
    async with caller.rows() as rows:
        row = await _ROW.change(rows, (), changes.given(), if_match)
    return etags.answered(response, _ROW.show(row), _ROW.tag(row))
