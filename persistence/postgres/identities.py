"""Identities in the tables users, user_identities and team_members.

Two rules keep accounts from being taken over: an address links an identity to a user only if the
issuer has verified it, and only to a user who has no identity yet and whose address was not merely
typed. So neither another subject nor another issuer with the same address gets into an account.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from uuid import UUID

import structlog

from crdt.room.session import UserProfile
from persistence.errors import UnknownSubject
from persistence.ports.directory import Role, User
from persistence.ports.identities import Identity, LinkOffer, Newcomer, SignInPolicy

from .pool import DatabaseConnection, Pool

NO_ADDRESS: Final = "identity.invalid"
"""The domain of what stands in place of an address that is not known; nobody can own it."""

_logger = structlog.get_logger(__name__)


class PostgresIdentities:
    """`Identities` on the server's own pool of connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def is_user(self, user_id: UUID) -> bool:
        """See `Identities.is_user`."""
        found: bool = await self._pool.fetchval("is_user", user_id)
        return found

    async def sign_in(self, identity: Identity, policy: SignInPolicy) -> UUID | None:
        """See `Identities.sign_in`."""
        key = (identity.issuer, identity.subject)
        async with self._pool.transaction() as transaction:
            # One at a time: the first tokens of somebody may well come at once, to several servers.
            await transaction.execute("lock_identity", *key)
            user_id: UUID | None = await transaction.fetchval("user_of_identity", *key)
            if user_id is None:
                user_id = await _first_sight(transaction, identity, policy)
            if user_id is not None and await transaction.fetchval(
                "note_claims", *key, identity.issued_at
            ):
                await _take_over(transaction, user_id, identity, policy.roles)
        return user_id

    async def join(self, digest: bytes, email: str, name: str, address: str) -> Newcomer:
        """See `Identities.join`."""
        async with self._pool.transaction() as transaction:
            await transaction.execute("note_address", address)
            user_id: UUID = await transaction.fetchval("new_user", email, name, True)
            team_id: UUID | None = await transaction.fetchval("join_by_link", digest, user_id)
            if team_id is None:
                raise UnknownSubject("this invitation was revoked or used up, or has expired")
            transaction_id: int = await transaction.fetchval("transaction_id")
        return Newcomer(User(user_id, email, name), team_id, transaction_id)

    async def offer(self, digest: bytes) -> LinkOffer | None:
        """See `Identities.offer`."""
        row = await self._pool.fetchrow("invitation_link_offer", digest)
        if row is None:
            return None
        fields = dict(row)
        inviter = UserProfile(
            *(fields.pop(f"inviter_{each}") for each in ("id", "name", "avatar_url"))
        )
        return LinkOffer(**fields, inviter=inviter)


async def _first_sight(
    transaction: DatabaseConnection, identity: Identity, policy: SignInPolicy
) -> UUID | None:
    user_id: UUID | None = None
    if identity.email and policy.provisioning != "off":
        user_id = await transaction.fetchval("linkable_user", identity.email)
    if user_id is None and policy.provisioning == "all":
        user_id = await _new_user(transaction, identity)
    if user_id is not None:
        await transaction.execute("new_identity", identity.issuer, identity.subject, user_id)
        _logger.info("identity.linked", user_id=str(user_id), subject=identity.subject)
    return user_id


async def _new_user(transaction: DatabaseConnection, identity: Identity) -> UUID:
    """A user with a stand-in for an address: `_take_over` gives the real one, if it is free."""
    name = identity.name or (identity.email or "").partition("@")[0] or "Somebody"
    made: UUID = await transaction.fetchval("new_user", _stand_in(identity), name, False)
    return made


def _stand_in(identity: Identity) -> str:
    digest = sha256(f"{identity.issuer}\n{identity.subject}".encode()).hexdigest()
    return f"{digest[:24]}@{NO_ADDRESS}"


async def _take_over(
    transaction: DatabaseConnection,
    user_id: UUID,
    identity: Identity,
    roles: Mapping[str, Role] | None,
) -> None:
    if identity.email:
        # Whoever merely typed it has to give it up to whoever the issuer says has it.
        await transaction.execute("release_address", identity.email, user_id)
        await transaction.execute("take_address", user_id, identity.email)
    if roles is not None:
        paths = list(roles)
        teams, given = [path.split("/") for path in paths], [roles[path] for path in paths]
        arguments = ([one[0] for one in teams], [one[1] for one in teams], given)
        await transaction.execute("drop_group_roles", user_id, *arguments[:2])
        await transaction.execute("give_group_roles", user_id, *arguments)
