"""Relays awareness between the clients of a room and the other nodes that have it open."""

from crdt.protocol.messages import AwarenessUpdate

from .awareness import Awareness
from .effects import Broadcast, Effect, Publish, SessionId
from .peer_messages import NodeId, NodePresence
from .session import Session

NOBODY = b"\x00"
"""The awareness update of no clients."""


class PresenceRelay:
    """Turns changes of a room's awareness into effects."""

    def __init__(self, awareness: Awareness, node: NodeId) -> None:
        self._awareness, self._node = awareness, node
        self._last_published = NOBODY

    def receive(self, session: Session, payload: bytes, now: float) -> list[Effect]:
        """Apply an awareness update of a client. Raises ProtocolError."""
        return self._relay(self._awareness.apply(payload, session.id, session.user, now))

    def receive_peer(self, message: NodePresence, now: float) -> list[Effect]:
        """Apply what another node published. Raises ProtocolError."""
        return _broadcast(self._awareness.apply_remote(message, now))

    def leave(self, session_id: SessionId) -> list[Effect]:
        """Remove the clients of a session that ended."""
        return self._relay(self._awareness.leave(session_id))

    def tick(self, now: float) -> list[Effect]:
        """Remove clients and nodes that have expired; publish who is here to the other nodes.

        Presence that was only renewed is relayed here, and reaches other nodes with all of it. When
        the last client has left, that is published once.
        """
        expired = [
            *self._relay(self._awareness.expire(now)),
            *_broadcast(self._awareness.expire_nodes(now)),
            *_broadcast(self._awareness.renewals(now)),
        ]
        last, self._last_published = self._last_published, self._awareness.encode_local()
        if self._last_published == last == NOBODY:
            return expired
        return [*expired, self._publish_all(self._last_published)]

    def answer_query(self) -> list[Effect]:
        """Publish every client of this node, because another node asks for them."""
        return [self._publish_all(self._awareness.encode_local())]

    def _publish_all(self, everybody: bytes) -> Effect:
        return Publish(NodePresence(self._node, everybody, is_complete=True))

    def _relay(self, update: bytes | None) -> list[Effect]:
        if update is None:
            return []
        # Other nodes apply it and broadcast it to their own clients.
        published = NodePresence(self._node, update, is_complete=False)
        return [*_broadcast(update), Publish(published)]


def _broadcast(update: bytes | None) -> list[Effect]:
    if update is None:
        return []
    # To its sender too: y-websocket clients close a connection on which they receive nothing.
    return [Broadcast(AwarenessUpdate(update))]
