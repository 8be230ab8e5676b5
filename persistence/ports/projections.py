"""The tables made from documents, and how a worker claims the next document to project."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from crdt.pipeline.rows import RowChanges, Rows


class Claim(Protocol):
    """One document that lags, locked by one worker until the transaction around it ends."""

    @property
    def pipeline_id(self) -> UUID: ...

    @property
    def cursor(self) -> int:
        """The last update that the rows contain."""
        ...

    async def stored_rows(self) -> Rows:
        """Read all rows of the pipeline as the tables hold them."""
        ...

    async def apply(self, changes: RowChanges, cursor: int) -> None:
        """Write the changes and move the cursor, in the claim's transaction.

        The end of that transaction is announced, see `ProjectionAnnouncements`.
        """
        ...


class Projections(Protocol):
    """The tables made from documents, and which of them lag behind the log."""

    def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AbstractAsyncContextManager[Claim | None]:
        """Lock one document whose log is ahead of its rows; None if there is none to be had.

        Documents claimed by another worker are passed over, and so are those in `excluding`: a
        worker excludes the documents that failed a moment ago. Leaving the context commits;
        leaving it by an exception undoes everything. Raises StoreUnavailable.
        """
        ...

    async def refresh_search(self) -> bool:
        """Bring one pipeline that search does not find by its latest text up to date.

        False if there is none, or none whose turn it is. Raises StoreUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProjectionLag:
    """How many updates the rows lack, and the age in seconds of the oldest of them."""

    updates: int
    seconds: float


class ProjectionLagReader(Protocol):
    """Measures how far the tables are behind, for operators."""

    async def lag(self) -> ProjectionLag:
        """Read the lag over all pipelines, zeros if there is none. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class RowTimes:
    """When a row was created, and when it was changed last."""

    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Projected:
    """The rows of a pipeline contain the log's updates up to number `seq`.

    `steps` and `connections` have the times of rows that were written, by id, and `updated_at` is
    that of the pipeline. Any of these may be missing: whoever needs them reads the rows then.
    """

    pipeline_id: UUID
    seq: int
    updated_at: datetime | None = None
    steps: Mapping[UUID, RowTimes] = field(default_factory=dict)
    connections: Mapping[UUID, RowTimes] = field(default_factory=dict)


class ProjectionAnnouncements(Protocol):
    """What all workers announce when they have projected a document.

    An announcement may be lost, so it is for speed only: whoever waits for one must look at the
    tables from time to time, and whenever `wait` returns None.
    """

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer here
    ) -> Sequence[Projected] | None:
        """Wait at most `timeout` seconds; return what was announced, by ascending `seq`.

        Empty when nothing was. None when anything may have been announced that did not arrive.
        Raises StoreError.
        """
        ...
