"""The bus of a single process: it calls the subscribers."""

from uuid import UUID

from crdt.room.peer_messages import PeerMessage

from .base import Handler, OnSubscribed, Unsubscribe, do_nothing
from .subscriptions import Subscriptions


class MemoryBus:
    """`Bus` for hubs that share a process; delivers at once and loses nothing."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions()

    def publish(self, pipeline_id: UUID, message: PeerMessage, sender: Handler) -> None:
        """See `Bus.publish`."""
        self._subscriptions.deliver(pipeline_id, message, sender)

    def subscribe(
        self, pipeline_id: UUID, handler: Handler, on_subscribed: OnSubscribed = do_nothing
    ) -> Unsubscribe:
        """See `Bus.subscribe`."""
        unsubscribe = self._subscriptions.add(pipeline_id, handler, on_subscribed)
        on_subscribed()
        return unsubscribe

    async def check(self) -> None:
        """See `Bus.check`: this bus works as long as the process does."""
