"""Presence reaches everybody in a room, on this node and on others."""

import pytest

from crdt.document.document import Document
from crdt.errors import (
    ProtocolError,
)
from crdt.protocol.messages import (
    AwarenessUpdate,
    QueryAwareness,
)
from crdt.room.awareness import NODE_EXPIRY
from crdt.room.effects import (
    Append,
    Broadcast,
    Publish,
    Send,
)
from crdt.room.peer_messages import NodePresence, PresenceQuery
from crdt.room.room import Room
from tests.crdt.room.scene import ANN, BEN, only, presence, published, seen


class TestPresence:
    def test_it_goes_to_everybody_its_sender_too(self, room: Room) -> None:
        """y-websocket takes 30 s of silence for a dead line."""
        message = AwarenessUpdate(presence(7, 1))
        assert room.handle(ANN, message, 0.0) == [Broadcast(seen(7, 1)), published(seen(7, 1))]

    def test_it_is_not_appended(self, room: Room) -> None:
        effects = room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        assert not only(Append, effects)

    def test_what_changes_nothing_is_not_relayed(self, room: Room) -> None:
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        assert room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0) == []

    def test_a_query_is_answered(self, room: Room) -> None:
        nobody = [Send(BEN, AwarenessUpdate(b"\x00"))]
        assert room.handle(BEN, QueryAwareness(), 0.0) == nobody
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        everybody = [Send(BEN, seen(7, 1))]
        assert room.handle(BEN, QueryAwareness(), 0.0) == everybody

    def test_the_presence_of_a_client_that_leaves_is_removed(self, room: Room) -> None:
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        assert room.leave(ANN) == [
            Broadcast(AwarenessUpdate(presence(7, 1, "null"))),
            published(AwarenessUpdate(presence(7, 1, "null"))),
        ]
        assert room.leave(ANN) == []
        assert ANN not in room.sessions

    def test_the_presence_of_a_client_that_sends_nothing_is_removed(self, room: Room) -> None:
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        removal = AwarenessUpdate(presence(7, 1, "null"))
        assert not only(Broadcast, room.tick(29.0))
        assert room.tick(31.0)[:2] == [Broadcast(removal), published(removal)]
        assert ANN in room.sessions

    def test_nobody_moves_the_cursor_of_another_user(self, room: Room) -> None:
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        assert room.handle(BEN, AwarenessUpdate(presence(7, 2)), 0.0) == []


class TestOtherNodes:
    def test_presence_is_published_to_the_other_nodes_and_broadcast_there(self, room: Room) -> None:
        there = Room(Document(), "there")
        effects = room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        [effect] = only(Publish, effects)
        assert effect == Publish(NodePresence("here", seen(7, 1).payload, is_complete=False))
        assert there.receive_peer(effect.message, 0.0) == [Broadcast(seen(7, 1))]
        assert there.receive_peer(effect.message, 0.0) == []

    def test_a_query_is_answered_by_publishing_who_is_here(self, room: Room) -> None:
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        sent = [Publish(NodePresence("here", seen(7, 1).payload, is_complete=True))]
        assert room.receive_peer(PresenceQuery("there"), 0.0) == sent

    def test_presence_is_published_at_every_tick_and_its_end_once(self, room: Room) -> None:
        assert room.tick(0.0) == []
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        sent = [Publish(NodePresence("here", seen(7, 1).payload, is_complete=True))]
        assert room.tick(1.0) == sent
        assert room.tick(2.0) == sent
        room.leave(ANN)
        assert room.tick(3.0) == [Publish(NodePresence("here", b"\x00", is_complete=True))]
        assert room.tick(4.0) == []

    def test_presence_of_a_node_that_expired_ends_here_and_is_not_published(
        self, room: Room
    ) -> None:
        room.receive_peer(NodePresence("there", seen(7, 1).payload, is_complete=True), 0.0)
        assert room.tick(NODE_EXPIRY) == []
        removal = AwarenessUpdate(presence(7, 1, "null"))
        assert room.tick(NODE_EXPIRY + 1) == [Broadcast(removal)]

    @pytest.mark.parametrize("nonsense", [b"", presence(7, 1)[:-1], presence(7, 1) + b"\x00"])
    def test_presence_that_cannot_be_decoded_changes_nothing(
        self, room: Room, nonsense: bytes
    ) -> None:
        with pytest.raises(ProtocolError):
            room.receive_peer(NodePresence("there", nonsense, is_complete=True), 0.0)
        assert len(room.awareness) == 0
