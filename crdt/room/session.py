"""One client's life in a room.

What a session may do is its scope: "read-write" for those who write in the team, "readonly" for
viewers, in the words of the Hocuspocus protocol.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crdt.protocol.messages import Scope

from .effects import SessionId

COLORS = """
    #e6194b #3cb44b #4363d8 #f58231 #911eb4 #008080 #9a6324 #800000 #808000 #000075 #c2185b #00796b
""".split()


@dataclass(frozen=True, slots=True)
class UserProfile:
    """A user as others see them."""

    id: UUID
    name: str = ""
    avatar_url: str | None = None

    @property
    def card(self) -> dict[str, str | None]:
        """Who this is, for presence states; a user has one color everywhere."""
        color = COLORS[self.id.int % len(COLORS)]
        return {
            "id": str(self.id),
            "name": self.name,
            "color": color,
            "avatar_url": self.avatar_url,
        }


@dataclass(frozen=True, slots=True)
class Session:
    """A client in a room, with the person it was authenticated as, and until when.

    `is_asked_back` tells the Hocuspocus protocol, in which a server asks what a client has each
    time after the client has asked, from y-websocket, in which it asks once, at the beginning.
    `was_warned` is whether the client knows that its token is about to expire. `state_vector` is
    what the client certainly has: that of its last SyncStep1, or nothing.
    """

    id: SessionId
    user: UserProfile
    scope: Scope
    expires_at: datetime | None = None
    is_asked_back: bool = False
    was_warned: bool = False
    state_vector: bytes = b"\x00"

    @property
    def user_id(self) -> UUID:
        """Who this is."""
        return self.user.id

    @property
    def may_write(self) -> bool:
        """Whether edits of this client are taken."""
        return self.scope == "read-write"

    def has_expired(self, now: datetime) -> bool:
        """Whether the token that opened this session is no longer good."""
        return self.expires_at is not None and self.expires_at <= now
