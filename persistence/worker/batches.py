"""Projects many documents in one transaction: those whose replicas are at hand and follow the log.

A transaction, a turn of a thread and a few statements cost as much as several edits, so documents
that have a few edits each share them. One that needs more is left to a projection of its own. When
the transaction fails, what is computed is written document by document, so that only the one that
fails again is held up.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

import structlog

from crdt.document.library import panics_fenced
from crdt.pipeline.rows import RowChanges
from persistence.errors import StoreUnavailable
from persistence.ports.directory import SYSTEM
from persistence.ports.projections import Claim, Lagging, Projection, Projections
from persistence.ports.update_log import LoggedUpdate, UpdateLog, missing_numbers

from .mending import Mender
from .replay import compute
from .replica import Replica, ReplicaCache

Clock: TypeAlias = Callable[[], float]

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one transaction takes, so that it is short: who waits for one document waits for all.

    At most `documents`, each with at most `updates` of `most_bytes`, and together at most `rows`.
    When computing has taken `seconds`, no further document is begun.
    """

    documents: int = 32
    updates: int = 200
    most_bytes: int = 64 * 1024
    rows: int = 500
    seconds: float = 0.05


LIMITS: Final = BatchLimits()


@dataclass(slots=True)
class BatchResult:
    """What has become of the documents of a batch.

    `done` are projected, with their replicas to be cached; `failed` are not, because of an error.
    Those `left` are to be projected one by one. Whatever else was claimed still lags as it did.
    """

    claimed: list[UUID] = field(default_factory=list)
    done: dict[UUID, Replica] = field(default_factory=dict)
    failed: dict[UUID, Exception] = field(default_factory=dict)
    left: list[UUID] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """A document, and what its new updates change in its rows, once that is computed."""

    document: Lagging
    replica: Replica
    updates: Sequence[LoggedUpdate]
    changes: RowChanges = field(default_factory=RowChanges)
    error: Exception | None = None
    is_begun: bool = False

    @property
    def id(self) -> UUID:
        return self.document.pipeline_id

    @property
    def can_follow(self) -> bool:
        return leads_on(self.updates, self.replica, self.document.cursor)

    def follow(self) -> None:
        """Compute the changes, and keep the error if that fails: it concerns no other document."""
        self.is_begun = True
        try:
            with panics_fenced():
                self.replica.note_reported(self.document.reported)
                self.changes = self.replica.follow(self.updates, self.document.cursor)
        except Exception as error:
            self.error = error


