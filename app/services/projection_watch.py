"""Lets requests wait until the tables show an edit, without asking the database again and again.

Workers are other processes. They announce each projection; one connection of this server listens,
and everybody who waits is woken by what it receives. An announcement may be lost with that
connection, so whoever waits here also looks at the tables now and then: see `wait`.
"""

import asyncio
from asyncio import Future
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import structlog

from persistence.errors import StoreError
from persistence.ports.projections import Projected, ProjectionAnnouncements

WAIT_SECONDS: Final = 0.5
"""The longest wait for announcements, and the pause after a failure."""

MAX_REMEMBERED: Final = 1000
"""Pipelines whose last announcement is remembered, for those who ask after it has arrived."""

MAX_TRANSACTIONS: Final = 16
"""Projections of one pipeline whose transactions are remembered: an edit may have been followed by
others before its author asks, and was written by an earlier transaction than the last one."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    """A request that waits until update `seq` is projected; None has it look itself."""

    seq: int
    woken: "Future[Projected | None]"

    def wake(self, projected: Projected | None) -> None:
        if not self.woken.done():
            self.woken.set_result(projected)


@dataclass(slots=True)
class _Remembered:
    """The last announcement of a pipeline, and the transactions of it and of those before."""

    latest: Projected
    transactions: deque[Projected]

    def note(self, projected: Projected) -> None:
        if self.latest.seq <= projected.seq:
            self.latest = projected
        # Without the times of rows, which would take many times as much memory.
        bare = replace(projected, updated_at=None, steps={}, connections={})
        self.transactions.append(bare)

    def transaction_of(self, seq: int) -> int | None:
        found = (each.transaction_of(seq) for each in self.transactions)
        return next((each for each in found if each is not None), None)


class ProjectionWatch:
    """Knows how far the rows of pipelines follow the log, as far as it was announced.

    `is_listening` is False while announcements may be lost, so that waiting for one is of no use.
    `on_projected` is called with every announcement.
    """

    def __init__(
        self,
        announcements: ProjectionAnnouncements,
        on_projected: Callable[[Projected], None] = lambda _: None,
    ) -> None:
        self._announcements, self._on_projected = announcements, on_projected
        self._latest: OrderedDict[UUID, _Remembered] = OrderedDict()
        self._waiters: defaultdict[UUID, set[_Waiter]] = defaultdict(set)
        self.is_listening = False

    async def run(self) -> None:
        """Receive announcements until cancelled; a failure is logged, once per outage."""
        is_away = False
        while True:
            try:
                await self.step()
                is_away = False
            except StoreError as error:
                if not is_away:
                    _logger.warning("projections.not_followed", error=str(error))
                is_away = True
                await self._pause()
            except Exception as error:
                _logger.exception("projections.follow_failed", error=str(error))
                await self._pause()

    async def _pause(self) -> None:
        self._lose()
        await asyncio.sleep(WAIT_SECONDS)

    async def step(self) -> None:
        """Wait for announcements, for a while, and wake those who wait. Raises StoreError."""
        announced = await self._announcements.wait(WAIT_SECONDS)
        if announced is None:
            self._lose()
            return
        self.is_listening = True
        for projected in announced:
            self._note(projected)

    async def wait(
        self,
        pipeline_id: UUID,
        seq: int,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer here
    ) -> Projected | None:
        """Wait until it is announced that the rows contain the update `seq`.

        `transaction_id` of what is returned is that of the transaction that has written what this
        update changes, None if it has changed no row or if that is not known.
        None after `timeout` seconds, or earlier if the announcement may have been lost: then look
        at the tables.
        """
        known = self._latest.get(pipeline_id)
        if known is not None and known.latest.seq >= seq:
            return replace(known.latest, transaction_id=known.transaction_of(seq))
        waiter = _Waiter(seq, asyncio.get_running_loop().create_future())
        self._waiters[pipeline_id].add(waiter)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    projected = await waiter.woken
                return projected and replace(
                    projected, transaction_id=projected.transaction_of(seq)
                )
            return None
        finally:
            self._forget(pipeline_id, waiter)

    def _forget(self, pipeline_id: UUID, waiter: _Waiter) -> None:
        self._waiters[pipeline_id].discard(waiter)
        if not self._waiters[pipeline_id]:
            del self._waiters[pipeline_id]

    def _note(self, projected: Projected) -> None:
        """Remember an announcement, and wake those who wait for it."""
        known = self._latest.get(projected.pipeline_id)
        if known is None:
            known = _Remembered(projected, deque(maxlen=MAX_TRANSACTIONS))
            self._latest[projected.pipeline_id] = known
        known.note(projected)
        self._latest.move_to_end(projected.pipeline_id)
        if len(self._latest) > MAX_REMEMBERED:
            self._latest.popitem(last=False)
        self._on_projected(projected)
        for waiter in self._waiters.get(projected.pipeline_id, ()):
            if waiter.seq <= projected.seq:
                waiter.wake(projected)

    def _lose(self) -> None:
        """Have everybody look at the tables: what they wait for may have been announced."""
        self.is_listening = False
        for waiters in self._waiters.values():
            for waiter in waiters:
                waiter.wake(None)
