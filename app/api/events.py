"""`/pipelines/{pipeline_id}/events`: what happens beside the document, as Server-Sent Events.

Source: HTML Living Standard, 9.2 (text/event-stream). The stream ends when the token expires, when
the caller loses access, when the pipeline is deleted, and for a listener who does not keep up;
after any of these an EventSource reconnects by itself and learns what is the matter.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from ..events import Listener, RoomEvent
from . import roles
from .context import Asking, Caller
from .shapes import problems

router = APIRouter(prefix="/pipelines/{pipeline_id}/events", tags=["events"])

PING_SECONDS: Final = 15.0
"""Silence after which a comment is sent: proxies close connections on which nothing moves."""

_EXAMPLE: Final = 'event: comment.created\ndata: {"id": "…", "content": "Why this model?"}\n\n'


class EventStream(StreamingResponse):
    """A stream of events."""

    media_type = "text/event-stream"


@router.get(
    "",
    name="listen",
    response_class=EventStream,
    responses={
        200: {
            "description": "Events until the stream ends.",
            "content": {"text/event-stream": {"example": _EXAMPLE}},
        },
        **problems(404),
    },
)
async def listen(caller: Asking, pipeline_id: UUID) -> EventStream:
    """Hear of comments, versions and the deletion of a pipeline as they happen."""
    # Before the role is looked up: a change after this is heard of, whatever the order.
    moment = caller.context.access.moment
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    return EventStream(
        _stream(caller, pipeline_id, moment),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(caller: Caller, pipeline_id: UUID, moment: int) -> AsyncIterator[str]:
    with caller.context.events.listening(pipeline_id, caller.id) as listener:
        await caller.context.access.catch_up(caller.id, since=moment)
        yield ": listening\n\n"
        while (left := _seconds_left(caller)) > 0:
            heard = await _next(listener, min(left, PING_SECONDS))
            if heard is None:
                return
            yield heard


async def _next(listener: Listener, patience: float) -> str | None:
    """The next piece of the stream: an event, a comment in silence, None at the end."""
    try:
        async with asyncio.timeout(patience):
            event = await listener.next()
    except TimeoutError:
        return ": ping\n\n"
    return None if event is None else _written(event)


def _written(event: RoomEvent) -> str:
    return f"event: {event.kind}\ndata: {json.dumps(event.data)}\n\n"


def _seconds_left(caller: Caller) -> float:
    return (caller.expires_at - caller.context.clock.now()).total_seconds()
