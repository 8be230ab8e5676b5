"""Edits of live documents: the one road by which the API changes what is in a pipeline.

An edit goes through the room, is answered after its commit, and then waits until the tables show
it, so that a read after a write sees the write. Where that takes too long the answer is 202.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel
from starlette.responses import Response

from app.api.core import roles
from app.api.core.context import Caller
from crdt.editing.editor import Editor

PATIENCE: Final = 5.0
"""Seconds to wait for the tables."""

FIRST_LOOK, LONGEST_PAUSE = 0.004, 0.1
"""Seconds before the first look at the tables, and between two looks when it takes long."""

T = TypeVar("T")


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
) -> T:
    """Change a document on behalf of the caller; return what `change` returned.

    Raises PipelineNotFound, RoleNeeded, what `change` raises, Overloaded and the like;
    PipelineTooLarge for what is no deletion, if there is room for nothing else.
    """
    await require_editor(caller, pipeline_id)
    hub = caller.context.hub
    done = await hub.edit(pipeline_id, caller.id, change, is_deletion=is_deletion)
    await settle(caller, pipeline_id, done.seq, response)
    return done.value


async def edit_aside(
    caller: Caller,
    pipeline_id: UUID,
    change: Callable[[Editor], T],
    response: Response,
    *,
    undisturbed: bool,
) -> T:
    """Change much of a document at once, on a copy in a thread; otherwise as `edit`."""
    await require_editor(caller, pipeline_id)
    async with caller.context.compute_queue.turn(caller.id):
        done = await caller.context.hub.edit_aside(
            pipeline_id, caller.id, change, undisturbed=undisturbed
        )
    await settle(caller, pipeline_id, done.seq, response)
    return done.value


async def require_editor(caller: Caller, pipeline_id: UUID) -> None:
    """Raise PipelineNotFound or RoleNeeded unless the caller may edit a pipeline."""
    async with caller.rows() as rows:
        role = await roles.at_pipeline(rows, pipeline_id)
    roles.require(role, "member", "editing a pipeline")


async def settle(caller: Caller, pipeline_id: UUID, seq: int, response: Response) -> None:
    """Wait until the tables show an update; answer 202 if they do not in time."""
    if not await shown(caller, pipeline_id, seq):
        response.status_code = 202


async def shown(caller: Caller, pipeline_id: UUID, seq: int) -> bool:
    """Wait until the tables show an update; whether they do in time."""
    pause = FIRST_LOOK
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _is_shown(caller, pipeline_id, seq):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
    except TimeoutError:
        return False
    return True


async def _is_shown(caller: Caller, pipeline_id: UUID, seq: int) -> bool:
    """Whether the tables show an update; a pipeline deleted meanwhile has nothing to wait for."""
    async with caller.rows() as rows:
        projected: int | None = await rows.fetchval("projected_seq", pipeline_id)
    return projected is None or projected >= seq
