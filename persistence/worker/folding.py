"""Folds logs: merges what one user did within one minute, long ago, into one update.

It is done only to logs of which nothing is missing, and each step is proved before it is stored:
the document is replayed with the updates as they were and with the merged ones, and both must be
equal.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.errors import DocumentPoisoned, MalformedUpdate, PipelineNotFound, PipeloomError
from crdt.updates.merging import merge_in_order
from crdt.updates.state_slices import find_slices
from crdt.updates.state_vector import read_state_vector
from crdt.validation.reading import read_pipeline
from persistence.errors import StoreUnavailable
from persistence.ports.folding import FoldableLog, LogFolding
from persistence.ports.update_log import LoggedUpdate, UpdateLog, missing_numbers

from .autosave import Clock
from .edited_deletions import EditedDeletions
from .fold_plan import group_updates
from .replay import apply_all, compute
from .replica import Replica
from .retries import Backoff, FailingDocuments

BATCH: Final = 1000
"""Updates that are read, proved and folded together: one transaction."""

POLL_SECONDS: Final = 300.0
"""How long to wait before looking again after there was nothing to fold."""

REST: Final = 2.0
"""For how many times as long as it worked the worker rests: projections come first."""

AFTER_FAILURE: Final = Backoff(first=3600.0, longest=86400.0)

_logger = structlog.get_logger(__name__)


class NotFoldable(PipeloomError):
    """A log stays as it is: it is damaged, waits for updates, or would not be the same folded."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What folding does, or would do, to the updates of one log that were looked at."""

    rows_before: int = 0
    rows_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    def __add__(self, other: "Folded") -> "Folded":
        return Folded(
            self.rows_before + other.rows_before,
            self.rows_after + other.rows_after,
            self.bytes_before + other.bytes_before,
            self.bytes_after + other.bytes_after,
        )

    @classmethod
    def of(cls, before: Sequence[LoggedUpdate], after: Sequence[LoggedUpdate]) -> "Folded":
        """Count the rows and payloads of updates before and after they are folded."""
        return cls(len(before), len(after), _bytes_of(before), _bytes_of(after))


def minutes_before(now: datetime, age: timedelta) -> datetime:
    """Return the end of the last whole minute that is older than that."""
    return (now - age).replace(second=0, microsecond=0)


async def fold_log(
    log: UpdateLog, folding: LogFolding, found: FoldableLog, *, is_trial: bool = False
) -> AsyncIterator[Folded]:
    """Fold a log, or with `is_trial` only find out what that would do; yields after each batch.

    A state that holds everything which is folded is stored before. Raises NotFoldable,
    StoreUnavailable, PipelineNotFound.
    """
    alone = await _kept_apart(log, found.pipeline_id, found.until, is_trial=is_trial)
    proof = _Proof()
    async for page in _pages(log, found.pipeline_id, 0, found.folded):
        await compute(proof.begin, page)
    await compute(proof.copy)
    while found.folded < found.until:
        groups = await _next_groups(log, found, alone)
        before = [update for group in groups for update in group]
        after = await compute(proof.folded, groups)
        done = Folded.of(before, after)
        if not is_trial and not await _store(folding, found, before, after, done):
            return
        found = replace(found, folded=before[-1].seq)
        yield done


async def _store(
    folding: LogFolding,
    found: FoldableLog,
    before: Sequence[LoggedUpdate],
    after: Sequence[LoggedUpdate],
    done: Folded,
) -> bool:
    merged = [each for each in after if each not in before]
    saved = done.bytes_before - done.bytes_after
    return await folding.fold(found, before[-1].seq, merged, saved)


async def _kept_apart(
    log: UpdateLog, pipeline_id: UUID, until: int, *, is_trial: bool
) -> frozenset[int]:
    """Return the updates to which reports of deleted steps refer; store a state if there is none.

    With the state is stored what the worker has noticed in the updates, and what follows from a log
    that is folded later is that only.
    """
    stored = await log.load(pipeline_id)
    if stored.state_seq >= until:
        return EditedDeletions.decode(stored.noticed).referred()
    try:
        replica = await compute(Replica, stored)
    except (MalformedUpdate, DocumentPoisoned) as error:
        raise NotFoldable(f"its stored state cannot be loaded: {error}") from error
    if replica.is_damaged:
        raise NotFoldable("updates are missing in it or cannot be decoded")
    state, waiting, noticed = await compute(replica.encode)
    if not is_trial:
        slices = await compute(find_slices, state)
        await log.store_state(pipeline_id, replica.seq, state, waiting, noticed, slices=slices)
    return EditedDeletions.decode(noticed).referred()


async def _next_groups(
    log: UpdateLog, found: FoldableLog, alone: frozenset[int]
) -> list[list[LoggedUpdate]]:
    """Read the next updates in groups; the last group is left to the next time if it may go on."""
    read = await log.since(found.pipeline_id, found.folded, BATCH)
    updates = [update for update in read if update.seq <= found.until]
    last = updates[-1].seq if updates else found.folded
    goal = found.until if len(read) < BATCH else last
    if not updates or missing_numbers(found.folded, updates, goal):
        raise NotFoldable("updates are missing in it")
    groups = group_updates(updates, found.versions, alone)
    is_open = last < found.until and len(groups) > 1
    return groups[:-1] if is_open else groups


