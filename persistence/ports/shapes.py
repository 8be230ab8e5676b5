"""What shapes need of a store: who sees what, rows as text, and which rows have changed.

There is no twin in memory: a shape's condition is SQL, and only a database says which rows it has.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from persistence.errors import StoreError

Values: TypeAlias = tuple[str | None, ...]
"""The columns of a row as PostgreSQL writes them; None for NULL.

The garbage collector looks at a tuple of texts once, and at a list each time that it looks at all:
with the rows of all shapes it would stop the event loop for tens of milliseconds.
"""


class QueryTooSlow(StoreError):
    """A query took longer than it may."""


class TooMuchRead(StoreError):
    """What was asked for has more bytes than may be in memory at once."""

    def __init__(self, most: int) -> None:
        super().__init__(f"expected {most} bytes at most, got more")


@dataclass(frozen=True, slots=True)
class Access:
    """The teams of users, and the team of each pipeline that is there; deleted ones are not.

    `joined` has when a user came into a team, by user and team. Who leaves and comes back comes at
    another moment.
    """

    teams: Mapping[UUID, frozenset[UUID]]
    pipelines: Mapping[UUID, UUID]
    joined: Mapping[tuple[UUID, UUID], datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Rows of a table for which all conditions hold; conditions and order are SQL of ours.

    Behind the columns each row has one value for each of `tests`: `true`, `false`, or None for
    NULL.
    """

    table: str
    columns: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    order: str = ""
    limit: int | None = None
    offset: int = 0
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row, and the transaction that wrote it, of which PostgreSQL keeps 32 bits."""

    xid: int
    values: Values


@dataclass(frozen=True, slots=True)
class Position:
    """What a transaction sees: those before `xmin`, none from `xmax` on, none of `running`.

    Of transactions' numbers the lower 32 bits. `lsn` is where the write-ahead log ended.
    """

    xmin: int
    xmax: int
    running: tuple[int, ...]
    lsn: int


@dataclass(frozen=True, slots=True)
class RowsRead:
    """The rows of several queries at one moment, in the order of the queries."""

    position: Position
    rows: Sequence[Sequence[StoredRow]]


@dataclass(frozen=True, slots=True)
class RowsChanged:
    """A transaction has changed rows of a table, in one statement.

    `ids` are those of the rows (of a member that of the user), `owners` the pipelines or teams that
    they belong or belonged to, `moved` the ids of those that others may see now than before; one
    that was made or deleted is one of those. `members` are the users in those teams, unless they
    are announced as rows that changed themselves. None stands for any. All ids are in PostgreSQL's
    notation.
    """

    table: str
    xid: int
    ids: frozenset[str] | None = None
    owners: frozenset[str] | None = None
    moved: frozenset[str] | None = None
    members: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """What was announced since the last look: changes, and marks by their texts."""

    changes: Sequence[RowsChanged] = ()
    marks: frozenset[str] = frozenset()


class ShapeReader(Protocol):
    """Reads for shapes, past row-level security: the conditions have to say who sees what."""

    async def access(self, users: Collection[UUID], pipelines: Collection[UUID]) -> Access:
        """Look up users and pipelines at one moment. Raises StoreUnavailable."""
        ...

    async def read(self, queries: Sequence[RowQuery]) -> RowsRead:
        """Read all queries at one moment.

        Raises StoreUnavailable; InvalidValue for a condition that PostgreSQL cannot evaluate;
        QueryTooSlow; TooMuchRead for rows that are too large together.
        """
        ...

    async def mark(self, text: str) -> None:
        """Announce a mark behind everything that was committed before. Raises StoreUnavailable."""
        ...


class ShapeChanges(Protocol):
    """What is announced of changed rows, in the order of the commits.

    Announcements may be lost with a connection: then `wait` returns None.
    """

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer here
        *,
        is_needed: Callable[[], bool] = lambda: True,
    ) -> Announced | None:
        """Wait at most `timeout` seconds; None when anything may have changed.

        Marks are always there. Changes are left out unless they are needed when they have arrived:
        reading what they say is what they cost. Raises StoreError.
        """
        ...
