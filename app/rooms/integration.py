"""Integrates dear updates in other processes, so that nobody waits for them but their authors.

The room goes on meanwhile, with the document that it has. When the merged one is here, it catches
up with what was written in between and takes the other's place (`crdt/document/replacement.py`).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Final, TypeAlias
from uuid import UUID

import structlog

from app.clock import Clock
from app.compute_queue import ComputeQueue
from crdt.document.document import Document, Merged
from crdt.document.replacement import Copy, Replacement, merge
from crdt.errors import DocumentPoisoned, Overloaded, PipeloomError, UnusableEdit
from crdt.protocol.messages import ClientMessage
from crdt.room.effects import SessionId
from crdt.updates.inspection import Inspection
from crdt.updates.limits import ACCEPTED, FOLLOWED
from persistence.worker.replay import Compute, compute

AT_ONCE: Final = 2
MAX_WAITING: Final = 100
"""Dear updates of all users that may wait: clients come back together when a server starts."""

PAUSE: Final = 3.0
"""For how many times as long as the event loop had to wait an author pauses: as by the rates."""

CATCH_UP_AT_ONCE: Final = 20
"""Updates by which a merged document catches up while the event loop waits: a millisecond."""

_logger = structlog.get_logger(__name__)

Finish: TypeAlias = Callable[[bool], None]
"""Does what follows from an update that is in the document now; given whether it is news."""


class Merger:
    """Merges the dear updates of all rooms of a server, those of each user in turn."""

    def __init__(self, compute: Compute = compute) -> None:
        # A queue of its own: who waits in it for a room keeps no request from being computed.
        self._queue = ComputeQueue(AT_ONCE, MAX_WAITING, compute=compute)
        self._compute = compute

    def turn(self, user_id: UUID | None) -> AbstractAsyncContextManager[None]:
        """Wait for a user's turn; the updates of other nodes are nobody's. Raises Overloaded."""
        return nullcontext() if user_id is None else self._queue.turn(user_id)

    async def merge(self, copy: Copy) -> Merged | None:
        """Merge an update into a copy: see `replacement.merge`.

        Raises UnusableEdit if that takes too long or too much memory, or if the library panics.
        """
        try:
            return await self._compute(merge, copy)
        except (DocumentPoisoned, Overloaded) as error:
            raise UnusableEdit from error


class Integration:
    """Integrates dear updates into the document of one room, one at a time."""

    def __init__(self, document: Document, merger: Merger, clock: Clock) -> None:
        self._document, self._merger, self._clock = document, merger, clock
        self._lock = asyncio.Lock()

    async def edit(self, user_id: UUID, update: bytes, found: Inspection, finish: Finish) -> float:
        """Integrate an update of a client, then `finish` before anything else happens.

        Returns for how many seconds the event loop had to wait. Raises Overloaded if too much
        waits, and ProtocolError or MessageTooBig if the update is refused; the document is as it
        was then.
        """
        async with self._merger.turn(user_id), self._lock:
            began = self._clock.monotonic()
            copy = Copy.of(self._document, update)
            copied = self._clock.monotonic() - began
            return copied + await self._integrate(copy, found, finish)

    async def follow(
        self, found: Inspection, finish: Finish, is_missing: Callable[[], bool]
    ) -> None:
        """Integrate an update of the log, if it is still missing then. Raises as `edit`."""
        async with self._merger.turn(None), self._lock:
            if is_missing():
                copy = Copy.of(self._document, found.update, is_logged=True)
                await self._integrate(copy, found, finish)

    @asynccontextmanager
    async def beside(self, edit: Inspection) -> AsyncIterator[Replacement | None]:
        """Merge an edit of the server elsewhere, and have the outcome ready for the block.

        It may take the document's place in one turn of the event loop, by whoever decides that; no
        other update is integrated until the end of the block. None if that is not possible: merge
        the edit here, then.
        """
        async with self._lock:
            with self._document.recorded() as recorded:
                yield await self._try_beside(edit, recorded)

    async def _try_beside(self, edit: Inspection, recorded: list[Inspection]) -> Replacement | None:
        if self._document.is_damaged:
            # What fills the place of lost edits is in no copy.
            return None
        copy = Copy.of(self._document, edit.update, is_logged=True)
        try:
            merged = await self._merger.merge(copy)
            return merged and await self._ready(merged, recorded)
        except PipeloomError as error:
            _logger.warning("room.edit_not_merged_beside", error=str(error))
            return None

    async def _integrate(self, copy: Copy, found: Inspection, finish: Finish) -> float:
        document, limits = self._document, FOLLOWED if copy.is_logged else ACCEPTED
        with document.recorded() as recorded:
            merged = await self._merger.merge(copy)
            began = self._clock.monotonic()
            if merged is None:
                finish(False)
                return 0.0
            replacement = await self._ready(merged, recorded)
            replacement.take_place(found, limits)
        finish(True)
        took = self._clock.monotonic() - began
        # The old document is freed when the others had their turn: that takes a while, too.
        await asyncio.sleep(0)
        return took

    async def _ready(self, merged: Merged, recorded: list[Inspection]) -> Replacement:
        """Load a merged document and have it catch up, but for what takes a millisecond."""
        loaded = await _loaded(self._document.new_from(merged))
        replacement = Replacement(self._document, loaded, recorded)
        while len(recorded) > CATCH_UP_AT_ONCE:
            replacement.catch_up(CATCH_UP_AT_ONCE)
            await asyncio.sleep(0)
        return replacement


async def _loaded(slices: Iterator[Document]) -> Document:
    """Load a document slice by slice; in between, the others have their turn."""
    loaded = next(slices)
    for _ in slices:
        await asyncio.sleep(0)
    return loaded


class HeldSessions:
    """Sessions of which no message is handled until their dear update is integrated."""

    def __init__(self) -> None:
        self.waiting: dict[SessionId, deque[tuple[ClientMessage, Inspection | None]]] = {}
        """What was kept of each session that is held."""
        self._ends: dict[SessionId, asyncio.Event] = {}
        self._pauses: dict[SessionId, float] = {}

    def __contains__(self, session: SessionId) -> bool:
        return session in self.waiting

    def hold(self, session: SessionId) -> None:
        """Hold a session from now on."""
        self.waiting[session] = deque()
        self._ends.setdefault(session, asyncio.Event())

    def keep(
        self, session: SessionId, message: ClientMessage, inspection: Inspection | None
    ) -> None:
        """Keep a message of a held session."""
        self.waiting[session].append((message, inspection))

    def release(
        self,
        session: SessionId,
        handle: Callable[[SessionId, ClientMessage, Inspection | None], None],
    ) -> None:
        """Handle what was kept, in its order, up to the next dear update; the rest is kept on."""
        waiting = self.waiting.pop(session, deque())
        while waiting and session not in self.waiting:
            handle(session, *waiting.popleft())
        if session in self.waiting:
            self.waiting[session].extend(waiting)
        else:
            self._end(session)

    def charge(self, session: SessionId, seconds: float) -> None:
        """Have a session pause for what its update has cost the event loop."""
        if session in self.waiting:
            self._pauses[session] = PAUSE * seconds

    def forget(self, session: SessionId) -> None:
        """Drop what was kept of a session that is gone."""
        self.waiting.pop(session, None)
        self._pauses.pop(session, None)
        self._end(session)

    def _end(self, session: SessionId) -> None:
        if (end := self._ends.pop(session, None)) is not None:
            end.set()

    async def released(self, session: SessionId, pause: float) -> float:
        """Wait until a session is held no more; return for how long it should pause then."""
        if (end := self._ends.get(session)) is not None:
            await end.wait()
        return max(pause, self._pauses.pop(session, 0.0))


class Tasks:
    """The tasks of one room, which end with it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin a task."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()
