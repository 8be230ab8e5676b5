"""Keeps the tables up to date with the log: claims documents that lag and writes what changed.

The documents that the worker has cached are projected many at a time (`batches.py`), any other one
by itself: the worker claims it with a lock, loads it from the log, and writes the rows that changed
and the cursor in the claim's transaction. A crash anywhere repeats work and never doubles it, since
the cursor moves with the rows.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import structlog

from crdt.pipeline.rows import RowChanges
from crdt.updates.state_slices import find_slices
from persistence.errors import StoreUnavailable
from persistence.ports.projections import Claim, Projections
from persistence.ports.update_log import AWAITED, UpdateLog
from persistence.ports.versions import Versions

from .batches import LIMITS, Batches, BatchLimits, leads_on
from .deletion_reports import DeletionReports
from .mending import Mender, utc_now
from .replay import compute, load
from .replica import Replica, ReplicaCache
from .retries import Backoff, FailingDocuments

AFTER_FAILURE: Final = Backoff(first=1.0, longest=300.0)
IN_AN_OUTAGE: Final = Backoff(first=0.5, longest=10.0)

PAUSE_PER_WORK: Final = 2.0
"""How much longer than a round the pause after it is, under load: projecting four edits costs
little more than projecting one, so load turns into fewer projections, and not into a queue."""

_logger = structlog.get_logger(__name__)


class Notifications(Protocol):
    """The database's notifications that documents have new updates."""

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer, not an error
    ) -> Collection[object] | None:
        """Return what was notified when something arrives, or after `timeout` seconds."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works; all times are in seconds.

    The worker looks at the tables at least every `interval`, since a notification may be lost.
    After `stop` it projects what is left for at most `finish_timeout`. After each round it pauses
    for `gather`, so that edits in quick succession are projected together, and the longer the more
    there is to do: twice as long as the round took, up to `gather_at_most`. If somebody waits for
    an edit, the next round begins `gather_awaited` after the beginning of the last one, and later
    if that one took long: its time again after its end, but no later than `gather` after its
    beginning. At most `batch`
    updates of one document go into one transaction, which limits how long it holds its locks, and
    what `limits` allows of several documents. It keeps `cached_documents` of `cached_bytes`,
    encoded; in memory they take some twenty times that. A document's state is stored every
    `state_every` updates or `state_every_bytes` of them, of which large ones weigh more, which
    limits how much a load has to replay: a large edit takes ten times as long as a state. `backoff`
    is for a document that fails, `outage` for an error that concerns all.
    """

    interval: float = 2.0
    gather: float = 0.05
    gather_at_most: float = 0.15
    gather_awaited: float = 0.015
    finish_timeout: float = 10.0
    cached_documents: int = 128
    cached_bytes: int = 32 * 1024 * 1024
    batch: int = 1000
    limits: BatchLimits = LIMITS
    state_every: int = 500
    state_every_bytes: int = 1024 * 1024
    backoff: Backoff = AFTER_FAILURE
    outage: Backoff = IN_AN_OUTAGE


