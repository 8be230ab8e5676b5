"""The subscriptions of this process: which rooms want the messages of which pipeline."""

import asyncio
from collections import defaultdict
from collections.abc import Set as AbstractSet
from typing import NamedTuple
from uuid import UUID

from crdt.room.peer_messages import PeerMessage

from .base import Handler, OnSubscribed, Unsubscribe


class Subscription(NamedTuple):
    """What to call with messages, and when these begin to arrive; see `Bus.subscribe`."""

    handler: Handler
    on_subscribed: OnSubscribed


class Subscriptions:
    """The subscriptions of this process, by pipeline."""

    def __init__(self) -> None:
        self._by_pipeline: defaultdict[UUID, list[Subscription]] = defaultdict(list)
        self.changed = asyncio.Event()
        """Set whenever a subscription is added or removed; whoever waits for it clears it."""

    @property
    def pipelines(self) -> AbstractSet[UUID]:
        """Those with a subscription."""
        return self._by_pipeline.keys()

    def add(self, pipeline_id: UUID, handler: Handler, on_subscribed: OnSubscribed) -> Unsubscribe:
        """Add a subscription until the returned function is called."""
        subscription = Subscription(handler, on_subscribed)
        self._by_pipeline[pipeline_id].append(subscription)
        self.changed.set()
        return lambda: self._remove(pipeline_id, subscription)

    def _remove(self, pipeline_id: UUID, subscription: Subscription) -> None:
        self._by_pipeline[pipeline_id].remove(subscription)
        if not self._by_pipeline[pipeline_id]:
            del self._by_pipeline[pipeline_id]
        self.changed.set()

    def deliver(
        self, pipeline_id: UUID, message: PeerMessage, sender: Handler | None = None
    ) -> None:
        """Call every handler of a pipeline but the sender's with a message."""
        # A copy: a handler may subscribe or unsubscribe.
        for handler, _ in list(self._by_pipeline.get(pipeline_id, ())):
            if handler != sender:
                handler(message)

    def notify_subscribed(self, pipeline_id: UUID) -> None:
        """Call `on_subscribed` of every subscription to a pipeline."""
        for _, on_subscribed in list(self._by_pipeline.get(pipeline_id, ())):
            on_subscribed()
