"""Who in this process listens to which pipeline."""

from collections import defaultdict
from collections.abc import Set as AbstractSet
from typing import NamedTuple
from uuid import UUID

from crdt.room.peer_messages import PeerMessage

from .base import Handler, OnListening, Unsubscribe


class Subscriber(NamedTuple):
    """A room that is open here."""

    handler: Handler
    on_listening: OnListening


class Subscriptions:
    """The subscribers of this process, by pipeline."""

    def __init__(self) -> None:
        self._subscribers: defaultdict[UUID, list[Subscriber]] = defaultdict(list)

    @property
    def pipelines(self) -> AbstractSet[UUID]:
        """Those that somebody listens to."""
        return self._subscribers.keys()

    def add(self, pipeline_id: UUID, handler: Handler, on_listening: OnListening) -> Unsubscribe:
        """Add a subscriber until the returned function is called."""
        subscriber = Subscriber(handler, on_listening)
        self._subscribers[pipeline_id].append(subscriber)

        def remove() -> None:
            self._subscribers[pipeline_id].remove(subscriber)
            if not self._subscribers[pipeline_id]:
                del self._subscribers[pipeline_id]

        return remove

    def deliver(
        self, pipeline_id: UUID, message: PeerMessage, sender: Handler | None = None
    ) -> None:
        """Hand a message to all subscribers of a pipeline but its sender."""
        for handler, _ in list(self._subscribers.get(pipeline_id, ())):
            if handler != sender:
                handler(message)

    def listening(self, pipeline_id: UUID) -> None:
        """Let the subscribers of a pipeline know that they hear from now on."""
        for _, on_listening in list(self._subscribers.get(pipeline_id, ())):
            on_listening()
