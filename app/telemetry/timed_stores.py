"""Stores that measure another one: what takes time in it is counted and traced.

They wrap ports, so neither `persistence/` nor its callers know of metrics and spans.
"""

import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from uuid import UUID

from crdt.pipeline.rows import RowChanges
from persistence.ports.idempotency import Fulfilled
from persistence.ports.projections import BatchClaim, Claim, Projection, Projections
from persistence.ports.update_log import LockedLog, LogTransaction, NewUpdate, UpdateLog
from persistence.ports.versions import NewVersion, VersionInfo, Versions

from . import metrics, spans
from .commit_health import CommitHealth


class TimedLog:
    """`UpdateLog` that counts, traces and notes the health of the transactions of another one."""

    def __init__(self, log: UpdateLog, health: CommitHealth | None = None) -> None:
        self._log, self.health = log, health or CommitHealth()
        self.load, self.heads = log.load, log.heads
        self.since, self.since_each = log.since, log.since_each
        self.append_if_last = log.append_if_last
        self.reserve, self.free = log.reserve, log.free

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        """See `UpdateLog`; timed from its lock on, since it waits for that as long as it likes."""
        with self.health.watched(), ExitStack() as timing:
            async with self._log.transaction() as transaction:
                yield (timed := _TimedTransaction(transaction, timing))
        if timed.updates:
            self.health.succeed()

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `UpdateLog`."""
        started = time.perf_counter()
        # A trace of its own: one commit holds the updates of many clients.
        with spans.span("log.commit", headers=spans.NEW_TRACE) as span:
            if spans.is_traced():
                span.set_attributes(_batch_attributes(updates))
            with self.health.watched():
                seqs = await self._log.append(updates)
        self.health.succeed()
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        metrics.COMMIT_UPDATES.observe(len(updates))
        return seqs

    async def store_state(
        self,
        pipeline_id: UUID,
        seq: int,
        state: bytes,
        waiting: Sequence[bytes] = (),
        noticed: bytes = b"",
        *,
        slices: bytes = b"",
    ) -> None:
        """See `UpdateLog`."""
        attributes: spans.Attributes = {
            spans.PIPELINE: str(pipeline_id),
            spans.SEQ: seq,
            "pipeloom.bytes": len(state),
        }
        with spans.span("state.store", attributes):
            await self._log.store_state(pipeline_id, seq, state, waiting, noticed, slices=slices)


class _TimedTransaction:
    """`LogTransaction` that times and traces another one, from its lock to its commit."""

    def __init__(self, transaction: LogTransaction, timing: ExitStack) -> None:
        self._transaction, self._timing = transaction, timing
        self.updates = 0
        """How many were appended."""

    async def lock(
        self, positions: Mapping[UUID, int], most_bytes: int | None = None
    ) -> dict[UUID, LockedLog]:
        """See `LogTransaction`."""
        self._timing.enter_context(self._timed())
        return await self._transaction.lock(positions, most_bytes)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        with spans.span("log.decide", headers=spans.NEW_TRACE) as span:
            yield
            span.set_attributes({"pipeloom.updates": self.updates})
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        metrics.COMMIT_UPDATES.observe(self.updates)

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `LogTransaction`."""
        self.updates += len(updates)
        return await self._transaction.append(updates)

    async def fulfil(self, requests: Sequence[Fulfilled]) -> None:
        """See `LogTransaction`."""
        await self._transaction.fulfil(requests)


def _batch_attributes(updates: Sequence[NewUpdate]) -> spans.Attributes:
    return {
        "pipeloom.updates": len(updates),
        "pipeloom.bytes": sum(len(update.payload) for update in updates),
        "pipeloom.pipelines": len({update.pipeline_id for update in updates}),
    }


