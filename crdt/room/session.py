"""One client's session in a room.

What a session may do is its scope: "read-write" for those who write in the team, "readonly" for
viewers, in the words of the Hocuspocus protocol.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from crdt.protocol.messages import Scope
from crdt.updates.state_vector import EMPTY_STATE_VECTOR

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
        """The `user` of this user's awareness states; a user has one color everywhere."""
        color = COLORS[self.id.int % len(COLORS)]
        return {
            "id": str(self.id),
            "name": self.name,
            "color": color,
            "avatar_url": self.avatar_url,
        }


@dataclass(frozen=True, slots=True)
class Session:
    """A client in a room, the user as whom it was authenticated, and until when.

    `is_hocuspocus` is whether the client speaks the Hocuspocus protocol: in that the server sends
    a SyncStep1 after each one of the client, in y-websocket once, at the beginning; and only that
    has a message to ask for another token. `is_token_requested` is whether it was asked for one.
    `state_vector` is what the client certainly has: that of its last SyncStep1, or nothing.
    """

    id: SessionId
    user: UserProfile
    scope: Scope
    expires_at: datetime | None = None
    is_hocuspocus: bool = False
    is_token_requested: bool = False
    state_vector: bytes = EMPTY_STATE_VECTOR

    @property
    def user_id(self) -> UUID:
        """The id of its user."""
        return self.user.id

    @property
    def may_write(self) -> bool:
        """Whether edits of this client are accepted."""
        return self.scope == "read-write"

    def has_expired(self, now: datetime) -> bool:
        """Whether the token of this session has expired."""
        return self.expires_at is not None and self.expires_at <= now
