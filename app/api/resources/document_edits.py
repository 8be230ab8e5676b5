"""Edits of live documents: the one way by which the API changes what is in a pipeline.

An edit goes through the room, is answered after its commit, and then waits until the tables show
it, so that a read after a write sees the write. Where that takes too long the answer is 202.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel
from starlette.responses import Response

from app.api.core import roles
from app.api.core.context import Caller
from app.rooms.large_edits import Turn
from crdt.editing.editor import Editor
from crdt.errors import PipelineNotFound
from persistence.decision_rounds import EditResult
from persistence.ports.projections import Projected, RowTimes

PROJECTION_SECONDS: Final = 5.0
"""How long a request waits until the tables show its edit."""

FIRST_PAUSE, LONGEST_PAUSE = 0.004, 0.1
"""Seconds between two looks at the tables while no announcement can be expected."""

FIRST_PATIENCE, LONGEST_PATIENCE = 0.25, 1.0
"""Seconds between two looks at the tables while announcements arrive: for the one that is lost."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edited(Generic[T]):
    """A stored edit: what it returned, and the projection that shows it, None if none does yet.

    `summary` is that of the edited document, if one was asked for. `exact_seq` is the number of the
    last update if the document is exactly what the edit made of it then, None if others had edited
    it meanwhile.
    """

    value: T
    projected: Projected | None
    summary: str = ""
    exact_seq: int | None = None


def accepted(model: type[BaseModel] | None = None) -> dict[int | str, dict[str, Any]]:
    """Document the answer to an edit that the tables do not show in time."""
    description = "Done, but the tables do not show it yet: lists may lag behind for a while."
    return {202: {"description": description} | ({} if model is None else {"model": model})}


async def edit(
    caller: Caller,
    pipeline_id: UUID,
    change: Callable[[Editor], T],
    response: Response,
    *,
    is_deletion: bool = False,
    creates: UUID | None = None,
) -> Edited[T]:
    """Change a document on behalf of the caller; `value` is what `change` returned.

    `creates` is the id of what it adds to the document, noted with the key of the request.

    Raises PipelineNotFound, RoleNeeded, what `change` raises, Overloaded and the like;
    PipelineTooLarge for what is no deletion, if there is room for nothing else.
    """
    await require_editor(caller, pipeline_id)
    hub = caller.context.hub
    fulfilled = None if creates is None else caller.fulfilled_by(creates)
    done = await hub.edit(
        pipeline_id, caller.id, change, is_deletion=is_deletion, fulfilled=fulfilled
    )
    return Edited(done.value, await await_projection(caller, pipeline_id, done, response))


async def edit_aside(
    caller: Caller,
    pipeline_id: UUID,
    change: Callable[[Editor], T],
    response: Response,
    *,
    is_conditional: bool,
    summary: Callable[[bytes, Sequence[bytes]], str] | None = None,
) -> Edited[T]:
    """Change much of a document at once, on a copy in another process; otherwise as `edit`.

    `summary` is called with the state of that copy and the updates of the edit.
    """
    await require_editor(caller, pipeline_id)
    context = caller.context
    done = await context.hub.edit_aside(
        pipeline_id,
        caller.id,
        change,
        is_conditional=is_conditional,
        before_merge=partial(_require_still, caller, pipeline_id),
        turn=turn_of(caller),
    )
    # Not before: others who edit this pipeline would wait as long again.
    found = "" if summary is None else await context.compute(summary, done.state, done.updates)
    projected = await await_projection(caller, pipeline_id, done, response)
    return Edited(done.value, projected, found, done.seq if done.is_alone else None)


async def _require_still(caller: Caller, pipeline_id: UUID, _: UUID) -> bool:
    """Require the editor again: seconds have gone by. Nothing was edited here meanwhile."""
    await require_editor(caller, pipeline_id)
    return False


def turn_of(caller: Caller) -> Turn:
    """Return what waits for the caller's turn to compute."""
    return partial(caller.context.compute_queue.turn, caller.id)


async def require_editor(caller: Caller, pipeline_id: UUID) -> None:
    """Raise PipelineNotFound or RoleNeeded unless the caller may edit a pipeline.

    Asked as for a client who joins the room: one query, where acting as the caller takes four.
    """
    member = await caller.context.directory.member(caller.id, pipeline_id)
    if member is None:
        raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")
    roles.require(member.role, "member", "editing a pipeline")


async def await_projection(
    caller: Caller, pipeline_id: UUID, edit: EditResult[Any], response: Response
) -> Projected | None:
    """Wait until the tables show an edit; make the answer a 202 if they do not in time."""
    projected = await projection_of(caller, pipeline_id, edit.seq, is_new=edit.has_changed)
    if projected is None:
        response.status_code = 202
    elif edit.has_changed and caller.writes is not None:
        # What has changed nothing was written by nobody, or by whoever did the same before.
        caller.writes.of_document = projected.transaction_id
    return projected


async def projection_of(
    caller: Caller, pipeline_id: UUID, seq: int, *, is_new: bool = True
) -> Projected | None:
    """Wait until the tables show an update; None if they do not in time.

    What `is_new` is announced soon; for anything else the first look at the tables is at once.
    """
    watch = caller.context.projections
    pauses = _pauses(caller, is_new=is_new)
    try:
        async with asyncio.timeout(PROJECTION_SECONDS):
            while True:
                if announced := await watch.wait(pipeline_id, seq, next(pauses)):
                    return announced
                if shown := await _shown(caller, pipeline_id, seq):
                    return shown
    except TimeoutError:
        return None


def _pauses(caller: Caller, *, is_new: bool) -> Iterator[float]:
    """How long to wait for an announcement before each look at the tables, in seconds."""
    if not is_new:
        yield 0.0
    pause, patience = FIRST_PAUSE, FIRST_PATIENCE
    while True:
        if caller.context.projections.is_listening:
            yield patience
            patience = min(2 * patience, LONGEST_PATIENCE)
        else:
            yield pause
            pause = min(2 * pause, LONGEST_PAUSE)


async def _shown(caller: Caller, pipeline_id: UUID, seq: int) -> Projected | None:
    """Look whether the tables show an update; a deleted pipeline has nothing to wait for."""
    async with caller.rows() as rows:
        projected: int | None = await rows.fetchval("projected_seq", pipeline_id)
    if projected is None:
        return Projected(pipeline_id, seq)
    return Projected(pipeline_id, projected) if projected >= seq else None


async def times_of(
    caller: Caller, announced: RowTimes | None, query: str, *key: UUID
) -> dict[str, datetime]:
    """The times of an edited row: as announced, or else read; empty if there is no row yet."""
    if announced is not None:
        return {"created_at": announced.created_at, "updated_at": announced.updated_at}
    async with caller.rows() as rows:
        row = await rows.fetchrow(query, *key)
    return {} if row is None else {name: row[name] for name in ("created_at", "updated_at")}