async def _pages(
    log: UpdateLog, pipeline_id: UUID, after: int, until: int
) -> AsyncIterator[list[LoggedUpdate]]:
    while after < until:
        page = [each for each in await log.since(pipeline_id, after, BATCH) if each.seq <= until]
        if not page or missing_numbers(after, page, page[-1].seq):
            raise NotFoldable("updates are missing in it")
        after = page[-1].seq
        yield page


class _Proof:
    """One document made twice: of the updates as they were, and of the folded ones."""

    def __init__(self) -> None:
        self._before, self._after = Document(), Document()

    def begin(self, updates: Sequence[LoggedUpdate]) -> None:
        """Apply updates that are folded already. Raises NotFoldable."""
        _apply(self._before, updates)

    def copy(self) -> None:
        """Make the second document what the first one is."""
        self._require_nothing_waiting()
        self._after.load(self._before.encode())

    def folded(self, groups: Sequence[Sequence[LoggedUpdate]]) -> list[LoggedUpdate]:
        """Merge each group and apply it; return the updates that are the same. Raises NotFoldable.

        What cannot be one update stays as it is.
        """
        try:
            after = [update for group in groups for update in _merged(group)]
        except MalformedUpdate as error:
            raise NotFoldable(f"an update in it cannot be decoded: {error}") from error
        _apply(self._before, (update for group in groups for update in group))
        _apply(self._after, after)
        self._require_nothing_waiting()
        if not _are_equal(self._before, self._after):
            raise NotFoldable("folded, it would make another document")
        return after

    def _require_nothing_waiting(self) -> None:
        if self._before.waiting():
            raise NotFoldable("updates in it wait for others that did not come")


def _apply(document: Document, updates: Iterable[LoggedUpdate]) -> None:
    try:
        left_out = apply_all(document, updates)
    except DocumentPoisoned as error:
        raise NotFoldable(str(error)) from error
    if left_out:
        raise NotFoldable(f"update {left_out[0]} cannot be decoded")


def _merged(group: Sequence[LoggedUpdate]) -> Sequence[LoggedUpdate]:
    payload = merge_in_order([update.payload for update in group]) if len(group) > 1 else None
    if payload is None:
        return group
    first, last = group[0], group[-1]
    return [
        replace(
            last,
            payload=payload,
            folded_from=first.first_seq,
            folded_since=first.first_received_at,
        )
    ]


def _are_equal(one: Document, other: Document) -> bool:
    return read_state_vector(one.state_vector()) == read_state_vector(
        other.state_vector()
    ) and read_pipeline(PipelineReader(one)) == read_pipeline(PipelineReader(other))


def _bytes_of(updates: Iterable[LoggedUpdate]) -> int:
    return sum(len(update.payload) for update in updates)


class Folder:
    """Folds what is older than `age`, one log at a time. Several may share the tables."""

    def __init__(
        self,
        log: UpdateLog,
        folding: LogFolding,
        age: timedelta,
        clock: Clock,
    ) -> None:
        self._log, self._folding, self._age, self._clock = log, folding, age, clock
        self._failing = FailingDocuments(AFTER_FAILURE, clock.monotonic)

    async def run(self) -> None:
        """Fold until cancelled; a log at which that interrupts goes on where it was."""
        while True:
            if not await self.fold_one():
                await asyncio.sleep(POLL_SECONDS)

    async def fold_one(self) -> bool:
        """Fold one log; return False if there was none. Never raises: a failure is logged.

        A log that cannot be folded is not tried again for an hour, then two, up to a day.
        """
        found: FoldableLog | None = None
        try:
            found = await self._folding.next_foldable(
                minutes_before(self._clock.now(), self._age), excluding=self._failing.postponed()
            )
            if found is not None:
                await self._fold(found)
        except Exception as error:
            self._postpone(found, error)
        return found is not None

    async def _fold(self, found: FoldableLog) -> None:
        done, began = Folded(), self._clock.monotonic()
        async for step in fold_log(self._log, self._folding, found):
            done += step
            await asyncio.sleep(REST * (self._clock.monotonic() - began))
            began = self._clock.monotonic()
        self._failing.succeeded(found.pipeline_id)
        if done.rows_after < done.rows_before:
            _logger.info("log.folded", pipeline_id=str(found.pipeline_id), **asdict(done))

    def _postpone(self, found: FoldableLog | None, error: Exception) -> None:
        expected = isinstance(error, StoreUnavailable | PipelineNotFound | NotFoldable)
        fields = {} if found is None else {"pipeline_id": str(found.pipeline_id)}
        if found is not None:
            fields["retry_in"] = str(self._failing.failed(found.pipeline_id))
        _logger.warning(
            "log.not_folded", error=str(error), exc_info=None if expected else error, **fields
        )
