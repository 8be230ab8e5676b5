"""One client's life in a room.

What a session may do is its scope: "read-write" for those who write in the team, "readonly" for
viewers, in the words of the Hocuspocus protocol.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from .effects import SessionId
from .messages import Scope
from .person import Person


@dataclass(frozen=True, slots=True)
class Session:
    """A client in a room, with the person it was authenticated as, and until when.

    `is_asked_back` tells the Hocuspocus protocol, in which a server asks what a client has each
    time after the client has asked, from y-websocket, in which it asks once, at the beginning.
    `was_warned` is whether the client knows that its token is about to expire. `state_vector` is
    what the client certainly has: that of its last SyncStep1, or nothing.
    """

    id: SessionId
    person: Person
    scope: Scope
    expires_at: datetime | None = None
    is_asked_back: bool = False
    was_warned: bool = False
    state_vector: bytes = b"\x00"

    @property
    def user_id(self) -> UUID:
        """Who this is."""
        return self.person.id

    @property
    def may_write(self) -> bool:
        """Whether edits of this client are taken."""
        return self.scope == "read-write"

    def has_expired(self, now: datetime) -> bool:
        """Whether the token that opened this session is no longer good."""
        return self.expires_at is not None and self.expires_at <= now
