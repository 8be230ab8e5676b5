"""Group roles with fewer rights than the owner of the tables: who reads by SQL, serves or follows.

Row-level security hides all rows from a role that no policy names, so a grant alone shows nothing.
Roles belong to the whole cluster, and making one takes a right that the owner need not have. So no
migration makes them; a command does, and migrations bring their rights up to date.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

import sql
from persistence.errors import NotAllowed, UnknownSubject
from persistence.ports.user_rows import Record

from .pool import DatabaseConnection

Group: TypeAlias = Literal["reader", "server", "electric"]

_ATTRIBUTES: Final[Mapping[Group, str]] = {"reader": "", "server": "", "electric": "REPLICATION "}
"""What a role must have by itself, since nobody inherits it."""

GROUPS: Final[tuple[Group, ...]] = ("reader", "server", "electric")


async def grant(
    database: DatabaseConnection, group: Group, role: str, *, emails: bool = False
) -> None:
    """Make a role a member of a group, which is made if need be.

    A reader of `emails` may read the addresses of users. Raises UnknownSubject if there is no such
    role, NotAllowed if it cannot have the rights, or if this user may not give them.
    """
    await _require_suitable(database, group, role)
    try:
        async with database.transaction() as own:
            await own.execute("wait_briefly_for_locks")
            await own.run_script(sql.role_script(group))
            await own.run_script(f"GRANT {role_of(group)} TO {quoted(role)}")
            if emails:
                await own.run_script(f"GRANT SELECT (email) ON users TO {quoted(role)}")
    except NotAllowed as error:
        raise NotAllowed(_not_allowed(group, role, error)) from error


async def revoke(database: DatabaseConnection, group: Group, role: str) -> None:
    """Take a role out of a group. Raises UnknownSubject, NotAllowed."""
    if role not in {member["name"] for member in await members(database, group)}:
        raise UnknownSubject(f"the role {role} is not in {role_of(group)}")
    async with database.transaction() as own:
        await own.run_script(f"REVOKE {role_of(group)} FROM {quoted(role)}")
        await own.run_script(
            f"REVOKE SELECT (email) ON users FROM {quoted(role)}"  # noqa: S608 - quoted
        )


async def members(database: DatabaseConnection, group: Group) -> Sequence[Record]:
    """The roles of a group: `name`, and whether they read `emails`."""
    return await database.fetch("members_of_role", role_of(group))


async def refresh_groups(database: DatabaseConnection) -> None:
    """Give the groups of this database their rights on what a migration has added.

    Raises NotAllowed.
    """
    for group in GROUPS:
        if await database.fetchval("has_policies_for", role_of(group)):
            async with database.transaction() as own:
                await own.run_script(sql.role_script(group))


def role_of(group: Group) -> str:
    """The name of the group's role."""
    return f"pipeloom_{group}"


def quoted(name: str) -> str:
    """A name as SQL takes it literally."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


async def _require_suitable(database: DatabaseConnection, group: Group, role: str) -> None:
    facts = await database.fetchrow("role_facts", role)
    if facts is None:
        raise UnknownSubject(
            f"there is no role {role} in PostgreSQL: make it first, with "
            f"CREATE ROLE {quoted(role)} LOGIN {_ATTRIBUTES[group]}PASSWORD '…'"
        )
    if group == "electric" and not facts["replicates"]:
        raise NotAllowed(
            f"the role {role} may not follow what is written: let an administrator run "
            f"ALTER ROLE {quoted(role)} REPLICATION first"
        )
    if facts["sees_all"] and group != "electric":
        raise NotAllowed(f"the role {role} is bound by no policy: it sees everything already")
    if not facts["inherits"]:
        raise NotAllowed(
            f"the role {role} does not inherit the rights of its groups: run "
            f"ALTER ROLE {quoted(role)} INHERIT first"
        )


def _not_allowed(group: Group, role: str, error: NotAllowed) -> str:
    return (
        f"the role of the database URL may not do this ({error}): let an administrator run "
        f"CREATE ROLE {role_of(group)} NOLOGIN and GRANT {role_of(group)} TO {quoted(role)}"
        + (f" and GRANT pipeloom_api TO {role_of(group)}" if group == "server" else "")
        + f", and run this as the owner of the tables (with the right to grant {role_of(group)})"
    )
