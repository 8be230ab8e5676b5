"""The tables as one user may see and change them: the port through which the API reads and writes.

It has no twin in memory, since who may do what is decided by PostgreSQL's row-level security.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeAlias
from uuid import UUID

Record: TypeAlias = Mapping[str, Any]
"""One row of a query's result, by column name."""


class UserRows(Protocol):
    """One transaction on behalf of one user, which runs the queries of `sql/api.sql` by name.

    Rows that the user may not see are not in any result. Every method raises NotAllowed when the
    user may not do this, Conflict, InvalidValue or UnknownSubject when the tables cannot hold the
    values, and StoreUnavailable while PostgreSQL is away. After any of them the transaction cannot
    be used any more.
    """

    async def fetch(self, name: str, *args: object) -> Sequence[Record]:
        """Return all rows of a query."""
        ...

    async def fetchrow(self, name: str, *args: object) -> Record | None:
        """Return the first row of a query, None if there is none."""
        ...

    async def fetchval(self, name: str, *args: object) -> Any:
        """Return the first column of the first row, None if there is none."""
        ...

    async def execute(self, name: str, *args: object) -> None:
        """Run a query for its effect."""
        ...

    def note_unchanged(self) -> None:
        """Note that what this transaction has locked stays as it is, so that it writes nothing."""
        ...


class UserDatabase(Protocol):
    """Opens transactions on behalf of users."""

    def rows(
        self,
        user_id: UUID,
        address: str = "",
        claim: UUID | None = None,
        on_written: Callable[[int], None] | None = None,
    ) -> AbstractAsyncContextManager[UserRows]:
        """Open a transaction for a user; commit at the end, undo everything on an exception.

        The audit log names `address` as where the user's changes come from. What is created is
        noted under the `claim` of a key, see `ports/idempotency.py`. If the transaction has written
        anything, `on_written` is called after its commit with its id, which has 32 bits as the xmin
        of rows has.
        Leaving the context raises what is checked at commit: Conflict when a team would lose its
        last owner.
        """
        ...
