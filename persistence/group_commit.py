"""Group commit: updates submitted while one transaction runs share the next transaction.

A transaction costs about the same for one update as for ten, so `window` delays the next one a
little when updates come fast.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from crdt.errors import Draining, Overloaded, PipelineNotFound

from .errors import StoreUnavailable
from .ports.update_log import NewUpdate, UpdateLog

FIRST_RETRY, LAST_RETRY = 0.02, 1.0
"""Seconds between attempts while the store is unavailable: doubled from the first to the last."""

CANCEL_SECONDS = 0.2
"""Between two cancellations of a commit that is under way when the time is over."""

MiB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class _Pending:
    update: NewUpdate
    committed: asyncio.Future[int]

    @property
    def size(self) -> int:
        return len(self.update.payload)

    def resolve(self, seq: int | None) -> None:
        if seq is None:
            self.fail(PipelineNotFound(f"pipeline {self.update.pipeline_id} was deleted"))
        elif not self.committed.done():
            self.committed.set_result(seq)

    def fail(self, error: Exception) -> None:
        if not self.committed.done():
            self.committed.set_exception(error)


class GroupCommit:
    """Appends updates to a log in batches, one batch at a time, in the order of submission.

    A batch begins `window` seconds after the one before at the earliest. `max_batch` counts
    updates, `max_batch_bytes` and `max_pending_bytes` payload bytes. Belongs to the event loop it
    is used in.
    """

    def __init__(
        self,
        log: UpdateLog,
        *,
        window: float = 0.0,
        max_batch: int = 1000,
        max_batch_bytes: int = 8 * MiB,
        max_pending_bytes: int = 64 * MiB,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._window = window
        self._max_batch = max_batch
        self._max_batch_bytes = max_batch_bytes
        self._max_pending_bytes = max_pending_bytes
        self._sleep, self._monotonic = sleep, monotonic
        self._batch_began = float("-inf")
        self._waiting: deque[_Pending] = deque()
        self._batch: Sequence[_Pending] = ()
        self._pending_bytes = 0
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def pending_bytes(self) -> int:
        """Payload bytes of updates that are neither committed nor failed."""
        return self._pending_bytes

    def submit(self, update: NewUpdate) -> asyncio.Future[int]:
        """Queue an update; the future becomes its `seq` once it is committed.

        The future fails with PipelineNotFound when the pipeline is gone, with StoreError when
        PostgreSQL refuses this update. While the store is unavailable it waits. Futures are
        resolved in the order of submission. Raises Overloaded when more than `max_pending_bytes`
        would wait, Draining after `close`.
        """
        if self._closed:
            raise Draining
        if (
            self._pending_bytes
            and self._pending_bytes + len(update.payload) > self._max_pending_bytes
        ):
            raise Overloaded("the update log cannot keep up: try again later")
        loop = asyncio.get_running_loop()
        pending = _Pending(update, loop.create_future())
        self._waiting.append(pending)
        self._pending_bytes += pending.size
        if self._running is None:
            self._running = loop.create_task(self._run(), name="group commit")
        return pending.committed

    async def close(
        self,
        timeout: float,  # noqa: ASYNC109 - a timeout is not an error here: the rest fails in order
    ) -> int:
        """Refuse new updates and commit the pending ones, for at most `timeout` seconds.

        Updates that are still pending then fail with StoreUnavailable; returns their number.
        """
        self._closed = True
        if self._running is not None:
            await asyncio.wait([self._running], timeout=timeout)
        return await self._fail_pending()

    async def _run(self) -> None:
        while self._waiting:
            await self._await_window()
            self._batch = self._take()
            await self._commit(self._batch)
            self._pending_bytes -= sum(pending.size for pending in self._batch)
            self._batch = ()
        self._running = None

    async def _await_window(self) -> None:
        if (left := self._batch_began + self._window - self._monotonic()) > 0:
            await self._sleep(left)
        self._batch_began = self._monotonic()

    def _take(self) -> list[_Pending]:
        """Take the updates of the next transaction: always one, and more while they fit."""
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while self._waiting and len(batch) < self._max_batch:
            size += self._waiting[0].size
            if size > self._max_batch_bytes:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _commit(self, batch: Sequence[_Pending]) -> None:
        """Append a batch; if it is refused, each half of it, so that a bad update fails alone."""
        try:
            seqs = await self._append([pending.update for pending in batch])
            for pending, seq in zip(batch, seqs, strict=True):
                pending.resolve(seq)
        except Exception as refused:
            if len(batch) == 1:
                batch[0].fail(refused)
                return
            half = len(batch) // 2
            await self._commit(batch[:half])
            await self._commit(batch[half:])

    async def _append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """Append, and try again for as long as the store is unavailable."""
        delay = FIRST_RETRY
        while True:
            try:
                return await self._log.append(updates)
            except StoreUnavailable:
                await self._sleep(delay)
                delay = min(2 * delay, LAST_RETRY)

    async def _fail_pending(self) -> int:
        await self._cancel()
        unresolved = [
            pending for pending in (*self._batch, *self._waiting) if not pending.committed.done()
        ]
        for pending in unresolved:
            pending.fail(StoreUnavailable("not committed before the server stopped: send it again"))
        self._waiting.clear()
        self._batch, self._pending_bytes = (), 0
        return len(unresolved)

    async def _cancel(self) -> None:
        """Cancel until it ends: a driver now and then takes a cancellation for its own timeout."""
        while self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running], timeout=CANCEL_SECONDS)
