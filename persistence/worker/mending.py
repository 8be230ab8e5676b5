"""Mends documents when they have been quiet for a moment.

Workers do so without a word to each other: each appends its repair only if nothing has come to the
log since it decided (`UpdateLog.append_if_last`). So one repair is made, however many they are, and
it is decided on everything before it.
"""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from crdt.editing.repair import Mended, Moment
from persistence.errors import StoreUnavailable
from persistence.ports.directory import SYSTEM
from persistence.ports.projections import Claim, Lagging, MendingClaim, Projections
from persistence.ports.update_log import NewUpdate, UpdateLog

from .deletion_reports import DeletionReports
from .replay import compute, load
from .replica import Replica, ReplicaCache
from .retries import Backoff, FailingDocuments

QUIET: Final = timedelta(seconds=0.5)
"""How long nobody must have edited a document before it is mended."""

LOOK_SECONDS: Final = 10.0
"""How often a worker looks for documents that are due since long, or were left by another one."""

AFTER_FAILURE: Final = Backoff(first=5.0, longest=300.0)

_logger = structlog.get_logger(__name__)


def utc_now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)


class Mender:
    """Mends the documents that are due, one at a time, with the replicas of a worker."""

    def __init__(
        self,
        log: UpdateLog,
        projections: Projections,
        replicas: ReplicaCache,
        *,
        reports: DeletionReports | None = None,
        now: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._projections, self._replicas = log, projections, replicas
        self._reports, self._now, self._monotonic = reports, now, monotonic
        self._failing = FailingDocuments(AFTER_FAILURE, monotonic)
        self._due: dict[UUID, float] = {}
        self._next_look = monotonic()

    def mend_at(self, claim: Claim | Lagging, replica: Replica) -> datetime | None:
        """Return when the document is to be mended, whose new rows are about to be written.

        Whatever was due soon waits until the document is quiet.
        """
        soon = self._now() + QUIET
        if replica.is_suspect or (claim.mend_at is not None and claim.mend_at <= soon):
            self._due[claim.pipeline_id] = self._monotonic() + QUIET.total_seconds()
            return soon
        return claim.mend_at

    def seconds_left(self) -> float:
        """Return how long nothing is due."""
        next_at = min(self._due.values(), default=self._next_look)
        return max(0.0, min(next_at, self._next_look) - self._monotonic())

    async def mend_one(self) -> bool:
        """Mend one document that is due; return False if there is none to be had.

        A document that fails is logged and not tried again for a while. Raises StoreUnavailable.
        """
        if self.seconds_left() > 0:
            return False
        claimed: UUID | None = None
        try:
            async with self._claim() as claim:
                if claim is None:
                    self._note_none()
                    return False
                claimed = claim.pipeline_id
                self._due.pop(claimed, None)
                suspect = await self._mend(claim)
            if suspect is not None:
                await self._report(claimed, suspect)
        except Exception as error:
            if claimed is None or isinstance(error, StoreUnavailable):
                self._next_look = self._monotonic()
                raise
            self._postpone(claimed, error)
        return True

    def _claim(self) -> AbstractAsyncContextManager[MendingClaim | None]:
        return self._projections.claim_mending(self._now(), excluding=self._failing.postponed())

    def _note_none(self) -> None:
        """Ask again when something is due: what was until now is in other hands, or postponed."""
        now = self._monotonic()
        self._due = {key: at for key, at in self._due.items() if at > now}
        self._next_look = now + LOOK_SECONDS

    async def _mend(self, claim: MendingClaim) -> Replica | None:
        """Mend a document; or return its replica if something in it must be reported before."""
        replica = await self._replica(claim)
        # Whoever projects what has come since decides anew when to mend.
        if replica.seq != claim.cursor:
            return None
        replica.note_reported(claim.reported)
        if replica.suspected and self._reports is not None:
            return replica
        moment = Moment(self._now(), await claim.found_at())
        await _rewrite(claim, replica, moment)
        mended = await compute(replica.mend, moment)
        if mended.update is None or await self._append(claim, replica, mended, moment.now):
            await claim.mend_again(_earliest(mended.next_at, replica.next_outlived(moment)))
            self._failing.succeeded(claim.pipeline_id)
            self._replicas.put(claim.pipeline_id, replica)
        return None

    async def _report(self, pipeline_id: UUID, replica: Replica) -> None:
        """Make the reports, which the document and the tables get when it is mended next: at once.

        Not under the claim, since a version is saved, which needs the same lock. If this worker
        ends before that, another one makes the same reports, and the version is there already.
        """
        suspected = replica.suspected
        if self._reports is not None:
            replica.reports += await self._reports.report(pipeline_id, suspected, self._now())
        replica.note_reported(max(each.seq for each in suspected))
        self._replicas.put(pipeline_id, replica)
        self._due[pipeline_id] = self._monotonic()

    async def _replica(self, claim: MendingClaim) -> Replica:
        cached = self._replicas.take(claim.pipeline_id)
        if cached is not None and cached.seq == claim.cursor:
            return cached
        loaded = await load(self._log, claim.pipeline_id, Replica)
        loaded.keep(await claim.diagnostics())
        return loaded

    async def _append(
        self, claim: MendingClaim, replica: Replica, mended: Mended, now: datetime
    ) -> bool:
        edit = NewUpdate(claim.pipeline_id, SYSTEM.id, mended.update or b"", now)
        seq = await self._log.append_if_last(edit, claim.cursor)
        if seq is not None:
            _log_mended(edit, seq, is_repair=mended.is_repair)
            replica.repair = seq
        return seq is not None

    def _postpone(self, pipeline_id: UUID, error: Exception) -> None:
        delay = self._failing.failed(pipeline_id)
        _logger.error(
            "mending.failed",
            pipeline_id=str(pipeline_id),
            error=str(error),
            retry_in=delay,
            exc_info=error,
        )


def _log_mended(edit: NewUpdate, seq: int, *, is_repair: bool) -> None:
    fields = {"pipeline_id": str(edit.pipeline_id), "seq": seq, "bytes": len(edit.payload)}
    if is_repair:
        _logger.info("document.mended", **fields)
    else:
        # Diagnostics come and go with almost every edit over REST: one fills in a step bit by bit.
        _logger.debug("document.mended", **fields)


async def _rewrite(claim: MendingClaim, replica: Replica, moment: Moment) -> None:
    """Bring the diagnostics that do not follow from the content up to date, and their rows."""
    reports, outlived = replica.take_reports(), replica.outlived(moment)
    for finding in outlived:
        del replica.kept[finding]
    if reports or outlived or replica.reported > claim.reported:
        await claim.rewrite(reports, outlived, replica.reported)


def _earliest(*times: datetime | None) -> datetime | None:
    return min((each for each in times if each is not None), default=None)
