"""Peer messages as bytes: version, node, kind, and the fields of that kind.

All of these are lib0 primitives (`crdt/protocol/lib0.py`). A node ignores messages of versions and
kinds that it does not know, so that servers of two releases may share a bus during an upgrade.
"""

from enum import IntEnum
from typing import Final, NamedTuple, assert_never

from crdt.errors import ProtocolError
from crdt.protocol.lib0 import Reader, var_bytes, var_string, var_uint
from crdt.protocol.messages import Stateless
from crdt.room.peer_messages import Committed, NodeId, NodePresence, PeerMessage, PresenceQuery

VERSION: Final = 1

MAX_NODE_BYTES: Final = 200
"""Longest id of a node."""

MAX_SEQ: Final = 2**63 - 1
"""Largest number of the log: a bigint."""


class Kind(IntEnum):
    """The kind of a message; the numbers are those of the wire and never change."""

    COMMITTED = 0
    COMMITTED_WITHOUT_UPDATE = 1
    NODE_PRESENCE = 2
    PRESENCE_QUERY = 3
    STATELESS = 4


class NodeMessage(NamedTuple):
    """A message and the node that sent it."""

    node: NodeId
    message: PeerMessage


def encode(node: NodeId, message: PeerMessage) -> bytes:
    """Encode a message of a node."""
    return var_uint(VERSION) + var_string(node) + _body(message)


def _body(message: PeerMessage) -> bytes:
    match message:
        case Committed(seq, update):
            if update is None:
                return var_uint(Kind.COMMITTED_WITHOUT_UPDATE) + var_uint(seq)
            return var_uint(Kind.COMMITTED) + var_uint(seq) + var_bytes(update)
        case NodePresence(node, presence, is_complete):
            return (
                var_uint(Kind.NODE_PRESENCE)
                + var_string(node)
                + var_bytes(presence)
                + var_uint(is_complete)
            )
        case PresenceQuery(node):
            return var_uint(Kind.PRESENCE_QUERY) + var_string(node)
        case Stateless(payload):
            return var_uint(Kind.STATELESS) + var_string(payload)
    assert_never(message)


def decode(message: bytes) -> NodeMessage:
    """Decode a message. Raises ProtocolError for anything that `encode` does not return."""
    reader = Reader(message)
    if (version := reader.var_uint()) != VERSION:
        raise ProtocolError(f"expected version {VERSION} of the bus, got {version}")
    decoded = NodeMessage(_node(reader), _message(reader))
    reader.finish()
    return decoded


def _message(reader: Reader) -> PeerMessage:
    match kind := reader.var_uint():
        case Kind.COMMITTED:
            return Committed(_seq(reader), reader.var_bytes())
        case Kind.COMMITTED_WITHOUT_UPDATE:
            return Committed(_seq(reader), None)
        case Kind.NODE_PRESENCE:
            return NodePresence(_node(reader), reader.var_bytes(), _flag(reader))
        case Kind.PRESENCE_QUERY:
            return PresenceQuery(_node(reader))
        case Kind.STATELESS:
            return Stateless(reader.var_string())
        case _:
            raise ProtocolError(f"expected a kind of peer message up to {max(Kind)}, got {kind}")


def _node(reader: Reader) -> NodeId:
    node = reader.var_string()
    if len(node.encode()) > MAX_NODE_BYTES:
        raise ProtocolError(f"expected a node id of at most {MAX_NODE_BYTES} bytes")
    return node


def _seq(reader: Reader) -> int:
    if not 0 < (seq := reader.var_uint()) <= MAX_SEQ:
        raise ProtocolError(f"expected a number of the log, got {seq}")
    return seq


def _flag(reader: Reader) -> bool:
    if (flag := reader.var_uint()) > 1:
        raise ProtocolError(f"expected 0 or 1, got {flag}")
    return flag == 1
