"""Identities: which user a subject of an issuer of tokens is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from crdt.room.session import UserProfile

from .directory import Role, User

Provisioning: TypeAlias = Literal["off", "known", "all"]
"""Who gets in at first sight: nobody; whoever has a verified address of a user; everybody."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a token says about whoever has it (OpenID Connect Core 1.0 §5.1).

    `email` counts only where the issuer says that it is verified. `issued_at` orders tokens.
    """

    issuer: str
    subject: str
    issued_at: datetime
    email: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """Who gets in at first sight, and which roles come with a token.

    `roles` gives the role in each team, by its path, that the groups of the token stand for; None
    if groups say nothing here.
    """

    provisioning: Provisioning = "off"
    roles: Mapping[str, Role] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A user who was created in a team; `transaction_id` is as `UserDatabase.rows` has it."""

    user: User
    team_id: UUID
    transaction_id: int


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """What a link by which people join a team offers, and whether it still does."""

    team_id: UUID
    team_name: str
    organization_name: str
    role: Role
    inviter: UserProfile
    expires_at: datetime
    uses_left: int
    is_revoked: bool
    is_expired: bool

    @property
    def is_good(self) -> bool:
        """Whether somebody can still join by it."""
        return self.uses_left > 0 and not self.is_revoked and not self.is_expired


class Identities(Protocol):
    """The identities of an installation."""

    async def is_user(self, user_id: UUID) -> bool:
        """Whether there is such a user. Raises StoreError."""
        ...

    async def sign_in(self, identity: Identity, policy: SignInPolicy) -> UUID | None:
        """The user of an identity, None if it has none and the policy gives it none.

        What a newer token says than the last one is taken over: the address, unless somebody else
        has it, and memberships by groups. Raises StoreError.
        """
        ...

    async def join(self, digest: bytes, email: str, name: str, address: str) -> Newcomer:
        """Create a user who joins a team by a link. `address` is the client's.

        Nobody has proved the address. Raises UnknownSubject if the link is not good any more,
        Conflict if the address is somebody's, StoreError.
        """
        ...

    async def offer(self, digest: bytes) -> LinkOffer | None:
        """What the link with this digest offers; None if there is none. Raises StoreError.

        A link that is good no more is forgotten some time after it has expired.
        """
        ...