class Worker:
    """Projects documents, and mends them one at a time. Several workers may share the tables.

    Without `versions` it reports no step that was edited while it was deleted.
    """

    def __init__(
        self,
        log: UpdateLog,
        projections: Projections,
        notifications: Notifications,
        settings: WorkerSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        now: Callable[[], datetime] = utc_now,
        versions: Versions | None = None,
    ) -> None:
        self._log, self._projections, self._notifications = log, projections, notifications
        self._settings = settings or WorkerSettings()
        self._replicas = ReplicaCache(self._settings.cached_documents, self._settings.cached_bytes)
        reports = None if versions is None else DeletionReports(log, projections, versions)
        self._mender = Mender(
            log, projections, self._replicas, reports=reports, now=now, monotonic=clock
        )
        limits = self._settings.limits
        self._batches = Batches(
            log, projections, self._replicas, self._mender, limits=limits, clock=clock
        )
        self._failing = FailingDocuments(self._settings.backoff, clock)
        self._clock = clock
        self._is_sweeping = False
        self._swept: set[UUID] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Project until `stop`, then once more what is left. Only cancellation ends it earlier."""
        stopping = asyncio.create_task(stop.wait())
        try:
            await self._work(stop, stopping)
        finally:
            stopping.cancel()
        await self._finish()

    async def project_one(self, only: Collection[UUID] | None = None) -> bool:
        """Project one document, of `only` if given; False if none of them lags and is free.

        A document that fails is logged and not tried again for a while. Raises StoreUnavailable,
        and whatever goes wrong before a document is claimed.
        """
        return await self._project_some(only, [*self._failing.postponed(), *self._swept])

    async def project_many(self) -> bool:
        """Project many of the cached documents that lag; False if none of them does and is free.

        Documents that fail are treated as in `project_one`, and so is what it raises.
        """
        excluding = self._failing.postponed() | self._swept
        result = await self._batches.project(excluding)
        for pipeline_id, replica in result.done.items():
            await self._keep(pipeline_id, replica)
        for pipeline_id, error in result.failed.items():
            self._postpone(pipeline_id, error)
        for pipeline_id in result.left:
            await self.project_one([pipeline_id])
        if self._is_sweeping:
            self._swept |= {*result.failed, *result.left}
        return bool(result.claimed)

    async def _project_cold(self) -> bool:
        """Project a document that is not cached: those that are go together, in the next round."""
        held = self._replicas.held()
        return await self._project_some(None, [*self._failing.postponed(), *self._swept, *held])

    async def _project_some(
        self, only: Collection[UUID] | None, excluding: Collection[UUID]
    ) -> bool:
        claimed: UUID | None = None
        try:
            async with self._projections.claim(only, excluding=excluding) as claim:
                if claim is None:
                    return False
                claimed = claim.pipeline_id
                replica = await self._project(claim)
        except Exception as error:
            if claimed is None:
                raise
            self._postpone(claimed, error)
            if isinstance(error, StoreUnavailable):
                raise
            return True
        await self._keep(claimed, replica)
        return True

    async def _keep(self, pipeline_id: UUID, replica: Replica) -> None:
        """Cache the replica of a document whose projection is committed."""
        self._failing.succeeded(pipeline_id)
        if self._is_sweeping:
            self._swept.add(pipeline_id)
        self._replicas.put(pipeline_id, replica)
        await self._store_state(pipeline_id, replica)

    async def _work(self, stop: asyncio.Event, stopping: "asyncio.Task[bool]") -> None:
        failures = 0
        while not stop.is_set():
            began = self._clock()
            try:
                if await self._sweep(stop):
                    await self._gather(began, stopping)
                else:
                    await self._await_notification(stopping)
                failures = 0
            except Exception as error:
                failures += 1
                await self._recover(error, failures, stopping)

    async def _sweep(self, stop: asyncio.Event) -> bool:
        """Project every document that lags, once each; return whether there was any.

        Without "once each" a document under constant editing would be claimed again and again, and
        the round would never end.
        """
        self._is_sweeping = True
        try:
            while not stop.is_set() and await self._work_once():
                pass
            return bool(self._swept)
        finally:
            self._is_sweeping = False
            self._swept.clear()

    async def _work_once(self) -> bool:
        """Project documents, or mend one, or refresh a search entry; False if there was none."""
        projected = await self.project_many() or await self._project_cold()
        return projected or await self.mend_one() or await self._refresh_search()

    async def mend_one(self) -> bool:
        """Mend one document that is due: see `Mender.mend_one`."""
        return await self._mender.mend_one()

    async def _refresh_search(self) -> bool:
        # A failure here must not delay projections. If PostgreSQL is away, the next one raises.
        try:
            return await self._projections.refresh_search()
        except Exception as error:
            _logger.warning("search.not_refreshed", exc_info=error)
            return False

    async def _await_notification(self, stopping: "asyncio.Task[bool]") -> None:
        """Wait for a notification, or until a document is to be mended.

        Which documents a notification names does not matter: a claim finds them.
        """
        await self._notified(
            min(self._settings.interval, self._mender.seconds_left()), stopping, None
        )

    async def _gather(self, began: float, stopping: "asyncio.Task[bool]") -> None:
        """Pause after a round that began at `began`, for edits that are projected together."""
        now, settings = self._clock(), self._settings
        stretched = min(PAUSE_PER_WORK * (now - began), settings.gather_at_most)
        until = now + max(settings.gather, stretched)
        while (left := until - self._clock()) > 0:
            notified = await self._notified(left, stopping, left)
            if not notified:
                return
            if AWAITED in notified:
                soon = max(began + settings.gather_awaited, now + (now - began))
                until = min(until, soon, began + settings.gather)

    async def _notified(
        self, seconds: float, stopping: "asyncio.Task[bool]", at_most: float | None
    ) -> Collection[object]:
        """Return what was notified within some seconds; `at_most` bounds a wait that overruns."""
        notified = asyncio.ensure_future(self._notifications.wait(seconds))
        try:
            await asyncio.wait(
                (notified, stopping), timeout=at_most, return_when=asyncio.FIRST_COMPLETED
            )
            return (notified.result() if notified.done() else None) or ()
        finally:
            notified.cancel()

    async def _recover(
        self, error: Exception, failures: int, stopping: "asyncio.Task[bool]"
    ) -> None:
        delay = self._settings.outage.delay(failures)
        unexpected = None if isinstance(error, StoreUnavailable) else error
        _logger.warning("worker.waiting", error=str(error), seconds=delay, exc_info=unexpected)
        await asyncio.wait((stopping,), timeout=delay)

    async def _finish(self) -> None:
        """Project what is left, within `finish_timeout`; another worker will find the rest."""
        try:
            async with asyncio.timeout(self._settings.finish_timeout):
                while await self.project_many() or await self.project_one():
                    pass
        except Exception as error:
            _logger.warning("worker.left_early", error=repr(error))

    async def _project(self, claim: Claim) -> Replica:
        """Write what the log has beyond the cursor; return the replica to cache after the commit.

        It leaves the cache first: should the transaction fail, the replica is ahead of the tables.
        """
        replica = self._replicas.take(claim.pipeline_id)
        if replica is None:
            return await self._project_from_log(claim)
        updates = await self._log.since(claim.pipeline_id, replica.seq, self._settings.batch)
        if not leads_on(updates, replica, claim.cursor):
            return await self._project_from_log(claim)
        replica.note_reported(claim.reported)
        changes = await compute(replica.follow, updates, claim.cursor)
        if replica.is_outdated:
            return await self._project_from_log(claim)
        await self._apply(claim, changes, replica)
        return replica

    async def _project_from_log(self, claim: Claim) -> Replica:
        replica = await load(self._log, claim.pipeline_id, Replica)
        replica.note_reported(claim.reported)
        changes = await compute(replica.changes_from, await claim.stored_rows())
        if replica.is_damaged:
            _logger.error("document.damaged", pipeline_id=str(claim.pipeline_id))
        await self._apply(claim, changes, replica)
        return replica

    async def _apply(self, claim: Claim, changes: RowChanges, replica: Replica) -> None:
        await claim.apply(
            changes,
            replica.seq,
            self._mender.mend_at(claim, replica),
            holds_diagnostics_anew=replica.holds_diagnostics_anew,
        )

    async def _store_state(self, pipeline_id: UUID, replica: Replica) -> None:
        """Store the document's state if it is due; a failure does not undo the projection."""
        settings = self._settings
        is_long = replica.seq - replica.state_seq >= settings.state_every
        is_due = is_long or replica.unstored_weight >= settings.state_every_bytes
        if replica.is_damaged or not is_due:
            return
        try:
            state, waiting, noticed = await compute(replica.encode)
            slices = await compute(find_slices, state)
            await self._log.store_state(
                pipeline_id, replica.seq, state, waiting, noticed, slices=slices
            )
        except Exception as error:
            _logger.warning("state.not_stored", pipeline_id=str(pipeline_id), exc_info=error)
        # Also after a failure: else every further update would try again.
        replica.state_seq, replica.unstored_weight = replica.seq, 0

    def _postpone(self, pipeline_id: UUID, error: Exception) -> None:
        delay = self._failing.failed(pipeline_id)
        _logger.error(
            "projection.failed",
            pipeline_id=str(pipeline_id),
            error=str(error),
            retry_in=delay,
            exc_info=error,
        )
