"""What a database needs so that Electric can follow the tables that are shapes, and the way back.

Electric (electric-sql.com), run with `ELECTRIC_MANUAL_TABLE_PUBLISHING=true`, reads the publication
that `sql/electric.sql` makes, over a replication slot of its own.
"""

from dataclasses import dataclass
from typing import Final

import sql
from persistence.errors import Conflict, NotAllowed

from . import groups
from .pool import DatabaseConnection

SLOT: Final = "electric_slot_default"
"""The name that Electric gives its replication slot."""


@dataclass(frozen=True, slots=True)
class ReplicationFacts:
    """What the settings of PostgreSQL are, and whether Electric's slot is there and followed."""

    wal_level: str
    kept_wal: str
    has_slot: bool
    is_followed: bool

    @property
    def advice(self) -> list[str]:
        """A sentence for each setting with which Electric does not work, or not safely."""
        found: list[str] = []
        if self.wal_level != "logical":
            found.append(
                f"wal_level is {self.wal_level}, and Electric needs logical: let an administrator "
                "run ALTER SYSTEM SET wal_level = logical, and restart PostgreSQL"
            )
        if self.kept_wal == "-1":
            found.append(
                "max_slot_wal_keep_size is unlimited: while Electric is away, its slot keeps all "
                "that is written, until the disk is full. Let an administrator run "
                "ALTER SYSTEM SET max_slot_wal_keep_size = '4GB', and SELECT pg_reload_conf()"
            )
        return found


async def replication_facts(database: DatabaseConnection) -> ReplicationFacts:
    """Ask the database. Raises StoreError."""
    row = await database.fetchrow("replication_facts", SLOT)
    assert row is not None  # noqa: S101 - the query has one row in any case
    return ReplicationFacts(**dict(row))


async def set_up(database: DatabaseConnection, role: str) -> ReplicationFacts:
    """Publish the tables and let a role follow them; done again, it changes nothing.

    Raises UnknownSubject if there is no such role, NotAllowed if it may not replicate or if this
    user may not do this, Locked if others use the tables all the time.
    """
    await groups.grant(database, "electric", role)
    return await replication_facts(database)


async def remove(database: DatabaseConnection) -> None:
    """Take back all that `set_up` did, and drop Electric's slot.

    Raises Conflict while Electric follows, NotAllowed if this user may not drop the slot; then all
    else is done.
    """
    facts = await replication_facts(database)
    if facts.is_followed:
        raise Conflict("Electric is connected: stop it first, then try again")
    for member in await groups.members(database, "electric"):
        await groups.revoke(database, "electric", member["name"])
    async with database.transaction() as own:
        await own.execute("wait_briefly_for_locks")
        await own.run_script(sql.role_script("electric_remove"))
    if facts.has_slot:
        await _drop_slot(database)


async def _drop_slot(database: DatabaseConnection) -> None:
    try:
        await database.fetchval("drop_slot", SLOT)
    except NotAllowed as error:
        raise NotAllowed(
            f"the slot {SLOT} keeps what is written until somebody drops it, and this user may "
            f"not: let an administrator run SELECT pg_drop_replication_slot('{SLOT}')"
        ) from error
