"""Every message survives the wire, and no other bytes do harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bus import postgres, redis
from app.bus.wire import MAX_NODE_BYTES, MAX_SEQ, NodeMessage, decode, encode
from crdt.errors import ProtocolError
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import Stateless
from crdt.room.awareness import MAX_NODE_PRESENCE_BYTES
from crdt.room.peer_messages import Committed, NodePresence, PeerMessage, PresenceQuery

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NODES = TEXT.filter(lambda name: len(name.encode()) <= MAX_NODE_BYTES)
SEQS = st.integers(1, MAX_SEQ)
MESSAGES: "st.SearchStrategy[PeerMessage]" = st.one_of(
    st.builds(Committed, SEQS, st.none() | st.binary()),
    st.builds(NodePresence, NODES, st.binary(), st.booleans()),
    st.builds(PresenceQuery, NODES),
    st.builds(Stateless, TEXT),
)


@given(NODES, MESSAGES)
def test_what_was_encoded_is_decoded(node: str, message: PeerMessage) -> None:
    assert decode(encode(node, message)) == NodeMessage(node, message)


@given(st.binary())
def test_any_bytes_are_a_message_or_refused(message: bytes) -> None:
    try:
        decoded = decode(message)
    except ProtocolError:
        return
    assert decode(encode(*decoded)) == decoded


@given(NODES, MESSAGES, st.data())
def test_a_spoiled_message_is_another_one_or_refused(
    node: str, message: PeerMessage, data: st.DataObject
) -> None:
    message = bytearray(encode(node, message))
    place = data.draw(st.integers(0, len(message) - 1))
    message[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(message)))
    for spoiled in (bytes(message), bytes(message[:cut])):
        test_any_bytes_are_a_message_or_refused.hypothesis.inner_test(spoiled)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "message",
    [
        var_uint(2) + var_string("n") + var_uint(3) + var_string("n"),
        var_uint(1) + var_string("n") + var_uint(9),
        var_uint(1) + var_string("n" * 201) + var_uint(3) + var_string("n"),
        var_uint(1) + var_string("n") + var_uint(1) + var_uint(0),
        var_uint(1) + var_string("n") + var_uint(1) + var_uint(2**63),
        var_uint(1) + var_string("n") + var_uint(2) + var_string("n") + b"\0" + var_uint(2),
        encode("n", PresenceQuery("n")) + b"\0",
        b"",
    ],
    ids=["version", "kind", "long node", "seq 0", "big seq", "flag", "rest", "nothing"],
)
def test_what_breaks_a_rule_is_refused(message: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(message)


def test_every_bus_carries_the_longest_node_presence() -> None:
    node = "n" * MAX_NODE_BYTES
    longest = encode(
        node, NodePresence(node, bytes(MAX_NODE_PRESENCE_BYTES + 10), is_complete=True)
    )
    assert len(longest) <= min(postgres.MAX_MESSAGE, redis.MAX_MESSAGE)
