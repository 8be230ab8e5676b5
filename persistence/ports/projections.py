"""The tables made from documents, and how a worker claims the next document to project."""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from crdt.pipeline.rows import RowChanges, Rows


class Claim(Protocol):
    """One dirty document, held by one worker until the transaction around it ends."""

    @property
    def pipeline_id(self) -> UUID: ...

    @property
    def cursor(self) -> int:
        """The last update that the rows contain."""
        ...

    async def held(self) -> Rows:
        """Read all rows of the pipeline as the tables hold them."""
        ...

    async def apply(self, changes: RowChanges, cursor: int) -> None:
        """Write the changes and move the cursor, in the claim's transaction."""
        ...


class Projections(Protocol):
    """The tables made from documents, and which of them lag behind the log."""

    def claim(
        self, only: Collection[UUID] | None = None, *, besides: Collection[UUID] = ()
    ) -> AbstractAsyncContextManager[Claim | None]:
        """Lock one document whose log is ahead of its rows; None if there is none to be had.

        Documents claimed by another worker are passed over, and so are those in `besides`: a
        worker names there the documents that failed a moment ago. Leaving the context commits;
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
    """Tells operators how far the tables are behind."""

    async def lag(self) -> ProjectionLag:
        """Read the lag over all pipelines, zeros if there is none. Raises StoreUnavailable."""
        ...
