"""People as an operator sees and changes them, past the policies that bind users."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from persistence.errors import Conflict, UnknownSubject
from persistence.ports.directory import SYSTEM, Role, User
from persistence.ports.user_rows import Record

from .pool import DatabaseConnection, Pool


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to add; `identity` is the issuer and subject of their tokens, if that is no id."""

    email: str
    name: str
    identity: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What a user who was removed has left: teams they were in, pipelines that they made."""

    teams: int
    pipelines: int


class PostgresPeople:
    """Adds, lists, changes and removes users; the audit log has what changes of teams."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def listed(self) -> Sequence[Record]:
        """All users by address, with `teams`: path, role, and whether by a group."""
        return await self._pool.fetch("everybody")

    async def add(self, person: NewPerson, seat: tuple[UUID, Role] | None) -> UUID:
        """Create a user, or let one who is here be a subject or be in a team: `seat`.

        Raises Conflict if nothing is new, or if the subject is somebody else.
        """
        async with self._pool.transaction() as transaction:
            user_id = await _ensured(transaction, person, is_new=seat is None)
            if person.identity is not None:
                await _link(transaction, user_id, person.identity)
            if seat is not None and not await transaction.fetchval(
                "add_member_by_hand", seat[0], user_id, seat[1]
            ):
                raise Conflict(
                    f"{person.email} is in this team already: change the role by "
                    "`pipeloom user set-role`"
                )
        return user_id

    async def new_team(self, path: str) -> UUID:
        """Create a team, and its organization if that is new; "organization/team"."""
        organization, _, team = path.partition("/")
        async with self._pool.transaction() as transaction:
            found = await transaction.fetchval("ensure_organization", organization, organization)
            made: UUID = await transaction.fetchval("ensure_team", found, team, team)
        return made

    async def set_role(self, user: User, team_id: UUID, role: Role) -> None:
        """Change a role. Raises UnknownSubject, Conflict if a team would be without an owner."""
        if not await self._pool.fetchval("set_role_by_hand", team_id, user.id, role):
            raise UnknownSubject(
                f"{user.email} is not in this team: add them by `pipeloom user add`"
            )

    async def leave(self, user: User, team_id: UUID) -> None:
        """Take a user out of a team. Raises UnknownSubject, Conflict as `set_role`."""
        if not await self._pool.fetchval("remove_from_team", team_id, user.id):
            raise UnknownSubject(f"{user.email} is not in this team")

    async def remove(self, user: User) -> Left:
        """Delete a user. Raises Conflict if a team would be without an owner."""
        if user.id == SYSTEM.id:
            raise Conflict("the system is the author of repairs, and stays")
        row = await self._pool.fetchrow("remove_user", user.id)
        return Left(0, 0) if row is None else Left(row["teams"], row["pipelines"])


async def _ensured(transaction: DatabaseConnection, person: NewPerson, *, is_new: bool) -> UUID:
    """The id of a person, who is created unless they are here; `is_new` if they must not be."""
    found: UUID | None = await transaction.fetchval("user_id_by_email", person.email)
    if found is None:
        made: UUID = await transaction.fetchval("new_user", person.email, person.name, False)
        return made
    if is_new and person.identity is None:
        raise Conflict(f"there is a user {person.email} already")
    return found


async def _link(transaction: DatabaseConnection, user_id: UUID, identity: tuple[str, str]) -> None:
    known = await transaction.fetchval("user_of_identity", *identity)
    if known not in (None, user_id):
        raise Conflict(f"the subject {identity[1]} is somebody else already")
    if known is None:
        await transaction.execute("new_identity", *identity, user_id)
