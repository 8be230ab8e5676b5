"""The database as one user may see and change it: the door through which the API comes.

Every session is a transaction of the role pipeloom_api on behalf of a user, so that row-level
security (`sql/schema.sql`) decides about every row. It runs the queries of `sql/api.sql` by name
and nothing else; none of them changes the role or the user back.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from persistence.errors import InvalidValue, NotAllowed, StoreError

from .pool import DatabaseConnection, Pool, Record
from .queries import API_QUERIES


class UserSession:
    """One transaction on behalf of one user.

    What the user may not see is not there. Every method raises NotAllowed for what the user may not
    do, Conflict, InvalidValue or UnknownSubject for what the tables cannot hold, StoreUnavailable
    while PostgreSQL is away; after any of them the transaction is lost.
    """

    def __init__(self, connection: DatabaseConnection) -> None:
        self._connection = connection

    async def fetch(self, name: str, *args: object) -> Sequence[Record]:
        """All rows."""
        return await self._connection.fetch(name, *args)

    async def fetchrow(self, name: str, *args: object) -> Record | None:
        """The first row, None if there is none."""
        return await self._connection.fetchrow(name, *args)

    async def fetchval(self, name: str, *args: object) -> Any:
        """The first column of the first row, None if there is none."""
        return await self._connection.fetchval(name, *args)

    async def execute(self, name: str, *args: object) -> None:
        """Run a query for its effect."""
        await self._connection.execute(name, *args)


class UserPool:
    """Sessions of users on the server's own pool of connections."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def session(self, user_id: UUID) -> AsyncIterator[UserSession]:
        """Open a transaction for a user; commit at the end, undo everything on an exception.

        Raises at the end what is checked at commit: Conflict when a team would lose its last owner.
        """
        async with self._pool.transaction() as transaction:
            await _become(transaction, user_id)
            yield UserSession(transaction.knowing(API_QUERIES))


async def _become(connection: DatabaseConnection, user_id: UUID) -> None:
    try:
        await connection.execute("become_api_user", user_id)
    except (NotAllowed, InvalidValue) as error:
        # Nothing the user could be told: the server is not set up.
        raise StoreError(
            f"cannot act as the role pipeloom_api: let an administrator run `GRANT pipeloom_api "
            f"TO` the role of the database URL ({error})"
        ) from error
