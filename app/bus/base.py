"""The bus: a bell, not a memory.

Any message may be lost; the update log is what nodes rely on (docs/adr/0002-log-as-memory.md).
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias
from uuid import UUID

from crdt.errors import PipeloomError
from crdt.room.peer_messages import PeerMessage

Handler: TypeAlias = Callable[[PeerMessage], None]
OnListening: TypeAlias = Callable[[], None]
Unsubscribe: TypeAlias = Callable[[], None]


class BusUnavailable(PipeloomError):
    """Messages do not reach other nodes; these follow through the log, and presence is per node."""


def unmoved() -> None:
    """Do nothing about a subscription that has come to stand."""


class Bus(Protocol):
    """Carries messages between the rooms that nodes have open for the same pipeline."""

    def publish(self, pipeline_id: UUID, message: PeerMessage, sender: Handler) -> None:
        """Hand the message to every subscriber of the pipeline but the sender. Never waits."""
        ...

    def subscribe(
        self, pipeline_id: UUID, handler: Handler, on_listening: OnListening = unmoved
    ) -> Unsubscribe:
        """Have the handler called with each message about a pipeline until unsubscribed.

        `on_listening` is called whenever the subscription has come to stand: for the first time,
        which may be at once, and again after the bus was away. What others said before is lost.
        """
        ...

    async def check(self) -> None:
        """Raise BusUnavailable if messages do not get through."""
        ...
