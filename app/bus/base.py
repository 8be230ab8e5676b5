"""The bus, which carries messages between the rooms that nodes have open for the same pipeline.

Any message may be lost: nodes rely on the update log, and the bus only makes them quicker
(docs/adr/0002-log-as-memory.md).
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias
from uuid import UUID

from crdt.errors import PipeloomError
from crdt.room.peer_messages import PeerMessage

Handler: TypeAlias = Callable[[PeerMessage], None]
OnSubscribed: TypeAlias = Callable[[], None]
Unsubscribe: TypeAlias = Callable[[], None]


class BusUnavailable(PipeloomError):
    """Messages do not reach other nodes.

    Until the bus is back, edits reach them through the update log, and presence does not.
    """


def do_nothing() -> None:
    """Do nothing: the callback of whoever needs none."""


class Bus(Protocol):
    """Publishes messages about a pipeline to those who subscribed to it, on this and other nodes.

    Every subscriber but the sender is called, and those on the sender's node are called at once.
    """

    def publish(self, pipeline_id: UUID, message: PeerMessage, sender: Handler) -> None:
        """Send the message to every subscriber of the pipeline but the sender. Never waits."""
        ...

    def subscribe(
        self, pipeline_id: UUID, handler: Handler, on_subscribed: OnSubscribed = do_nothing
    ) -> Unsubscribe:
        """Call the handler with each message about a pipeline until the result is called.

        `on_subscribed` is called whenever messages of other nodes begin to arrive: first, which
        may be at once, and again after every reconnect. What was published before then is lost.
        """
        ...

    async def check(self) -> None:
        """Raise BusUnavailable if messages do not get through."""
        ...
