"""Group commit: updates submitted while one transaction runs share the next transaction.

A transaction costs about the same for one update as for ten, so a window delays the next one a
little when updates come fast: for longer while transactions take long.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, TypeAlias
from uuid import UUID

from crdt.errors import Draining, Overloaded, PipelineNotFound

from .errors import StoreUnavailable
from .ports.update_log import NewUpdate, UpdateLog

FIRST_RETRY, LAST_RETRY = 0.02, 1.0
"""Seconds between attempts while the store is unavailable: doubled from the first to the last."""

CANCEL_SECONDS = 0.2
"""Between two cancellations of a commit that is under way when the time is over."""

WINDOW_PER_COMMIT: Final = 3.0
"""How many times as long as the last transaction the window is: commits take a third of the time of
PostgreSQL and of the event loop at most, and load turns into larger transactions."""

MiB: Final = 1024 * 1024


Outcome: TypeAlias = int | Exception
"""What became of an update: its number in the log, or why the log has refused it."""

OnOutcome: TypeAlias = Callable[[Outcome], object]


class _Outcomes:
    """Reports outcomes in the next turn of the event loop, all of one turn by one callback."""

    def __init__(self) -> None:
        self._waiting: list[tuple[OnOutcome, Outcome]] = []

    def add(self, on_outcome: OnOutcome, outcome: Outcome) -> None:
        """Report an outcome soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._report)
        self._waiting.append((on_outcome, outcome))

    def _report(self) -> None:
        waiting, self._waiting = self._waiting, []
        for on_outcome, outcome in waiting:
            try:
                on_outcome(outcome)
            except Exception as error:
                # As for a callback of asyncio: one that fails keeps no other from being called.
                context = {"message": "what waited for a commit failed", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)


@dataclass(slots=True, eq=False)
class Pending:
    """An update that is not in the log yet, its payload bytes, and what reports its outcome.

    `is_decided` says that it is an edit by the server, which holds only as long as nobody appends
    anything before it. It `has_outcome` once that is being reported.
    """

    update: NewUpdate
    size: int
    report: OnOutcome
    is_decided: bool = False
    has_outcome: bool = False

    def resolve(self, seq: int | None) -> None:
        """Report the number in the log; None stands for a pipeline that was deleted."""
        if seq is None:
            self.fail(PipelineNotFound(f"pipeline {self.update.pipeline_id} was deleted"))
        else:
            self._report(seq)

    def fail(self, error: Exception) -> None:
        """Report that the log has refused the update."""
        self._report(error)

    def _report(self, outcome: Outcome) -> None:
        if not self.has_outcome:
            self.has_outcome = True
            self.report(outcome)