class TimedProjections:
    """`Projections` that times and traces those of another one, from the claim to the commit."""

    def __init__(self, projections: Projections) -> None:
        self._projections = projections
        self.claim_mending, self.user_names = projections.claim_mending, projections.user_names

    @asynccontextmanager
    async def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator[Claim | None]:
        """See `Projections`."""
        # The timer is outside of the claim, so that it stops after the claim's commit.
        with ExitStack() as timing:
            async with self._projections.claim(only, excluding=excluding) as claim:
                yield None if claim is None else timing.enter_context(_timed(claim))

    @asynccontextmanager
    async def claim_many(
        self,
        limit: int,
        only: Collection[UUID] | None = None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AsyncIterator[BatchClaim]:
        """See `Projections`."""
        with ExitStack() as timing:
            async with self._projections.claim_many(limit, only, excluding=excluding) as claim:
                yield timing.enter_context(_timed_batch(claim)) if claim.documents else claim

    async def refresh_search(self) -> bool:
        """See `Projections`."""
        return await self._projections.refresh_search()


class TimedBatchClaim:
    """`BatchClaim` that records how many rows of how many pipelines another one writes."""

    def __init__(self, claim: BatchClaim, span: spans.Span) -> None:
        self._claim, self._span = claim, span
        self.documents = claim.documents
        self.pipelines = self.rows = 0

    async def apply(self, projections: Sequence[Projection]) -> None:
        """See `BatchClaim`."""
        await self._claim.apply(projections)
        self.pipelines += len(projections)
        self.rows += sum(len(each.changes) for each in projections)
        counts = {"pipeloom.pipelines": self.pipelines, "pipeloom.rows": self.rows}
        self._span.set_attributes(counts)


@contextmanager
def _timed_batch(claim: BatchClaim) -> Iterator[TimedBatchClaim]:
    started = time.perf_counter()
    try:
        # A trace of its own, as of a commit: it holds the edits of many clients.
        with spans.span("projections", headers=spans.NEW_TRACE) as span:
            yield (timed := TimedBatchClaim(claim, span))
    except BaseException:
        metrics.PROJECTIONS_FAILED.inc()
        raise
    # Each document's rows were as long on their way as those of all.
    for _ in range(timed.pipelines):
        metrics.PROJECTION_SECONDS.observe(time.perf_counter() - started)
    metrics.PROJECTED_ROWS.inc(timed.rows)


class TimedClaim:
    """`Claim` that records how many rows another one writes, and up to which update."""

    def __init__(self, claim: Claim, span: spans.Span) -> None:
        self._claim, self._span = claim, span
        self.pipeline_id, self.cursor = claim.pipeline_id, claim.cursor
        self.mend_at, self.stored_rows = claim.mend_at, claim.stored_rows
        self.reported = claim.reported
        self.rows = 0

    async def apply(
        self,
        changes: RowChanges,
        cursor: int,
        mend_at: datetime | None = None,
        *,
        holds_diagnostics_anew: bool = False,
    ) -> None:
        """See `Claim`."""
        await self._claim.apply(
            changes, cursor, mend_at, holds_diagnostics_anew=holds_diagnostics_anew
        )
        self.cursor, self.rows = cursor, len(changes)
        self._span.set_attributes({spans.SEQ: cursor, "pipeloom.rows": self.rows})


@contextmanager
def _timed(claim: Claim) -> Iterator[TimedClaim]:
    started = time.perf_counter()
    try:
        with spans.span("projection", {spans.PIPELINE: str(claim.pipeline_id)}) as span:
            yield (timed := TimedClaim(claim, span))
    except BaseException:
        metrics.PROJECTIONS_FAILED.inc()
        raise
    metrics.PROJECTION_SECONDS.observe(time.perf_counter() - started)
    metrics.PROJECTED_ROWS.inc(timed.rows)


class CountedVersions:
    """`Versions` that counts those saved in another one, as the worker does."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions
        self.newest, self.load, self.state = versions.newest, versions.load, versions.state
        self.claim_unsaved = versions.claim_unsaved
        self.mark_saved, self.prune = versions.mark_saved, versions.prune

    async def save(self, version: NewVersion) -> VersionInfo:
        """See `Versions`."""
        saved = await self._versions.save(version)
        metrics.VERSIONS_SAVED.inc()
        return saved
