"""The bus: a bell, not a memory.

Any message may be lost; the update log is what nodes rely on (docs/adr/0002-log-as-memory.md).
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias
from uuid import UUID

from crdt.news import News

Handler: TypeAlias = Callable[[News], None]
Unsubscribe: TypeAlias = Callable[[], None]


class Bus(Protocol):
    """Carries messages between the rooms that nodes have open for the same pipeline."""

    def publish(self, pipeline_id: UUID, news: News, sender: Handler) -> None:
        """Hand the message to every subscriber of the pipeline but the sender. Never waits."""
        ...

    def subscribe(self, pipeline_id: UUID, handler: Handler) -> Unsubscribe:
        """Have the handler called with each message about a pipeline until unsubscribed."""
        ...
