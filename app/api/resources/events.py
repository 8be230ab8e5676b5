"""`/pipelines/{pipeline_id}/events`: what happens beside the document, as Server-Sent Events.

Source: HTML Living Standard, 9.2 (text/event-stream). The stream ends when the token expires, when
the caller loses access, when the pipeline is deleted, and for a subscriber that does not keep up;
after any of these a client that sends its token reconnects and learns what is the matter. One that
came with a ticket gets another one first.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, ExitStack, aclosing
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.core import roles
from app.api.core.callers import issue_ticket
from app.api.core.context import Asking, Caller
from app.api.core.problems import TooManyRequests
from app.api.schemas.common import Shown, problems
from app.services.events import EventQueue, RoomEvent
from persistence.ports.tickets import TICKET_SECONDS, Ticket

router = APIRouter(prefix="/pipelines/{pipeline_id}/events", tags=["events"])

PING_SECONDS: Final = 15.0
"""Silence after which a comment is sent: proxies close connections on which nothing moves."""

MAX_STREAMS: Final = 50
"""Streams that one user may have open on this node."""

RETRY_SECONDS: Final = 10

_EXAMPLE: Final = 'event: comment.created\ndata: {"id": "…", "content": "Why this model?"}\n\n'


class EventStream(StreamingResponse):
    """A stream of events that also ends its source, and the subscription behind it."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncGenerator[str, None], subscription: AbstractContextManager[object]
    ) -> None:
        # Proxies are asked neither to store nor to buffer events (nginx: X-Accel-Buffering).
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events, self._subscription = events, subscription

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See StreamingResponse; a client that leaves before the beginning ends it, too."""
        with self._subscription:
            await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """See StreamingResponse, which leaves an unfinished source to the garbage collector."""
        async with aclosing(self._events):
            await super().stream_response(send)


class TicketShown(Shown):
    """What a browser's `EventSource` puts into the address in place of a token."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "ticket": "0ynq6vQ4Vx0xTzOtk4h8gX1kZ1n3bq7aXWm2f5cJm3U",
                "expires_at": "2026-11-23T09:00:30Z",
            }
        }
    )

    ticket: str
    expires_at: datetime = Field(description="Until when a stream can be opened with it.")


@router.post("/ticket", name="create_event_ticket", responses=problems(404))
async def create_ticket(caller: Asking, pipeline_id: UUID) -> TicketShown:
    """Get a ticket for one stream: open `…/events?ticket=` with it, once, within 30 seconds."""
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    context, ticket = caller.context, Ticket(caller.id, pipeline_id, caller.expires_at)
    text = await issue_ticket(context.tickets, ticket)
    lasting = timedelta(seconds=TICKET_SECONDS)
    return TicketShown(ticket=text, expires_at=context.clock.now() + lasting)


@router.get(
    "",
    name="listen",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {
            "description": "Events until the stream ends.",
            "content": {"text/event-stream": {"example": _EXAMPLE}},
        },
        **problems(404),
    },
)
async def listen(
    caller: Asking,
    pipeline_id: UUID,
    _: Annotated[
        str | None,
        Query(alias="ticket", max_length=100, description="In place of a token; good once."),
    ] = None,
) -> EventStream:
    """Receive comments, versions and the deletion of a pipeline as they happen."""
    # Read before the role is looked up: `catch_up` then notices any change after this line.
    revision = caller.context.access.revision
    async with caller.rows() as rows:
        await roles.at_pipeline(rows, pipeline_id)
    subscription = ExitStack()
    queue = subscription.enter_context(_subscribed(caller, pipeline_id))
    return EventStream(_stream(caller, queue, revision), subscription)


def _subscribed(caller: Caller, pipeline_id: UUID) -> AbstractContextManager[EventQueue]:
    """Subscribe; counted when it is taken, so that many requests at once find no more places."""
    if caller.context.events.count(caller.id) >= MAX_STREAMS:
        raise TooManyRequests(RETRY_SECONDS, f"more than {MAX_STREAMS} streams of yours are open")
    return caller.context.events.subscribed(pipeline_id, caller.id)


async def _stream(caller: Caller, queue: EventQueue, revision: int) -> AsyncGenerator[str, None]:
    await caller.context.access.catch_up(caller.id, since=revision)
    yield ": listening\n\n"
    while (left := _seconds_left(caller)) > 0:
        received = await _next(queue, min(left, PING_SECONDS))
        if received is None:
            return
        yield received


async def _next(queue: EventQueue, seconds: float) -> str | None:
    """The next piece of the stream: an event, a comment in silence, None at the end."""
    try:
        async with asyncio.timeout(seconds):
            event = await queue.next()
    except TimeoutError:
        return ": ping\n\n"
    return None if event is None else _written(event)


def _written(event: RoomEvent) -> str:
    return f"event: {event.kind}\ndata: {json.dumps(event.data)}\n\n"


def _seconds_left(caller: Caller) -> float:
    return (caller.expires_at - caller.context.clock.now()).total_seconds()
