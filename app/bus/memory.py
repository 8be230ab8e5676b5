"""The bus of a single process: calls the subscribers."""

from collections import defaultdict
from uuid import UUID

from crdt.news import News

from .base import Handler, Unsubscribe


class MemoryBus:
    """`Bus` for hubs that share a process; delivers at once and loses nothing."""

    def __init__(self) -> None:
        self._handlers: defaultdict[UUID, list[Handler]] = defaultdict(list)

    def publish(self, pipeline_id: UUID, news: News, sender: Handler) -> None:
        """See `Bus.publish`."""
        for handler in list(self._handlers.get(pipeline_id, ())):
            if handler != sender:
                handler(news)

    def subscribe(self, pipeline_id: UUID, handler: Handler) -> Unsubscribe:
        """See `Bus.subscribe`."""
        self._handlers[pipeline_id].append(handler)

        def unsubscribe() -> None:
            self._handlers[pipeline_id].remove(handler)
            if not self._handlers[pipeline_id]:
                del self._handlers[pipeline_id]

        return unsubscribe
