"""The messages between clients and the server, independent of any wire format."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["read-write", "readonly"]
"""What a client may do to a document, in the words of the Hocuspocus protocol."""


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """The state vector of a peer: the answer is a SyncStep2 made for exactly this one."""

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class SyncStep2:
    """The updates that a peer is missing: meant for the one whose state vector it was made for."""

    update: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """A change to the document, in Yjs update format v1."""

    update: bytes


@dataclass(frozen=True, slots=True)
class AwarenessUpdate:
    """Awareness states of some clients, in the format of y-protocols (awareness.js)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """A request for the awareness states of everybody: the answer is an AwarenessUpdate."""


@dataclass(frozen=True, slots=True)
class Stateless:
    """Text for everybody in a room that is not stored (Hocuspocus: stateless message)."""

    payload: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """What the client may do: sent at first and whenever that changes."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Accepted:
    """The acknowledgement: what a client sent is committed to the log.

    `update` is that of the client's Update or SyncStep2; it is empty if that was a SyncStep2
    without anything new.
    """

    update: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """An edit was refused, for this reason; the connection stays open."""

    reason: str


@dataclass(frozen=True, slots=True)
class TokenWanted:
    """The client's token is about to expire: it may send another one."""


ClientMessage: TypeAlias = (
    SyncStep1 | SyncStep2 | Update | AwarenessUpdate | QueryAwareness | Stateless
)
"""What a client may send in a room."""

Message: TypeAlias = ClientMessage | Authenticated | Accepted | Refused | TokenWanted

KEEP_ALIVE = AwarenessUpdate(b"\x00")
"""An awareness update of no client, which changes nothing.

y-websocket clients close a connection on which they received no message for 30 seconds.
"""