class GroupCommit:
    """Appends updates to a log in batches, one batch at a time, in the order of submission.

    A batch begins `window` seconds after the one before at the earliest, and `shortest_window` if
    that one took little time; by default the window is always the same. `max_batch` counts updates,
    `max_batch_bytes` and `max_pending_bytes` payload bytes. Belongs to the event loop it is used
    in.

    The updates of some pipelines can be held back for somebody else's transaction, which makes
    decisions on these (`persistence/decision_rounds.py`): `hold`, `take`, `release`.
    """

    def __init__(
        self,
        log: UpdateLog,
        *,
        window: float = 0.0,
        shortest_window: float | None = None,
        max_batch: int = 1000,
        max_batch_bytes: int = 8 * MiB,
        max_pending_bytes: int = 64 * MiB,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._window = window
        self._shortest = window if shortest_window is None else min(shortest_window, window)
        self._took = 0.0
        self._max_batch = max_batch
        self._max_batch_bytes = max_batch_bytes
        self._max_pending_bytes = max_pending_bytes
        self._sleep, self._monotonic = sleep, monotonic
        self._batch_began = float("-inf")
        self._outcomes = _Outcomes()
        self._waiting: deque[Pending] = deque()
        self._batch: Sequence[Pending] = ()
        self._batch_over: asyncio.Future[None] | None = None
        self._held: dict[UUID, list[Pending]] = {}
        self._is_deciding = False
        self._pending_bytes = 0
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def pending_bytes(self) -> int:
        """Payload bytes of updates that are neither committed nor failed."""
        return self._pending_bytes

    @property
    def is_full(self) -> bool:
        """Whether so much is pending that nothing more should come."""
        return self._pending_bytes >= self._max_pending_bytes

    def enqueue(self, update: NewUpdate, on_outcome: OnOutcome) -> None:
        """Queue an update; `on_outcome` is called with its `seq` after it is committed.

        It is called with PipelineNotFound when the pipeline is gone, with StoreError when
        PostgreSQL refuses this update. While the store is unavailable it waits. The outcomes of one
        pipeline are reported in the order of submission, but for the refusal of an edit by the
        server (`deciding`), which may come before those of earlier updates or after those of later
        ones. Raises Overloaded when more than `max_pending_bytes` would wait, Draining after
        `close`.
        """
        if self._closed:
            raise Draining
        size = len(update.payload)
        if self._pending_bytes and self._pending_bytes + size > self._max_pending_bytes:
            raise Overloaded("the update log cannot keep up: try again later")
        report = partial(self._outcomes.add, on_outcome)
        pending = Pending(update, size, report, self._is_deciding)
        self._pending_bytes += size
        if self._held and (held := self._held.get(update.pipeline_id)) is not None:
            held.append(pending)
            return
        self._waiting.append(pending)
        if self._running is None:
            self._begin()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._running = loop.create_task(self._run(), name="group commit")

    async def hold(self, pipeline_ids: Collection[UUID]) -> None:
        """Keep the updates of some pipelines until they are taken or released.

        Those in the batch under way are waited for, so that they come first in the log.
        """
        kept: deque[Pending] = deque()
        self._held |= {each: [] for each in pipeline_ids}
        for pending in self._waiting:
            self._held.get(pending.update.pipeline_id, kept).append(pending)
        self._waiting = kept
        while any(pending.update.pipeline_id in pipeline_ids for pending in self._batch):
            await self._end_of_batch()

    async def _end_of_batch(self) -> None:
        if self._batch_over is None:
            self._batch_over = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._batch_over)

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Take what is submitted in the block for an edit by the server."""
        self._is_deciding = True
        try:
            yield
        finally:
            self._is_deciding = False

    def held(self, pipeline_id: UUID) -> int:
        """Return how many updates of a pipeline are held."""
        return len(self._held[pipeline_id])

    def take(self, pipeline_id: UUID) -> list[Pending]:
        """Hand out what is held of a pipeline, in the order of submission; hold what comes next.

        Whoever takes them resolves them, and counts them off (`count_off`), or gives them back.
        """
        taken, self._held[pipeline_id] = self._held[pipeline_id], []
        return taken

    def release(self, pipeline_id: UUID, given_back: Sequence[Pending] = ()) -> None:
        """Commit the updates of a pipeline again: first those given back, then the held ones."""
        for pending in (*given_back, *self._held.pop(pipeline_id, ())):
            self._waiting.append(pending)
        if self._waiting and self._running is None:
            self._begin()

    def count_off(self, decided: Iterable[Pending]) -> None:
        """Count updates as committed or failed that were taken."""
        self._pending_bytes -= sum(pending.size for pending in decided)

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
            # All that waited may be held back by now.
            if self._waiting:
                await self._commit_batch()
        self._running = None

    async def _commit_batch(self) -> None:
        self._batch = self._take_batch()
        await self._commit(self._batch)
        self._took = self._monotonic() - self._batch_began
        self.count_off(self._batch)
        self._batch = ()
        if self._batch_over is not None:
            self._batch_over.set_result(None)
            self._batch_over = None

    async def _await_window(self) -> None:
        window = min(max(WINDOW_PER_COMMIT * self._took, self._shortest), self._window)
        if (left := self._batch_began + window - self._monotonic()) > 0:
            await self._sleep(left)
        self._batch_began = self._monotonic()

    def _take_batch(self) -> list[Pending]:
        """Take the updates of the next transaction: always one, and more while they fit."""
        batch = [self._waiting.popleft()]
        size = batch[0].size
        while self._waiting and len(batch) < self._max_batch:
            size += self._waiting[0].size
            if size > self._max_batch_bytes:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _commit(self, batch: Sequence[Pending]) -> None:
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
        held = chain.from_iterable(self._held.values())
        unresolved = [
            pending for pending in (*self._batch, *self._waiting, *held) if not pending.has_outcome
        ]
        for pending in unresolved:
            pending.fail(StoreUnavailable("not committed before the server stopped: send it again"))
        self._waiting.clear()
        self._held.clear()
        self._batch, self._pending_bytes = (), 0
        return len(unresolved)

    async def _cancel(self) -> None:
        """Cancel until it ends: a driver now and then takes a cancellation for its own timeout."""
        while self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running], timeout=CANCEL_SECONDS)
