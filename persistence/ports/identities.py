"""Identities: which user a subject of an issuer of tokens is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

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

    async def is_link(self, digest: bytes) -> bool:
        """Whether there is a link with this digest that is good. Raises StoreError."""
        ...
