"""What clients and server say to each other, free of any wire format."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["read-write", "readonly"]
"""What a client may do to a document, in the words of the Hocuspocus protocol."""


@dataclass(frozen=True, slots=True)
class SyncStep1:
    """ "This is what I have": answer with a SyncStep2 made for exactly this state vector."""

    state_vector: bytes


@dataclass(frozen=True, slots=True)
class SyncStep2:
    """ "This is what you lack": meant for the one peer whose state vector it was computed for."""

    update: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """A change to the document, in Yjs update format v1."""

    update: bytes


@dataclass(frozen=True, slots=True)
class AwarenessUpdate:
    """Presence states of some clients, in the format of y-protocols/awareness."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class QueryAwareness:
    """ "Who is here?": answer with an AwarenessUpdate of everybody."""


@dataclass(frozen=True, slots=True)
class Stateless:
    """Text that concerns a room and leaves no trace in it (Hocuspocus: stateless message)."""

    payload: str


@dataclass(frozen=True, slots=True)
class Authenticated:
    """What the client may do, at first and whenever that changes."""

    scope: Scope


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a client sent is in the log, for good.

    `update` is the client's Update or SyncStep2, empty if that was a SyncStep2 without news.
    """

    update: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """An edit is not taken, for this reason; the connection stays."""

    reason: str


@dataclass(frozen=True, slots=True)
class TokenWanted:
    """The client's token is about to expire: it may send another one."""


ClientMessage: TypeAlias = (
    SyncStep1 | SyncStep2 | Update | AwarenessUpdate | QueryAwareness | Stateless
)
"""What a client may say in a room."""

Message: TypeAlias = ClientMessage | Authenticated | Accepted | Refused | TokenWanted

KEEP_ALIVE = AwarenessUpdate(b"\x00")
"""An awareness update of no client: a no-op that tells a silent client that the line is alive."""