class Batches:
    """Projects documents whose replicas a worker has cached, many at a time."""

    def __init__(
        self,
        log: UpdateLog,
        projections: Projections,
        replicas: ReplicaCache,
        mender: Mender,
        *,
        limits: BatchLimits = LIMITS,
        clock: Clock = time.monotonic,
    ) -> None:
        self._log, self._projections = log, projections
        self._replicas, self._mender = replicas, mender
        self._limits, self._clock = limits, clock

    async def project(self, excluding: Collection[UUID] = ()) -> BatchResult:
        """Project some of the documents that lag and are cached; nothing is claimed if none is.

        A replica leaves the cache before it changes: should the transaction fail, it is ahead of
        the tables. Raises StoreUnavailable, and whatever goes wrong before documents are claimed.
        """
        result = BatchResult()
        held = self._replicas.held() - set(excluding)
        if held:
            together, alone = await self._write_together(held, result)
            result.done = {each.id: each.replica for each in together}
            for each in alone:
                await self._write_alone(each, result)
        return result

    async def _write_together(
        self, held: Collection[UUID], result: BatchResult
    ) -> tuple[list[_Work], list[_Work]]:
        """Return what is written in one transaction, and what is computed and not written yet."""
        together: list[_Work] = []
        alone: list[_Work] = []
        try:
            async with self._projections.claim_many(self._limits.documents, held) as claim:
                result.claimed = [each.pipeline_id for each in claim.documents]
                result.left = [*result.claimed]
                works = await self._computed(claim.documents)
                together, alone = self._sort(works, result)
                if together:
                    await claim.apply([self._projection(each.document, each) for each in together])
        except StoreUnavailable:
            raise
        except Exception as error:
            if not result.claimed:
                raise
            _logger.warning("projection.batch_undone", error=str(error), documents=len(together))
            return [], [*together, *alone]
        return together, alone

    async def _computed(self, documents: Sequence[Lagging]) -> list[_Work]:
        """Compute what changes in those documents whose replicas can follow the log."""
        if not documents:
            return []
        works = await self._works(documents)
        await compute(_follow, works, self._clock, self._clock() + self._limits.seconds)
        return works

    async def _works(self, documents: Sequence[Lagging]) -> list[_Work]:
        replicas = self._replicas.those_of(each.pipeline_id for each in documents)
        positions = {each: replica.seq for each, replica in replicas.items()}
        limits = self._limits
        updates = await self._log.since_each(positions, limits.updates, limits.most_bytes)
        works = [
            _Work(each, replicas[each.pipeline_id], updates[each.pipeline_id])
            for each in documents
            if each.pipeline_id in updates
        ]
        following = [each for each in works if each.can_follow]
        for each in following:
            self._replicas.take(each.id)
        return following

    def _sort(self, works: Sequence[_Work], result: BatchResult) -> tuple[list[_Work], list[_Work]]:
        """Return what is written together, and what is written by itself since it is much."""
        together: list[_Work] = []
        alone: list[_Work] = []
        outdated = set()
        rows = 0
        for each in works:
            if not each.is_begun:
                self._replicas.put(each.id, each.replica)
            elif each.error is not None:
                result.failed[each.id] = each.error
            elif each.replica.is_outdated:
                outdated.add(each.id)
            elif rows + len(each.changes) > self._limits.rows:
                alone.append(each)
            else:
                rows += len(each.changes)
                together.append(each)
        settled = {each.id for each in works} - outdated
        result.left = [each for each in result.claimed if each not in settled]
        return together, alone

    def _projection(self, claim: Claim | Lagging, work: _Work) -> Projection:
        replica = work.replica
        mend_at = self._mender.mend_at(claim, replica)
        return Projection(
            work.id, work.changes, replica.seq, mend_at, replica.holds_diagnostics_anew
        )

    async def _write_alone(self, work: _Work, result: BatchResult) -> None:
        """Write what is computed, if the tables still are where it begins; else leave it."""
        try:
            async with self._projections.claim([work.id]) as claim:
                if claim is None or claim.cursor != work.document.cursor:
                    result.left.append(work.id)
                    return
                made = self._projection(claim, work)
                await claim.apply(
                    made.changes,
                    made.cursor,
                    made.mend_at,
                    holds_diagnostics_anew=made.holds_diagnostics_anew,
                )
        except StoreUnavailable:
            raise
        except Exception as error:
            result.failed[work.id] = error
        else:
            result.done[work.id] = work.replica


def _follow(works: Sequence[_Work], clock: Clock, until: float) -> None:
    for at, each in enumerate(works):
        # The first one in any case, so that there is progress.
        if at and clock() > until:
            return
        each.follow()


def leads_on(updates: Sequence[LoggedUpdate], replica: Replica, cursor: int) -> bool:
    """Whether a replica can follow these updates to beyond the cursor of the tables.

    Another worker may have written the rows up to the cursor. Where it has mended as well, it knows
    of diagnostics that follow from no update: then the tables are read anew.
    """
    if not updates or not replica.seq <= cursor < updates[-1].seq:
        return False
    # With a hole in it, too, the log is read anew, which finds out what is missing.
    if missing_numbers(replica.seq, updates, updates[-1].seq):
        return False
    return all(each.user_id != SYSTEM.id or each.seq == replica.repair for each in updates)
