"""The update log on PostgreSQL. It stores bytes and knows no CRDT."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from uuid import UUID

from crdt.errors import PipelineNotFound
from persistence.compare_and_append import compare_and_append
from persistence.errors import StoreError
from persistence.ports.idempotency import Fulfilled
from persistence.ports.update_log import (
    IDLE_SECONDS,
    LockedLog,
    LoggedUpdate,
    NewUpdate,
    StoredDocument,
    UpdateInfo,
)
from persistence.ports.user_rows import Record

from .pool import DatabaseConnection, Pool


class PostgresUpdateLog:
    """`UpdateLog`, `UpdateHistory` over pipeline_documents, pipeline_updates, pipeline_states."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `UpdateLog.append`: one round trip, whatever the number of updates."""
        return await _append(self._pool, "append_updates", updates)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["PostgresLogTransaction"]:
        """See `UpdateLog.transaction`."""
        # What is read under the lock must be what was committed while this waited for it: at any
        # higher level it would be what was committed before the transaction began.
        async with self._pool.transaction("read_committed") as connection:
            yield PostgresLogTransaction(connection)

    async def reserve(self, pipeline_id: UUID, edit: UUID, seconds: float) -> bool:
        """See `UpdateLog.reserve`; by the clock of PostgreSQL, which all servers share."""
        row = await self._pool.fetchrow("reserve_document", pipeline_id, edit, seconds)
        return row is not None

    async def free(self, pipeline_id: UUID, edit: UUID) -> None:
        """See `UpdateLog.free`."""
        await self._pool.execute("free_document", pipeline_id, edit)

    async def append_if_last(
        self, update: NewUpdate, expected_head: int, reservation: UUID | None = None
    ) -> int | None:
        """See `UpdateLog.append_if_last`."""
        return await compare_and_append(self.transaction, update, expected_head, reservation)

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """See `UpdateLog.load`."""
        row = await self._pool.fetchrow("stored_state", pipeline_id)
        if row is None:
            raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")
        # No transaction is needed: whatever is appended or stored in between, the updates after
        # the state just read are all still there.
        state_seq = row["state_seq"] or 0
        tail = await self.since(pipeline_id, state_seq)
        waiting, noticed = row["waiting"] or (), row["noticed"] or b""
        slices = row["slices"] or b""
        state, head = row["state"], row["head_seq"]
        return StoredDocument(state, state_seq, tail, waiting, noticed, head, slices)

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """See `UpdateLog.since`."""
        rows = await self._pool.fetch("updates_since", pipeline_id, seq, limit)
        return [_logged(row) for row in rows]

    async def since_each(
        self, positions: Mapping[UUID, int], limit: int, most_bytes: int
    ) -> dict[UUID, list[LoggedUpdate]]:
        """See `UpdateLog.since_each`."""
        rows = await self._pool.fetch(
            "updates_since_each", [*positions], [*positions.values()], limit, most_bytes
        )
        return {each: [*map(_logged, found)] for each, found in groupby(rows, _pipeline_of)}

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """See `UpdateLog.heads`."""
        rows = await self._pool.fetch("document_heads", list(pipeline_ids))
        return {row["pipeline_id"]: row["head_seq"] for row in rows}

    async def newest_updates(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[UpdateInfo]:
        """See `UpdateHistory.newest_updates`."""
        rows = await self._pool.fetch("newest_updates", pipeline_id, before, limit)
        return [_info(row) for row in rows]

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

        Raises PipelineNotFound, and StoreError for a `seq` that was never given out.
        """
        head = await self._pool.fetchval("document_head", pipeline_id)
        if head is None:
            raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")
        if seq > head:
            raise StoreError(f"expected a state of at most update {head}, got one of {seq}")
        await self._pool.execute(
            "store_state", pipeline_id, seq, state, list(waiting), noticed, slices
        )


class PostgresLogTransaction:
    """`LogTransaction` on one connection: each verb is one round trip."""

    def __init__(self, connection: DatabaseConnection) -> None:
        self._connection = connection

    async def lock(
        self, positions: Mapping[UUID, int], most_bytes: int | None = None
    ) -> dict[UUID, LockedLog]:
        """See `LogTransaction.lock`."""
        idle_milliseconds = round(1000 * IDLE_SECONDS)
        rows = await self._connection.fetch(
            "lock_documents", [*positions], [*positions.values()], most_bytes, idle_milliseconds
        )
        return {each: _locked([*found]) for each, found in groupby(rows, _pipeline_of)}

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `LogTransaction.append`."""
        return await _append(self._connection, "append_awaited", updates)

    async def fulfil(self, requests: Sequence[Fulfilled]) -> None:
        """See `LogTransaction.fulfil`."""
        await self._connection.execute(
            "fulfil_requests",
            [each.user_id for each in requests],
            [each.claim for each in requests],
            [each.subject_id for each in requests],
        )


async def _append(
    connection: DatabaseConnection, query: str, updates: Sequence[NewUpdate]
) -> list[int | None]:
    rows = await connection.fetch(
        query,
        [update.pipeline_id for update in updates],
        [update.user_id for update in updates],
        [update.payload for update in updates],
        [update.received_at for update in updates],
    )
    return [row["seq"] for row in rows]


def _pipeline_of(row: Record) -> UUID:
    pipeline_id: UUID = row["pipeline_id"]
    return pipeline_id


def _locked(rows: Sequence[Record]) -> LockedLog:
    missing = [_logged(row) for row in rows if row["seq"] is not None]
    return LockedLog(rows[0]["head_seq"], missing, rows[0]["reserved_by"])


def _info(row: Record) -> UpdateInfo:
    times = (row["received_at"], row["first_seq"], row["first_received_at"])
    return UpdateInfo(row["seq"], row["user_id"], *times)


def _logged(row: Record) -> LoggedUpdate:
    return LoggedUpdate(
        row["seq"],
        row["user_id"],
        row["payload"],
        row["received_at"],
        row["first_seq"],
        row["first_received_at"],
    )
