"""Identities in memory: the twin of `persistence/postgres/identities.py`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from crdt.room.session import UserProfile
from persistence.errors import UnknownSubject
from persistence.ports.directory import SYSTEM, Role, User
from persistence.ports.identities import Identity, LinkOffer, Newcomer, SignInPolicy

from .directory import MemoryDirectory
from .tables import MemoryLink

NO_ADDRESS = "identity.invalid"


class MemoryIdentities(MemoryDirectory):
    """`Identities` over the shared state."""

    async def is_user(self, user_id: UUID) -> bool:
        """See `Identities.is_user`."""
        return user_id in self._users and user_id != SYSTEM.id

    async def sign_in(self, identity: Identity, policy: SignInPolicy) -> UUID | None:
        """See `Identities.sign_in`."""
        key = (identity.issuer, identity.subject)
        if key not in self._identities:
            user_id = self._first_sight(identity, policy)
            if user_id is None:
                return None
            self._identities[key] = (user_id, None)
        user_id, claims_at = self._identities[key]
        if claims_at is None or claims_at <= identity.issued_at:
            self._identities[key] = (user_id, identity.issued_at)
            self._take_over(user_id, identity, policy.roles)
        return user_id

    async def join(self, digest: bytes, email: str, name: str, address: str) -> Newcomer:  # noqa: ARG002 - this store has no audit log
        """See `Identities.join`."""
        link, offer = self._links.get(digest), await self.offer(digest)
        if link is None or offer is None or not offer.is_good:
            self._require_free(email)
            raise UnknownSubject("this invitation was revoked or used up, or has expired")
        user = await self.create_user(email, name)
        self._unproven.add(user.id)
        link.uses_left -= 1
        self._roles[link.team_id, user.id] = link.role
        return Newcomer(user, link.team_id, next(self._turns))

    async def offer(self, digest: bytes) -> LinkOffer | None:
        """See `Identities.offer`."""
        link = self._links.get(digest)
        if link is None:
            return None
        organization_id = self._teams[link.team_id].organization_id
        inviter = self._users[link.inviter]
        return LinkOffer(
            link.team_id,
            self._names[link.team_id],
            self._names[organization_id],
            link.role,
            UserProfile(inviter.id, inviter.name),
            link.expires_at,
            link.uses_left,
            link.is_revoked,
            is_expired=link.expires_at <= self._now(),
        )

    async def add_link(
        self,
        team_id: UUID,
        digest: bytes,
        role: Role,
        inviter: UUID,
        *,
        uses: int,
        lasts: timedelta,
    ) -> None:
        """Add a link by which so many people join a team; it lasts so long from now on."""
        self._links[digest] = MemoryLink(team_id, role, inviter, self._now() + lasts, uses)

    async def revoke_link(self, digest: bytes) -> None:
        """Let nobody else join by a link."""
        self._links[digest].is_revoked = True

    async def address_of(self, user_id: UUID) -> str:
        """The address of a user."""
        return self._users[user_id].email

    async def role_in(self, team_id: UUID, user_id: UUID) -> Role | None:
        """The role of a user in a team."""
        return self._roles.get((team_id, user_id))

    def _first_sight(self, identity: Identity, policy: SignInPolicy) -> UUID | None:
        linked = {user_id for user_id, _ in self._identities.values()} | self._unproven
        if identity.email and policy.provisioning != "off":
            for user in self._with_address(identity.email):
                if user.id not in linked and user.id != SYSTEM.id:
                    return user.id
        if policy.provisioning != "all":
            return None
        name = identity.name or (identity.email or "").partition("@")[0] or "Somebody"
        digest = sha256(f"{identity.issuer}\n{identity.subject}".encode()).hexdigest()
        user = User(self._new_id(), f"{digest[:24]}@{NO_ADDRESS}", name)
        self._users[user.id] = user
        return user.id

    def _with_address(self, email: str) -> Iterator[User]:
        return (user for user in self._users.values() if user.email.lower() == email.lower())

    def _take_over(
        self, user_id: UUID, identity: Identity, roles: Mapping[str, Role] | None
    ) -> None:
        if identity.email:
            self._take_address(user_id, identity.email)
        if roles is not None:
            paths = {team_id: path for path, team_id in self._paths().items()}
            given = {team_id: roles[path] for team_id, path in paths.items() if path in roles}
            self._drop_group_roles(user_id, given)
            self._give_group_roles(user_id, given)

    def _take_address(self, user_id: UUID, email: str) -> None:
        for other in list(self._with_address(email)):
            if other.id != user_id and other.id in self._unproven:
                stand_in = f"{other.id}@{NO_ADDRESS}"
                self._users[other.id] = replace(other, email=stand_in)
        if all(other.id == user_id for other in self._with_address(email)):
            self._users[user_id] = replace(self._users[user_id], email=email)
            self._unproven.discard(user_id)

    def _drop_group_roles(self, user_id: UUID, given: Mapping[UUID, Role]) -> None:
        for team_id, member in list(self._from_groups):
            if member == user_id and team_id not in given and self._may_leave(team_id, user_id):
                self._from_groups.discard((team_id, user_id))
                del self._roles[team_id, user_id]

    def _give_group_roles(self, user_id: UUID, given: Mapping[UUID, Role]) -> None:
        for team_id, role in given.items():
            seat = (team_id, user_id)
            if seat not in self._roles:
                self._from_groups.add(seat)
            if seat in self._from_groups and (
                self._roles.get(seat) == role or self._may_leave(team_id, user_id)
            ):
                self._roles[seat] = role

    def _may_leave(self, team_id: UUID, user_id: UUID) -> bool:
        """Whether the team has an owner without the role of this user."""
        owners = {
            user for (team, user), role in self._roles.items() if (team, role) == (team_id, "owner")
        }
        return owners != {user_id}
