"""What the room of one pipeline exchanges with the rooms of other nodes, over the bus."""

from uuid import UUID

from app.bus.base import Bus, Handler, Unsubscribe, do_nothing
from crdt.protocol.awareness_update import merge_awareness, split_awareness
from crdt.room.awareness import MAX_NODE_PRESENCE_BYTES
from crdt.room.peer_messages import Committed, NodeId, NodePresence, PeerMessage, PresenceQuery

from .coalescing import Coalescer
from .inspect_in_thread import is_large


class PeerLink:
    """Publishes what a room has for others, and hands what they publish to `receive`.

    Presence that comes within `seconds` is published together, since only the latest of each client
    counts.
    """

    def __init__(
        self, bus: Bus, pipeline_id: UUID, node: NodeId, receive: Handler, seconds: float
    ) -> None:
        self._bus, self._pipeline_id, self._node = bus, pipeline_id, node
        self._receive = receive
        self._presence: Coalescer[bytes] = Coalescer(lambda: seconds, self._publish_presence)
        self._unsubscribe: Unsubscribe = do_nothing

    def open(self) -> None:
        """Begin to receive; the bus may call `receive` at once."""
        self._unsubscribe = self._bus.subscribe(
            self._pipeline_id, self._receive, self._query_presence
        )

    def close(self) -> None:
        """Receive nothing more, and drop the presence that waits to be published."""
        self._unsubscribe()
        self._presence.close()

    def publish(self, message: PeerMessage) -> None:
        """Publish a message: at once, or presence together with what comes soon."""
        if isinstance(message, NodePresence) and not message.is_complete:
            self._presence.add(message.presence)
        else:
            self._publish_now(message)

    def publish_committed(self, seq: int, payload: bytes) -> None:
        """Publish an update that the log has.

        A large one is published by its number only: others must inspect it in a thread, and may as
        well read it from the log.
        """
        committed = Committed(seq, None if is_large(payload) else payload)
        self._bus.publish(self._pipeline_id, committed, self._receive)

    def _publish_presence(self, presence: list[bytes]) -> None:
        for piece in split_awareness(merge_awareness(presence), MAX_NODE_PRESENCE_BYTES):
            self._publish_now(NodePresence(self._node, piece, is_complete=False))

    def _query_presence(self) -> None:
        """Ask the other nodes for the presence that they have of this room."""
        self._publish_now(PresenceQuery(self._node))

    def _publish_now(self, message: PeerMessage) -> None:
        self._bus.publish(self._pipeline_id, message, self._receive)
