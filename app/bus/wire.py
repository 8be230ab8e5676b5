"""What nodes say, as bytes: version, node, kind, and the fields of that kind.

All of it in lib0 primitives (`protocol/lib0.py`). A node ignores messages of versions and kinds
that it does not know, so that old and new ones may share a bus while they are being replaced.
"""

from enum import IntEnum
from typing import Final, NamedTuple, assert_never

from crdt.errors import ProtocolError
from crdt.protocol.lib0 import Reader, var_bytes, var_string, var_uint
from crdt.protocol.messages import Stateless
from crdt.room.peer_messages import Committed, NodeId, NodePresence, PeerMessage, PresenceQuery

VERSION: Final = 1

MAX_NODE_BYTES: Final = 200
"""Longest name of a node."""

MAX_SEQ: Final = 2**63 - 1
"""Largest number of the log: a bigint."""


class Kind(IntEnum):
    """What a message tells; GROWN is a Committed without its update."""

    COMMITTED = 0
    GROWN = 1
    ROSTER = 2
    WHO_IS_HERE = 3
    STATELESS = 4


class Envelope(NamedTuple):
    """A message and the node that sent it."""

    node: NodeId
    message: PeerMessage


def encode(node: NodeId, message: PeerMessage) -> bytes:
    """Write a message of a node."""
    return var_uint(VERSION) + var_string(node) + _body(message)


def _body(message: PeerMessage) -> bytes:
    match message:
        case Committed(seq, update):
            if update is None:
                return var_uint(Kind.GROWN) + var_uint(seq)
            return var_uint(Kind.COMMITTED) + var_uint(seq) + var_bytes(update)
        case NodePresence(node, presence, is_complete):
            return (
                var_uint(Kind.ROSTER)
                + var_string(node)
                + var_bytes(presence)
                + var_uint(is_complete)
            )
        case PresenceQuery(node):
            return var_uint(Kind.WHO_IS_HERE) + var_string(node)
        case Stateless(payload):
            return var_uint(Kind.STATELESS) + var_string(payload)
    assert_never(message)


def decode(message: bytes) -> Envelope:
    """Read a message. Raises ProtocolError for anything that `encode` does not write."""
    reader = Reader(message)
    if (version := reader.var_uint()) != VERSION:
        raise ProtocolError(f"expected version {VERSION} of the bus, got {version}")
    envelope = Envelope(_node(reader), _message(reader))
    reader.finish()
    return envelope


def _message(reader: Reader) -> PeerMessage:
    match kind := reader.var_uint():
        case Kind.COMMITTED:
            return Committed(_seq(reader), reader.var_bytes())
        case Kind.GROWN:
            return Committed(_seq(reader), None)
        case Kind.ROSTER:
            return NodePresence(_node(reader), reader.var_bytes(), _flag(reader))
        case Kind.WHO_IS_HERE:
            return PresenceQuery(_node(reader))
        case Kind.STATELESS:
            return Stateless(reader.var_string())
        case _:
            raise ProtocolError(f"expected a kind of news up to {max(Kind)}, got {kind}")


def _node(reader: Reader) -> NodeId:
    node = reader.var_string()
    if len(node.encode()) > MAX_NODE_BYTES:
        raise ProtocolError(f"expected a node's name of at most {MAX_NODE_BYTES} bytes")
    return node


def _seq(reader: Reader) -> int:
    if not 0 < (seq := reader.var_uint()) <= MAX_SEQ:
        raise ProtocolError(f"expected a number of the log, got {seq}")
    return seq


def _flag(reader: Reader) -> bool:
    if (flag := reader.var_uint()) > 1:
        raise ProtocolError(f"expected 0 or 1, got {flag}")
    return flag == 1
