"""`/pipelines/{pipeline_id}/history`: who changed what and when, from the log."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field

from app.api.core import roles
from app.api.core.context import Asking
from app.api.core.pagination import Cursor, Keyset, Page, small_integer
from app.api.core.problems import Invalid
from app.api.schemas.common import Shown, UserProfile, problems
from app.api.schemas.versions import EntryChange, storable
from app.services.history import MAX_REPLAYED
from crdt.errors import InvalidEdit
from persistence.ports.directory import SYSTEM
from persistence.worker.edit_history import EditedEntries, EditGroup

router = APIRouter(prefix="/pipelines/{pipeline_id}/history", tags=["history"])

LARGEST_SEQ: Final = 2**63 - 1

Seq = Annotated[int, Query(ge=1, le=LARGEST_SEQ)]


class Edits(Shown):
    """What one person edited without a long pause; others may have edited in between."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "user": {
                    "id": "7b3f3c64-0c43-4c57-8d3e-2d8f6e9a0c10",
                    "name": "Ada",
                    "avatar_url": None,
                },
                "first_seq": 97,
                "last_seq": 128,
                "first_at": "2026-11-23T09:00:00Z",
                "last_at": "2026-11-23T09:04:10Z",
                "updates": 32,
            }
        }
    )

    user: UserProfile | None = Field(
        description="Null once that person has left the team; `system` for repairs by the server."
    )
    user_id: UUID | None
    first_seq: int
    last_seq: int
    first_at: datetime
    last_at: datetime
    updates: int

    @classmethod
    def of_group(cls, one: EditGroup, people: Mapping[UUID | None, UserProfile]) -> "Edits":
        """Show a group of edits."""
        return cls(
            user=people.get(one.user_id),
            user_id=one.user_id,
            first_seq=one.first_seq,
            last_seq=one.last_seq,
            first_at=one.first_at,
            last_at=one.last_at,
            updates=one.updates,
        )


class Edited(Shown):
    """What edits touched, but for what came and went within them."""

    settings: bool
    steps: list[EntryChange]
    connections: list[EntryChange]


_NEWEST_FIRST: Final = Keyset("history", {"seq": small_integer})


@router.get("", name="list_history", responses=problems(400, 404))
async def index(caller: Asking, pipeline_id: UUID, cursor: Cursor = None) -> Page[Edits]:
    """List who edited a pipeline and when, newest first; a page covers 2,000 updates."""
    (before,) = _NEWEST_FIRST.after(cursor)
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    # Not within the transaction: who holds a connection must not wait for another.
    page = await caller.context.history.page(pipeline_id, before)
    async with caller.rows() as rows:
        authors = list({one.user_id for one in page.groups if one.user_id is not None})
        people = {row["id"]: UserProfile.of(row) for row in await rows.fetch("people", authors)}
    people[SYSTEM.id] = UserProfile(id=SYSTEM.id, name=SYSTEM.name, avatar_url=None)
    following = page.next_before
    return Page(
        items=[Edits.of_group(one, people) for one in page.groups],
        next_cursor=None if following is None else _NEWEST_FIRST.cursor({"seq": following}),
    )


@router.get("/changes", name="get_changes", responses=problems(404))
async def changes(
    caller: Asking,
    pipeline_id: UUID,
    first_seq: Seq,
    last_seq: Seq,
    user_id: Annotated[
        UUID | None, Query(description="Whose edits; else those of people who are deleted.")
    ] = None,
) -> Edited:
    """List what edits of one user changed: name `first_seq`, `last_seq` and `user_id` of these."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    if last_seq < first_seq:
        raise Invalid(("query.last_seq", "expected at least first_seq"))
    now = caller.context.clock.now()
    group = EditGroup(user_id, first_seq, last_seq, now, now, 0)
    try:
        async with caller.context.read_queue.turn(caller.id):
            found = await caller.context.history.edited_entries(pipeline_id, group)
    except InvalidEdit as error:
        expected = f"expected edits with at most {MAX_REPLAYED} updates up to there"
        raise Invalid(("query.last_seq", expected)) from error
    return _shown(found)


def _shown(found: EditedEntries) -> Edited:
    shown = {
        "settings": found.settings,
        "steps": [asdict(one) for one in found.steps],
        "connections": [asdict(one) for one in found.connections],
    }
    return Edited.of(storable(shown))
