"""The tables as one user may see and change them, by PostgreSQL's row-level security.

Every transaction runs as the role pipeloom_api on behalf of a user, so the policies of
`sql/schema.sql` decide about every row. It runs the queries of `sql/api.sql` by name and nothing
else; none of them changes the role or the user back.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from persistence.errors import InvalidValue, NotAllowed, StoreError
from persistence.ports.user_rows import Record

from .pool import DatabaseConnection, Pool, as_setting
from .queries import API_QUERIES, QUERIES


class PostgresUserRows:
    """`UserRows` in a transaction that works for one user."""

    def __init__(self, connection: DatabaseConnection) -> None:
        self._connection = connection
        self._is_unchanged = False

    async def fetch(self, name: str, *args: object) -> Sequence[Record]:
        """See `UserRows.fetch`."""
        return await self._connection.fetch(name, *args)

    async def fetchrow(self, name: str, *args: object) -> Record | None:
        """See `UserRows.fetchrow`."""
        return await self._connection.fetchrow(name, *args)

    async def fetchval(self, name: str, *args: object) -> Any:
        """See `UserRows.fetchval`."""
        return await self._connection.fetchval(name, *args)

    async def execute(self, name: str, *args: object) -> None:
        """See `UserRows.execute`."""
        await self._connection.execute(name, *args)

    def note_unchanged(self) -> None:
        """See `UserRows.note_unchanged`."""
        self._is_unchanged = True

    async def transaction_id(self) -> int | None:
        """The id of the transaction, None if it has written nothing."""
        # Locking a row gives a transaction an id, too.
        if self._is_unchanged:
            return None
        found: int | None = await self._connection.with_queries(QUERIES).fetchval("transaction_id")
        return found


class PostgresUserDatabase:
    """`UserDatabase` on the server's own pool of connections.

    A user makes at most `most_changes` within an hour of what the audit log has, if that is given.
    """

    def __init__(self, pool: Pool, most_changes: int | None = None) -> None:
        self._pool, self._most_changes = pool, as_setting(most_changes)

    @asynccontextmanager
    async def rows(
        self,
        user_id: UUID,
        address: str = "",
        claim: UUID | None = None,
        on_written: Callable[[int], None] | None = None,
    ) -> AsyncIterator[PostgresUserRows]:
        """See `UserDatabase.rows`."""
        written: int | None = None
        async with self._pool.transaction() as transaction:
            if claim is not None:
                await transaction.execute("set_claim", str(claim))
            await _become(transaction, user_id, address, self._most_changes)
            rows = PostgresUserRows(transaction.with_queries(API_QUERIES))
            yield rows
            if on_written is not None:
                written = await rows.transaction_id()
        if on_written is not None and written is not None:
            on_written(written)


async def _become(
    connection: DatabaseConnection, user_id: UUID, address: str, most_changes: str
) -> None:
    try:
        await connection.execute("become_api_user", user_id, address, most_changes)
    except (NotAllowed, InvalidValue) as error:
        # NotAllowed would become a 403 for the user, who can do nothing about it: the server's own
        # role has not been granted pipeloom_api.
        raise StoreError(
            f"cannot act as the role pipeloom_api: let an administrator run `GRANT pipeloom_api "
            f"TO` the role of the database URL ({error})"
        ) from error
