"""Events beside a document: comments, versions, diagnostics, the deletion of a pipeline.

Hocuspocus clients in the room receive these as stateless messages. The y-websocket protocol has no
message for them, and its stock clients log an error for unknown ones. So anybody can subscribe
here, pipeline by pipeline; the API offers that as Server-Sent Events. Other nodes receive events
over the bus, which may lose any message. Nothing is kept: who was away reads the lists again.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, TypeAlias, get_args
from uuid import UUID

from app.bus.base import Bus, Handler, Unsubscribe
from crdt.protocol.messages import Scope, Stateless
from crdt.room.peer_messages import PeerMessage

Kind: TypeAlias = Literal[
    "comment.created",
    "comment.updated",
    "comment.resolved",
    "comment.deleted",
    "version.created",
    "diagnostics.changed",
    "pipeline.deleted",
]

_KINDS: Final = frozenset(get_args(Kind))

_BEGINNING: Final = '{"event": '
"""How the message of every event begins; a client's own message is relayed as {"from": …}."""

MAX_WAITING: Final = 100
"""Events that may wait in one queue: a subscriber that falls further behind is ended."""


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """Something that happened at a pipeline; `data` is JSON."""

    kind: Kind
    data: Mapping[str, Any]

    def message(self) -> Stateless:
        """Write it as the message that clients in the room receive."""
        return Stateless(json.dumps({"event": self.kind, "data": self.data}))


def event_in(message: PeerMessage) -> RoomEvent | None:
    """The event in a message of another node; None for other messages and for unknown kinds."""
    if not isinstance(message, Stateless) or not message.payload.startswith(_BEGINNING):
        return None
    try:
        read = json.loads(message.payload)
        return RoomEvent(read["event"], read["data"]) if read["event"] in _KINDS else None
    except (ValueError, TypeError, KeyError):
        return None


class EventQueue:
    """The events for one subscriber. `next` returns None when there are no more."""

    def __init__(self, user_id: UUID) -> None:
        self.user_id = user_id
        self._waiting: asyncio.Queue[RoomEvent | None] = asyncio.Queue(MAX_WAITING + 1)
        self._over = False

    async def next(self) -> RoomEvent | None:
        """Wait for the next event."""
        return await self._waiting.get()

    def put(self, event: RoomEvent) -> None:
        """Queue an event; a subscriber that does not keep up gets the end instead."""
        if self._waiting.qsize() >= MAX_WAITING:
            self.end()
        elif not self._over:
            self._waiting.put_nowait(event)

    def end(self) -> None:
        """End the subscription after the events that wait."""
        if not self._over:
            self._over = True
            self._waiting.put_nowait(None)


@dataclass(frozen=True, slots=True)
class _Subscription:
    """The subscription to the bus for a pipeline that somebody here has subscribed to."""

    handler: Handler
    end: Unsubscribe


def _no_subscriber(_: PeerMessage) -> None:
    """The handler of the sender where nobody here has subscribed."""


class RoomEvents:
    """The subscribers of this node by pipeline; a `SessionRegistry` of the access watch."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._queues: defaultdict[UUID, set[EventQueue]] = defaultdict(set)
        self._subscriptions: dict[UUID, _Subscription] = {}

    def count(self, user_id: UUID) -> int:
        """How many subscriptions a user has on this node, to all pipelines together."""
        return sum(queue.user_id == user_id for queues in self._queues.values() for queue in queues)

    @contextmanager
    def subscribed(self, pipeline_id: UUID, user_id: UUID) -> Iterator[EventQueue]:
        """Subscribe to a pipeline for the length of the block."""
        queue = EventQueue(user_id)
        self._queues[pipeline_id].add(queue)
        self._subscribe(pipeline_id)
        try:
            yield queue
        finally:
            self._queues[pipeline_id].discard(queue)
            if not self._queues[pipeline_id]:
                del self._queues[pipeline_id]
                self._subscriptions.pop(pipeline_id).end()

    def _subscribe(self, pipeline_id: UUID) -> None:
        if pipeline_id not in self._subscriptions:
            handler = partial(self._receive, pipeline_id)
            subscription = _Subscription(handler, self._bus.subscribe(pipeline_id, handler))
            self._subscriptions[pipeline_id] = subscription

    def publish(self, pipeline_id: UUID, event: RoomEvent) -> None:
        """Send an event to all subscribers of a pipeline and all clients in its room.

        On this node and, over the bus, on all others.
        """
        self._put(pipeline_id, event)
        subscription = self._subscriptions.get(pipeline_id)
        # The bus leaves out the handler of the sender, who has put the event above.
        handler = _no_subscriber if subscription is None else subscription.handler
        self._bus.publish(pipeline_id, event.message(), handler)

    def is_wanted(self, pipeline_id: UUID) -> bool:
        """Whether anybody on this node has subscribed to a pipeline."""
        return pipeline_id in self._subscriptions

    def publish_here(self, pipeline_id: UUID, event: RoomEvent) -> None:
        """Send an event to the subscribers of this node: every node knows of it by itself."""
        self._put(pipeline_id, event)

    def _receive(self, pipeline_id: UUID, message: PeerMessage) -> None:
        if (event := event_in(message)) is not None:
            self._put(pipeline_id, event)

    def _put(self, pipeline_id: UUID, event: RoomEvent) -> None:
        for queue in self._queues_of(pipeline_id):
            queue.put(event)

    def seats(self) -> set[tuple[UUID, UUID]]:
        """Every (user, pipeline) with a subscription on this node."""
        return {
            (queue.user_id, pipeline_id)
            for pipeline_id, queues in self._queues.items()
            for queue in queues
        }

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """End the subscriptions of users whose scope is None: any other scope allows to read."""
        for queue in self._queues_of(pipeline_id):
            if scopes.get(queue.user_id, "readonly") is None:
                queue.end()

    def withdraw(self, pipeline_id: UUID) -> None:
        """Send the event that a pipeline was deleted, and end all subscriptions to it."""
        # Every node learns it from the database, so nothing is published.
        self._put(pipeline_id, RoomEvent("pipeline.deleted", {"pipeline_id": str(pipeline_id)}))
        for queue in self._queues_of(pipeline_id):
            queue.end()

    def close(self) -> None:
        """End all subscriptions: the server is stopping."""
        for pipeline_id in list(self._queues):
            for queue in self._queues_of(pipeline_id):
                queue.end()

    def _queues_of(self, pipeline_id: UUID) -> list[EventQueue]:
        return list(self._queues.get(pipeline_id, ()))
