"""What a room asks its surroundings to do, in order. The room itself does nothing but decide.

Whoever calls a room carries its effects out in the order given; `app/rooms/hub.py` does.
"""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from crdt.errors import SyncError
from crdt.protocol.messages import Message

from .peer_messages import PeerMessage

SessionId: TypeAlias = int


@dataclass(frozen=True, slots=True)
class Send:
    """Put the message into one session's outbox."""

    session: SessionId
    message: Message


@dataclass(frozen=True, slots=True)
class SendWhenDurable:
    """Put the message into one session's outbox once every Append before it is committed."""

    session: SessionId
    message: Message


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Put the message into every session's outbox but one's."""

    message: Message
    exclude: SessionId | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Append an update to the log, as received, in the name of a user."""

    update: bytes
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell the other nodes that have this room open; what is appended is told once committed."""

    news: PeerMessage


@dataclass(frozen=True, slots=True)
class WhenDurable:
    """Carry out another effect once every Append before it is committed, and not if one fails."""

    effect: Broadcast | Publish


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Close one session with the error's close code and reason."""

    session: SessionId
    error: SyncError


@dataclass(frozen=True, slots=True)
class CloseAfterAcks:
    """Take nothing more from one session, acknowledge what it had sent, then close it."""

    session: SessionId
    error: SyncError


Effect: TypeAlias = (
    Send
    | SendWhenDurable
    | Broadcast
    | Append
    | Publish
    | WhenDurable
    | CloseSession
    | CloseAfterAcks
)
