"""Which process has the shapes: this one, as long as it renews its lease, or another.

A client continues a shape by a handle, which only the process knows that gave it. So all shapes
are in one process, and the others hand requests over to it (`handover.py`). Whoever is asked for a
shape while nobody has the lease takes it; there is no election, and no traffic where nobody uses
shapes.

The lease ends here before it ends in the store: its time is counted from before it was asked for,
by a clock that goes on while the machine sleeps. So a process that was stopped for long knows,
before it answers anything, that another may have the shapes by now.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from app.telemetry import metrics
from crdt.errors import Draining
from persistence.errors import StoreError, StoreUnavailable
from persistence.ports.shape_lease import Holder, ShapeLease

LEASE_SECONDS: Final = 5.0
"""How long a lease lasts that is not renewed: so long there are no shapes if its holder dies."""

MARGIN_SECONDS: Final = 0.5
"""How much earlier it ends for its holder: clocks differ, and answers take their time."""

RENEW_SECONDS: Final = 1.0
"""Between two renewals, and how long it is remembered who else has it."""

ASK_SECONDS: Final = 2.0
"""How long the store may take to answer."""

_logger = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Here:
    """This process has the lease; each time that it gets it anew is another `term`."""

    term: int


def boottime() -> float:
    """Seconds by a clock that never goes back, and goes on while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Lease:
    """The lease as process `me` sees it.

    All of `on_lost` are called when it has had it and has no more.
    """

    def __init__(
        self, store: ShapeLease, me: Holder, seconds: Callable[[], float] = boottime
    ) -> None:
        self._store, self._me, self._seconds = store, me, seconds
        self.on_lost: Sequence[Callable[[], None]] = ()
        self._term, self._until, self._has_it = 0, float("-inf"), False
        self._other: Holder | None = None
        self._looked_at = float("-inf")
        self._asking: asyncio.Task[Here | Holder] | None = None
        self._taken = asyncio.Event()
        self._is_closed = self._is_away = False

    @property
    def term(self) -> int:
        """The present term, or the last one."""
        return self._term

    def is_held(self, term: int | None = None) -> bool:
        """Whether this process has the lease now, for the same term if one is given."""
        self._notice_the_end()
        return self._has_it and term in (None, self._term)

    async def place(self, doubted: Holder | None = None) -> Here | Holder:
        """Return who has the lease; take it if nobody has. Raises StoreUnavailable, Draining.

        What is known of others is a moment old, unless it is `doubted`.
        """
        if self.is_held():
            return Here(self._term)
        is_fresh = self._seconds() - self._looked_at < RENEW_SECONDS
        if self._other is not None and is_fresh and self._other != doubted:
            return self._other
        return await self._ask()

    async def look(self) -> Holder | None:
        """Return who has the lease, None if nobody has. Raises StoreError."""
        return await _in_time(self._store.holder())

    async def run(self) -> None:
        """Renew the lease, whenever this process has it, until cancelled."""
        while True:
            await self._taken.wait()
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew()

    async def renew(self) -> None:
        """Renew the lease if this process has it; a failure is logged, once per outage."""
        if not self.is_held():
            return
        try:
            await self._ask()
            self._is_away = False
        except StoreError as error:
            if not self._is_away:
                _logger.warning("shapes.lease_not_renewed", error=str(error))
            self._is_away = True
        self._notice_the_end()

    async def release(self) -> None:
        """Give the lease back, and take it no more."""
        self._is_closed = True
        if self._asking is not None:
            await asyncio.wait([self._asking])
        if self._has_it:
            self._lose("released")
            with suppress(StoreError):
                await _in_time(self._store.release(self._me))

    async def _ask(self) -> Here | Holder:
        """Ask the store, or wait for whoever asks it already."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._take(), name="take the lease of the shapes")
            self._asking.add_done_callback(_see)
        # Whoever waits may go away, and the others wait for the answer all the same.
        return await asyncio.shield(self._asking)

    async def _take(self) -> Here | Holder:
        try:
            asked_at = self._seconds()
            if self._is_closed:
                found = await self.look()
                if found is None or found.id == self._me.id:
                    raise Draining("server is restarting: ask again")
            else:
                found = await _in_time(self._store.take(self._me, LEASE_SECONDS))
            return self._note(found, asked_at)
        finally:
            self._asking = None

    def _note(self, found: Holder, asked_at: float) -> Here | Holder:
        if found.id == self._me.id:
            return self._note_mine(asked_at + LEASE_SECONDS - MARGIN_SECONDS)
        if self._has_it:
            self._lose("another has it")
        self._other, self._looked_at = found, self._seconds()
        return found

    def _note_mine(self, until: float) -> Here:
        self._notice_the_end()
        self._until, self._other = until, None
        if not self._has_it:
            self._has_it = True
            self._term += 1
            self._taken.set()
            metrics.SHAPE_LEASE.set(1)
            _logger.info("shapes.lease_taken", address=self._me.address)
        return Here(self._term)

    def _notice_the_end(self) -> None:
        if self._has_it and self._seconds() >= self._until:
            self._lose("it was not renewed in time")

    def _lose(self, reason: str) -> None:
        self._has_it = False
        self._taken.clear()
        metrics.SHAPE_LEASE.set(0)
        _logger.info("shapes.lease_lost", reason=reason)
        for each in self.on_lost:
            each()


def _see(asked: asyncio.Task[Here | Holder]) -> None:
    """Look at what it raised, if all who waited have gone away."""
    if not asked.cancelled():
        asked.exception()


async def _in_time(answer: Awaitable[T]) -> T:
    """Wait for the store, but not for ever. Raises StoreUnavailable."""
    try:
        async with asyncio.timeout(ASK_SECONDS):
            return await answer
    except TimeoutError as error:
        problem = f"PostgreSQL has not answered within {ASK_SECONDS} s: try again"
        raise StoreUnavailable(problem) from error
