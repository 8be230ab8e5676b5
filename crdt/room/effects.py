"""The effects of a message: what the caller of a room must do, in this order.

The room itself only decides; `app/rooms/live_room.py` executes the effects.
"""

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from crdt.errors import SyncError
from crdt.protocol.messages import Message
from crdt.updates.inspection import Inspection

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
    """Put the message into the outbox of every session but one."""

    message: Message
    exclude: SessionId | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Append an update to the log, as it was received, in the name of a user; None is nobody."""

    update: bytes
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish a message to the other nodes that have this room open.

    Updates need no such effect: whoever commits an Append publishes it as Committed.
    """

    message: PeerMessage


@dataclass(frozen=True, slots=True)
class WhenDurable:
    """Execute another effect once every Append before it is committed; never if one is refused."""

    effect: Broadcast | Publish


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Remove one session from the room and close it with the error's close code and reason."""

    session: SessionId
    error: SyncError


@dataclass(frozen=True, slots=True)
class CloseAfterAcks:
    """Remove one session from the room now, and close it once its last edits are acknowledged.

    Nothing more is read from it. It is closed, with the error's close code and reason, when every
    Append before this effect is committed or refused, behind the acknowledgements of those.
    """

    session: SessionId
    error: SyncError


@dataclass(frozen=True, slots=True)
class Reload:
    """Drop the room once every Append before it is committed: the log makes another document."""


@dataclass(frozen=True, slots=True)
class Integrate:
    """Integrate a dear update of a client elsewhere, then call `Room.integrated`.

    Until then no further message of this session may be handled: it may build on the update.
    `broadcast` is how the others are sent it.
    """

    session: SessionId
    user_id: UUID
    update: bytes
    inspection: Inspection
    broadcast: Broadcast | WhenDurable


Effect: TypeAlias = (
    Send
    | SendWhenDurable
    | Broadcast
    | Append
    | Publish
    | WhenDurable
    | CloseSession
    | CloseAfterAcks
    | Reload
    | Integrate
)
