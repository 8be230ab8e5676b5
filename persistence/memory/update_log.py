"""The update log in memory: the twin of `persistence/postgres/update_log.py`."""

import sys
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import accumulate
from uuid import UUID

from persistence.compare_and_append import compare_and_append
from persistence.errors import StoreError
from persistence.ports.idempotency import Fulfilled
from persistence.ports.update_log import (
    LockedLog,
    LoggedUpdate,
    NewUpdate,
    StoredDocument,
    UpdateInfo,
)

from .tables import MemoryTables


class MemoryUpdateLog(MemoryTables):
    """`UpdateLog`, `UpdateHistory` and `LogRepair` over the shared state."""

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `UpdateLog.append`."""
        async with self.transaction() as transaction:
            await transaction.lock({update.pipeline_id: sys.maxsize for update in updates})
            return await transaction.append(updates)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["MemoryLogTransaction"]:
        """See `UpdateLog.transaction`. Confessed: no lock is lost by standing still."""
        async with AsyncExitStack() as locks:
            transaction = MemoryLogTransaction(self, locks)
            yield transaction
            transaction.commit()

    async def reserve(self, pipeline_id: UUID, edit: UUID, seconds: float) -> bool:
        """See `UpdateLog.reserve`."""
        pipeline = self._pipelines.get(pipeline_id)
        if pipeline is None:
            return False
        # Whoever holds the lock may be deciding on an edit, and has looked for reservations.
        async with pipeline.lock:
            return pipeline.reserve(edit, self._monotonic(), seconds)

    async def free(self, pipeline_id: UUID, edit: UUID) -> None:
        """See `UpdateLog.free`."""
        pipeline = self._pipelines.get(pipeline_id)
        if pipeline is not None and pipeline.reserved_by == edit:
            pipeline.reserved_by = None

    async def append_if_last(
        self, update: NewUpdate, expected_head: int, reservation: UUID | None = None
    ) -> int | None:
        """See `UpdateLog.append_if_last`."""
        return await compare_and_append(self.transaction, update, expected_head, reservation)

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """See `UpdateLog.load`."""
        pipeline = self._pipeline(pipeline_id)
        tail = pipeline.after(pipeline.state_seq)
        return StoredDocument(
            pipeline.state,
            pipeline.state_seq,
            tail,
            pipeline.waiting,
            pipeline.noticed,
            slices=pipeline.slices,
        )

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """See `UpdateLog.since`."""
        if pipeline_id not in self._pipelines:
            return []
        return self._pipelines[pipeline_id].after(seq)[:limit]

    async def since_each(
        self, positions: Mapping[UUID, int], limit: int, most_bytes: int
    ) -> dict[UUID, list[LoggedUpdate]]:
        """See `UpdateLog.since_each`."""
        found = {each: await self.since(each, seq, limit + 1) for each, seq in positions.items()}
        return {
            each: updates
            for each, updates in found.items()
            if 0 < len(updates) <= limit
            and sum(len(update.payload) for update in updates) <= most_bytes
        }

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """See `UpdateLog.heads`."""
        found = {each: self._pipelines.get(each) for each in pipeline_ids}
        return {each: pipeline.head for each, pipeline in found.items() if pipeline}

    async def newest_updates(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[UpdateInfo]:
        """See `UpdateHistory.newest_updates`."""
        log = await self.since(pipeline_id, 0)
        found = [each for each in reversed(log) if before is None or each.first_seq < before]
        return [_info(each, before) for each in found[:limit]]

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
        """See `UpdateLog.store_state`.

        Raises PipelineNotFound, and StoreError for a `seq` beyond the end of the log.
        """
        pipeline = self._pipeline(pipeline_id)
        if seq > pipeline.head:
            raise StoreError(f"expected a state of at most {pipeline.head}, got one of {seq}")
        if seq > pipeline.state_seq:
            pipeline.state, pipeline.state_seq, pipeline.waiting = state, seq, list(waiting)
            pipeline.noticed, pipeline.slices = noticed, slices

    async def document_ids(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        """See `LogRepair.document_ids`."""
        return [each for each in sorted(self._pipelines) if after is None or each > after][:limit]

    async def drop_state(self, pipeline_id: UUID) -> None:
        """See `LogRepair.drop_state`."""
        if pipeline := self._pipelines.get(pipeline_id):
            pipeline.state, pipeline.state_seq, pipeline.waiting = None, 0, []

    async def forget_damage(self, pipeline_id: UUID, code: str) -> None:
        """See `LogRepair.forget_damage`."""
        if pipeline := self._pipelines.get(pipeline_id):
            found = pipeline.rows.diagnostics
            kept = {finding: each for finding, each in found.items() if each.code != code}
            pipeline.rows = replace(pipeline.rows, diagnostics=kept)

    def enter(self, update: NewUpdate) -> None:
        """Add an update to its log, if there is one; what a transaction does at its end."""
        if pipeline := self._pipelines.get(update.pipeline_id):
            pipeline.append(update, self.known_user(update.user_id))

    async def lock(self, pipeline_ids: Iterable[UUID], locks: AsyncExitStack) -> None:
        """Lock the ends of logs until the stack is closed; in id order, as PostgreSQL does."""
        for each in sorted(pipeline_ids):
            if pipeline := self._pipelines.get(each):
                await locks.enter_async_context(pipeline.lock)

    def locked(self, pipeline_id: UUID, seq: int, most_bytes: int | None) -> LockedLog | None:
        """Return the end of a log with what is after an update; None if there is no such log."""
        pipeline = self._pipelines.get(pipeline_id)
        if pipeline is None:
            return None
        missing = _first(pipeline.after(seq), most_bytes)
        return LockedLog(pipeline.head, missing, pipeline.reservation(self._monotonic()))


class MemoryLogTransaction:
    """`LogTransaction`; what it appends is in the log at its end."""

    def __init__(self, log: MemoryUpdateLog, locks: AsyncExitStack) -> None:
        self._log, self._locks = log, locks
        self._heads: dict[UUID, int] = {}
        self._appended: list[NewUpdate] = []
        self._fulfilled: list[Fulfilled] = []

    async def lock(
        self, positions: Mapping[UUID, int], most_bytes: int | None = None
    ) -> dict[UUID, LockedLog]:
        """See `LogTransaction.lock`."""
        await self._log.lock(positions, self._locks)
        ends = {each: self._log.locked(each, seq, most_bytes) for each, seq in positions.items()}
        found = {each: end for each, end in sorted(ends.items()) if end is not None}
        self._heads = {each: end.head for each, end in found.items()}
        return found

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `LogTransaction.append`."""
        self._appended += updates
        return [self._number(update.pipeline_id) for update in updates]

    async def fulfil(self, requests: Sequence[Fulfilled]) -> None:
        """See `LogTransaction.fulfil`."""
        self._fulfilled += requests

    def _number(self, pipeline_id: UUID) -> int | None:
        if pipeline_id not in self._heads:
            return None
        self._heads[pipeline_id] += 1
        return self._heads[pipeline_id]

    def commit(self) -> None:
        """Enter what was appended into the log."""
        for update in self._appended:
            self._log.enter(update)
        self._log.fulfilled.update({each.claim: each.subject_id for each in self._fulfilled})


MOST_UPDATES = 1000


def _info(update: LoggedUpdate, before: int | None) -> UpdateInfo:
    seq = update.seq if before is None else min(update.seq, before - 1)
    times = (update.received_at, update.folded_from, update.folded_since)
    return UpdateInfo(seq, update.user_id, *times)


def _first(updates: Sequence[LoggedUpdate], most_bytes: int | None) -> Sequence[LoggedUpdate]:
    """Return the first updates, as many as `LogTransaction.lock` does."""
    sizes = accumulate(len(update.payload) for update in updates)
    fitting = sum(most_bytes is None or size <= most_bytes for size in sizes)
    return updates[: min(fitting, MOST_UPDATES)]
