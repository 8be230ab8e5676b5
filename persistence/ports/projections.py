"""The tables made from documents, and how a worker claims the next document to project."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from crdt.pipeline.rows import Diagnostic, RowChanges, Rows


class Claim(Protocol):
    """One document that lags, locked by one worker until the transaction around it ends."""

    @property
    def pipeline_id(self) -> UUID: ...

    @property
    def cursor(self) -> int:
        """The last update that the rows contain."""
        ...

    @property
    def mend_at(self) -> datetime | None:
        """When the document is to be mended, None if there is no need."""
        ...

    @property
    def reported(self) -> int:
        """What updates up to this number did to each other's steps is reported."""
        ...

    async def stored_rows(self) -> Rows:
        """Read all rows of the pipeline as the tables hold them."""
        ...

    async def apply(
        self,
        changes: RowChanges,
        cursor: int,
        mend_at: datetime | None = None,
        *,
        holds_diagnostics_anew: bool = False,
    ) -> None:
        """Write the changes, move the cursor and note when to mend, in the claim's transaction.

        `holds_diagnostics_anew` says that the document's own list of diagnostics has changed.
        The end of that transaction is announced, see `ProjectionAnnouncements`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Lagging:
    """A document that lags, as one of those that a worker has claimed at once; see `Claim`."""

    pipeline_id: UUID
    cursor: int
    mend_at: datetime | None
    reported: int


@dataclass(frozen=True, slots=True)
class Projection:
    """What is to be written of a document: see `Claim.apply`."""

    pipeline_id: UUID
    changes: RowChanges
    cursor: int
    mend_at: datetime | None = None
    holds_diagnostics_anew: bool = False


class BatchClaim(Protocol):
    """Documents that lag, locked by one worker until the transaction around them ends."""

    @property
    def documents(self) -> Sequence[Lagging]:
        """The documents that are locked, the one that was projected the longest ago first."""
        ...

    async def apply(self, projections: Sequence[Projection]) -> None:
        """Write the rows of some of these documents, at most once; the rest is as with a `Claim`.

        The others lag as they did.
        """
        ...


class MendingClaim(Protocol):
    """One document that is due to be mended, locked by one worker like a `Claim`."""

    @property
    def pipeline_id(self) -> UUID: ...

    @property
    def cursor(self) -> int:
        """The last update of the log, which the rows contain, too."""
        ...

    @property
    def reported(self) -> int:
        """See `Claim.reported`."""
        ...

    async def diagnostics(self) -> list[Diagnostic]:
        """Read the diagnostics as the tables hold them."""
        ...

    async def found_at(self) -> dict[tuple[str, str], datetime]:
        """Read since when each diagnostic has stood, by code and subject."""
        ...

    async def rewrite(
        self, written: Sequence[Diagnostic], removed: Collection[tuple[str, str]], reported: int
    ) -> None:
        """Write some diagnostics, and remove others by code and subject; move `reported`.

        Of several that are written with one code and subject, the last one stays: two edits of one
        deleted step are two reports.
        """
        ...

    async def mend_again(self, at: datetime | None) -> None:
        """Note when the document is to be mended next, None for never."""
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

    def claim_many(
        self,
        limit: int,
        only: Collection[UUID] | None = None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AbstractAsyncContextManager[BatchClaim]:
        """Lock at most `limit` documents as `claim` does, for one transaction; maybe none.

        Everything that is written of them is committed together, or undone together.
        """
        ...

    def claim_mending(
        self, now: datetime, *, excluding: Collection[UUID] = ()
    ) -> AbstractAsyncContextManager[MendingClaim | None]:
        """Lock one document whose time to be mended has come and whose rows are up to date.

        None if there is none to be had; the rest is as with `claim`.
        """
        ...

    async def user_names(self, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Read the names of users; those who are deleted are missing. Raises StoreUnavailable."""
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


class DiagnosticsReader(Protocol):
    """Reads the diagnostics of a pipeline, for whoever sends them to its clients."""

    async def first_diagnostics(self, pipeline_id: UUID, limit: int) -> list[Diagnostic]:
        """Read the diagnostics: errors first, then by code and subject. Raises StoreUnavailable."""
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
    `diagnostics` says that the document's own list of diagnostics has changed.
    The rows contained the updates up to number `after` before, and `transaction_id` is that of the
    transaction that has written them: None if it has written no row, or if that is not known.
    """

    pipeline_id: UUID
    seq: int
    updated_at: datetime | None = None
    steps: Mapping[UUID, RowTimes] = field(default_factory=dict)
    connections: Mapping[UUID, RowTimes] = field(default_factory=dict)
    diagnostics: bool = False
    after: int | None = None
    transaction_id: int | None = None

    def transaction_of(self, seq: int) -> int | None:
        """The transaction that wrote what update `seq` changes, None if it is not this one."""
        is_in = self.after is not None and self.after < seq <= self.seq
        return self.transaction_id if is_in else None


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
