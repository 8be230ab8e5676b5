"""What happens beside a document: comments, versions, the end of a pipeline.

Hocuspocus clients in the room hear of these by stateless messages. The y-websocket protocol has no
message for them, and its stock clients complain about unknown ones. So whoever wants to hear
listens here, pipeline by pipeline; the API offers it as Server-Sent Events. Other nodes are told
over the bus, which may lose anything. Nothing is kept: who was away reads the lists anew.
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
    "pipeline.deleted",
]

_KINDS: Final = frozenset(get_args(Kind))

_BEGINNING: Final = '{"event": '
"""How every event begins, and nothing that a client says: that is told as {"from": ...}."""

MAX_WAITING: Final = 100
"""Events that may wait for one listener; one that falls further behind is sent away."""


@dataclass(frozen=True, slots=True)
class RoomEvent:
    """Something that happened at a pipeline; `data` is JSON."""

    kind: Kind
    data: Mapping[str, Any]

    def message(self) -> Stateless:
        """Write it as the rooms tell it."""
        return Stateless(json.dumps({"event": self.kind, "data": self.data}))


def event_in(news: PeerMessage) -> RoomEvent | None:
    """The event that another node tells of; None for other news, and for kinds not known here."""
    if not isinstance(news, Stateless) or not news.payload.startswith(_BEGINNING):
        return None
    try:
        told = json.loads(news.payload)
        return RoomEvent(told["event"], told["data"]) if told["event"] in _KINDS else None
    except (ValueError, TypeError, KeyError):
        return None


class EventQueue:
    """Somebody who listens. `next` returns None when there is no more to hear."""

    def __init__(self, user_id: UUID) -> None:
        self.user_id = user_id
        self._waiting: asyncio.Queue[RoomEvent | None] = asyncio.Queue(MAX_WAITING + 1)
        self._over = False

    async def next(self) -> RoomEvent | None:
        """Wait for the next event."""
        return await self._waiting.get()

    def put(self, event: RoomEvent) -> None:
        """Let it hear; one that does not keep up hears the end instead."""
        if self._waiting.qsize() >= MAX_WAITING:
            self.end()
        elif not self._over:
            self._waiting.put_nowait(event)

    def end(self) -> None:
        """Send it away, after what waits."""
        if not self._over:
            self._over = True
            self._waiting.put_nowait(None)


@dataclass(frozen=True, slots=True)
class _Subscription:
    """How this node hears of a pipeline that somebody listens to."""

    hear: Handler
    end: Unsubscribe


def _nobody(_: PeerMessage) -> None:
    """Stands for the sender where nobody listens."""


class RoomEvents:
    """Who listens to which pipeline of this node; an audience of `app/auth/access_watch.py`."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._listeners: defaultdict[UUID, set[EventQueue]] = defaultdict(set)
        self._subscriptions: dict[UUID, _Subscription] = {}

    def count(self, user_id: UUID) -> int:
        """How often a user listens, everywhere together."""
        return sum(
            listener.user_id == user_id
            for listeners in self._listeners.values()
            for listener in listeners
        )

    @contextmanager
    def listening(self, pipeline_id: UUID, user_id: UUID) -> Iterator[EventQueue]:
        """Listen to a pipeline for the length of the block."""
        listener = EventQueue(user_id)
        self._listeners[pipeline_id].add(listener)
        self._subscribe(pipeline_id)
        try:
            yield listener
        finally:
            self._listeners[pipeline_id].discard(listener)
            if not self._listeners[pipeline_id]:
                del self._listeners[pipeline_id]
                self._subscriptions.pop(pipeline_id).end()

    def _subscribe(self, pipeline_id: UUID) -> None:
        if pipeline_id not in self._subscriptions:
            hear = partial(self._receive, pipeline_id)
            subscription = _Subscription(hear, self._bus.subscribe(pipeline_id, hear))
            self._subscriptions[pipeline_id] = subscription

    def publish(self, pipeline_id: UUID, event: RoomEvent) -> None:
        """Tell everybody who listens to a pipeline, here and on other nodes, and who is in it."""
        self._put(pipeline_id, event)
        subscription = self._subscriptions.get(pipeline_id)
        hear = _nobody if subscription is None else subscription.hear
        self._bus.publish(pipeline_id, event.message(), hear)

    def _receive(self, pipeline_id: UUID, news: PeerMessage) -> None:
        if (event := event_in(news)) is not None:
            self._put(pipeline_id, event)

    def _put(self, pipeline_id: UUID, event: RoomEvent) -> None:
        for listener in self._at(pipeline_id):
            listener.put(event)

    def seats(self) -> set[tuple[UUID, UUID]]:
        """Who listens where: (user, pipeline)."""
        return {
            (listener.user_id, pipeline_id)
            for pipeline_id, listeners in self._listeners.items()
            for listener in listeners
        }

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """Send users away whose scope is None; to listen, any other will do."""
        for listener in self._at(pipeline_id):
            if scopes.get(listener.user_id, "readonly") is None:
                listener.end()

    def withdraw(self, pipeline_id: UUID) -> None:
        """Say that a pipeline is no more, and send everybody away from it."""
        # Every node hears of it from the database.
        self._put(pipeline_id, RoomEvent("pipeline.deleted", {"pipeline_id": str(pipeline_id)}))
        for listener in self._at(pipeline_id):
            listener.end()

    def close(self) -> None:
        """Send everybody away: the server is going down."""
        for pipeline_id in list(self._listeners):
            for listener in self._at(pipeline_id):
                listener.end()

    def _at(self, pipeline_id: UUID) -> list[EventQueue]:
        return list(self._listeners.get(pipeline_id, ()))
