"""This node's rooms: loaded once, however many ask, and unloaded some time after the last leaves.

Loads are shared, since two rooms of one pipeline would split its clients between two documents, and
since a class of a hundred that opens one link at once would replay the log a hundred times. Rooms
are unloaded late, since clients that leave often come back at once: whoever reloads the page, or
loses the network for seconds, should not wait for another replay.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from itertools import count
from typing import TypeVar
from uuid import UUID

import structlog

from app.bus.base import Bus
from app.clock import Clock
from app.telemetry import spans
from app.telemetry.metrics import DAMAGED_LOADS
from crdt.document.document import Document, random_client_id
from crdt.editing.editor import Editor
from crdt.errors import Draining, Overloaded, PipelineNotFound, PipeloomError
from crdt.protocol.messages import Scope, Stateless
from crdt.room.document_size import DocumentSize
from crdt.room.effects import SessionId
from crdt.room.peer_messages import NodeId
from crdt.room.room import MAX_STATELESS, Room
from crdt.updates.depth import depth_of
from persistence.decision_rounds import DecisionRounds, EditResult, Undecided
from persistence.ports.idempotency import Fulfilled
from persistence.ports.storage import TeamStorage
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.worker.replay import Compute, NewClientId, compute, load, replay

from .appends import Committer
from .coalescing import IMMEDIATE, CoalescingIntervals
from .integration import Merger
from .large_edits import LargeEdit, LargeEditResult, LargeEdits, Turn
from .live_room import LiveRoom
from .loading import pause, prepare
from .log_follower import Follower
from .reservation import LOOK_SECONDS

SETTLE_SECONDS = 5.0
"""How long a visitor waits until the log has decided about the appends of a dropped room."""

COMMIT_SECONDS = 10.0
"""How long an edit by the server waits to be stored."""

SHOWN = 20
"""Numbers of updates in one line of the log."""

_logger = structlog.get_logger(__name__)

T = TypeVar("T")


class Hub:
    """Opens the rooms of this node and keeps them.

    A room is unloaded when nobody has been in it for `unload_after` seconds, or earlier where the
    documents together have more than `loaded_bytes`, encoded: beyond these no other is loaded.
    `document_bytes` is the size beyond which a document takes nothing but deletions, and
    `max_stateless` the length beyond which a stateless message is refused. `new_client_id` makes
    the Yjs client of edits by the server, one each time that a document is loaded. `node` is the
    name of this node among those on the bus. `compute` runs what takes long.
    """

    def __init__(
        self,
        log: UpdateLog,
        committer: Committer,
        decisions: DecisionRounds,
        bus: Bus,
        clock: Clock,
        *,
        unload_after: float,
        loaded_bytes: int = sys.maxsize,
        document_bytes: int = sys.maxsize,
        max_stateless: int = MAX_STATELESS,
        new_client_id: NewClientId = random_client_id,
        node: NodeId = "here",
        intervals: CoalescingIntervals = IMMEDIATE,
        compute: Compute = compute,
    ) -> None:
        self._log, self._committer, self._decisions = log, committer, decisions
        self._bus, self._clock, self._intervals = bus, clock, intervals
        self._unload_after, self._loaded_bytes, self._node = unload_after, loaded_bytes, node
        self._document_bytes, self._max_stateless = document_bytes, max_stateless
        self._new_client_id, self._compute = new_client_id, compute
        self._follower, self._merger = Follower(log), Merger(compute)
        self._large_edits = LargeEdits(log, self, self._follower, compute, new_client_id)
        self._rooms: dict[UUID, LiveRoom] = {}
        self._opening: dict[UUID, asyncio.Task[None]] = {}
        self._measuring: dict[LiveRoom, asyncio.Task[None]] = {}
        self._full: set[UUID] = set()
        self._ids = count(1)
        self._draining = False

    def __len__(self) -> int:
        return len(self._rooms)

    def new_session(self) -> SessionId:
        """Return the id of a new session; no two sessions of this node share one."""
        return next(self._ids)

    async def open(self, pipeline_id: UUID) -> LiveRoom:
        """Return the room of a pipeline, loading it unless it is open.

        Join it before the next await: within one, an empty room may be unloaded.

        Raises Draining if the server stops, PipelineNotFound, StoreUnavailable if PostgreSQL does
        not answer, and Overloaded if it has not decided about a dropped room's appends in time, or
        if all that is loaded is in use and as much as may be.
        """
        # A loop: the room may have been dropped between the end of its load and this task's turn.
        while not self._draining:
            room = self._rooms.get(pipeline_id)
            if room is not None and not room.dropped:
                return room
            await self._load_once(pipeline_id)
        raise Draining

    async def edit(
        self,
        pipeline_id: UUID,
        user_id: UUID | None,
        change: Callable[[Editor], T],
        *,
        is_deletion: bool = False,
        fulfilled: Fulfilled | None = None,
    ) -> EditResult[T]:
        """Edit the live document in a user's name, by a verb of `crdt/editing`; commit the edit.

        `change` decides on a document that has everything that was committed before, on whatever
        server (`persistence/decision_rounds.py`). It runs on the event loop, and the whole server
        waits for it, so give a change of many steps to `edit_aside`. It may be called again if its
        edit could not be stored. What it raises goes to the caller, and the document is untouched
        then. Nothing is appended when nothing changes. `is_deletion` says that the edit only
        deletes, which a document that is too large still takes. What it has `fulfilled` is noted in
        the transaction that stores it.

        Raises PipelineNotFound, PipelineTooLarge for any other edit of a document that is too
        large, Draining, Overloaded, and NotStoredYet if the edit is made but not stored in time.
        """
        return await self._edited(
            pipeline_id,
            lambda room: room.execute_edit(user_id, change, is_deletion=is_deletion),
            fulfilled,
        )

    async def _edited(
        self, pipeline_id: UUID, make: Callable[[LiveRoom], T], fulfilled: Fulfilled | None
    ) -> EditResult[T]:
        left = COMMIT_SECONDS
        while True:
            room = await self.open(pipeline_id)
            # Not before: what loading takes is no reason to give the edit up.
            began = self._clock.monotonic()
            while room.prepare_edit():  # noqa: ASYNC110 - for no event, but so that others go on
                await asyncio.sleep(0)
            decided = await self._decide(room, partial(make, room), left, fulfilled=fulfilled)
            if isinstance(decided, EditResult):
                return decided
            await self._see_to(decided, room)
            left -= self._clock.monotonic() - began

    async def _decide(
        self,
        room: LiveRoom,
        make: Callable[[], T],
        seconds: float,
        reservation: UUID | None = None,
        fulfilled: Fulfilled | None = None,
    ) -> EditResult[T] | Undecided:
        if seconds < 0:
            raise Overloaded("a large edit of this pipeline takes long: nothing was changed")
        return await self._decisions.decide(room, make, seconds, reservation, fulfilled)

    async def decide(
        self,
        room: LiveRoom,
        make: Callable[[], T],
        reservation: UUID,
        fulfilled: Fulfilled | None = None,
    ) -> EditResult[T] | Undecided:
        """See `large_edits.Rooms`."""
        return await self._decide(room, make, COMMIT_SECONDS, reservation, fulfilled)

    async def _see_to(self, reason: Undecided, room: LiveRoom) -> None:
        """Do what must come before a decision that was not made."""
        match reason:
            case Undecided.BEHIND:
                await self._follower.catch_up(room)
            case Undecided.RESERVED:
                await asyncio.sleep(LOOK_SECONDS)

    async def edit_aside(
        self,
        pipeline_id: UUID,
        user_id: UUID | None,
        change: Callable[[Editor], T],
        *,
        is_conditional: bool = False,
        before_merge: Callable[[UUID], Awaitable[bool]] | None = None,
        turn: Turn = nullcontext,
        fulfilled: Fulfilled | None = None,
    ) -> LargeEditResult[T]:
        """Edit a copy of the document in another process, then merge the edit into the live one.

        Decided as by `edit`: no other edit by a server comes between the copy and the merge
        (`large_edits.py`). What clients write meanwhile is merged; but a conditional edit is made
        anew until they write nothing meanwhile, since its condition may hold no more. Whether an
        edit only deletes is read from the edit itself.

        `change` and what it returns must be picklable. `before_merge` is awaited before the edit is
        merged, if it changes something and the document has room for it; what it raises goes to the
        caller, and nothing is merged. It is given the reservation, under which it may edit the
        document itself, and returns whether it has: then the edit is made anew. `turn` is held
        while something is computed. `fulfilled` is as of `edit`.

        Raises what `edit` raises, and Overloaded if it takes a minute or if others edited during
        each of the attempts.
        """
        return await self._large_edits.make(
            LargeEdit(pipeline_id, user_id, change, is_conditional, before_merge, turn, fulfilled)
        )

    async def committed(self, pipeline_id: UUID) -> int:
        """Wait until what was written into an open document is in the log; return the last number.

        Raises as `LiveRoom.committed` and `open`.
        """
        return await (await self.open(pipeline_id)).committed(COMMIT_SECONDS)

    async def read(self, pipeline_id: UUID, reader: Callable[[Document], T]) -> T:
        """Read the live document at once if its room is open, else the stored one in a thread.

        The event loop waits for the reader of an open room, so it must be short. A reader of a
        stored document does not open a room, since it would be kept for a while.
        Raises PipelineNotFound, StoreUnavailable.
        """
        room = self._rooms.get(pipeline_id)
        if room is not None and not room.dropped:
            return room.read(reader)
        return await load(
            self._log,
            pipeline_id,
            lambda stored: reader(_replay(pipeline_id, stored)),
            prepare=partial(prepare, compute=self._compute),
        )

    def presence(self) -> dict[tuple[UUID, UUID], str]:
        """Return who is on this node and where: (pipeline, user) -> the latest presence, as JSON.

        The presence is "null" for users who are there and have sent none.
        """
        return {
            (pipeline_id, user_id): state
            for pipeline_id, room in self._rooms.items()
            if not room.dropped
            for user_id, state in room.presence().items()
        }

    async def _load_once(self, pipeline_id: UUID) -> None:
        task = self._opening.get(pipeline_id)
        if task is None:
            task = asyncio.create_task(self._load(pipeline_id), name=f"open {pipeline_id}")
            self._opening[pipeline_id] = task
            task.add_done_callback(lambda _: self._opening.pop(pipeline_id, None))
        # Shielded: a visitor who gives up must not cancel the load that others wait for.
        await asyncio.shield(task)

    async def _load(self, pipeline_id: UUID) -> None:
        if predecessor := self._rooms.get(pipeline_id):
            # The log that is about to be read must contain what the dropped room appended; without
            # that, the new room would begin without edits that are about to be acknowledged.
            await predecessor.settled(SETTLE_SECONDS)
        self._unload_excess()
        document, seq, size = await self._loaded(pipeline_id)
        document.measure_by(self._clock.thread_time)
        limit = DocumentSize(self._document_bytes, size)
        room = Room(document, self._node, limit, self._max_stateless, may_defer=True)
        # The load keeps the room and not the visitors: all of them may have given up meanwhile, and
        # a room that nobody keeps would stay subscribed to the bus for ever.
        self._rooms[pipeline_id] = LiveRoom(
            pipeline_id,
            room,
            self._committer,
            self._bus,
            self._clock,
            seq=seq,
            on_gap=self._follower.fill_soon,
            intervals=self._intervals,
            merger=self._merger,
        )
        self._rooms[pipeline_id].note_storage(is_full=pipeline_id in self._full)

    def _unload_excess(self) -> None:
        """Unload idle rooms, the longest empty first, while too much is loaded. Raises Overloaded.

        How much a document has is known when it is loaded, so the last one may go beyond.
        """
        open_rooms = [room for room in self._rooms.values() if not room.dropped]
        excess = sum(room.document_bytes for room in open_rooms) - self._loaded_bytes
        for room in sorted(open_rooms, key=lambda room: room.empty_since):
            if excess < 0:
                return
            if room.is_idle:
                room.drop(Draining())
                excess -= room.document_bytes
        if excess >= 0:
            raise Overloaded("this server has as many documents open as it may: try again later")

    async def _loaded(self, pipeline_id: UUID) -> tuple[Document, int, int]:
        """Read a document from the log; return it, the number of its last update, and its bytes."""
        with spans.span("room.load", {spans.PIPELINE: str(pipeline_id)}) as span:
            loaded = await load(
                self._log,
                pipeline_id,
                lambda stored: (
                    _prepared(pipeline_id, stored, self._new_client_id),
                    stored.seq,
                    stored.size,
                ),
                prepare=partial(prepare, compute=self._compute),
            )
            span.set_attributes({spans.SEQ: loaded[1], "pipeloom.bytes": loaded[2]})
            return loaded

    def tick(self) -> None:
        """Expire presence, unload the rooms that have been idle, and forget dropped ones.

        Call it every two seconds: that is how often the nodes publish whom they have.
        """
        horizon = self._clock.monotonic() - self._unload_after
        for pipeline_id, room in list(self._rooms.items()):
            _tick(room)
            self._measure_depth_of(room)
            if room.lacks_stand_in:
                room.reload()
            if room.is_idle and room.empty_since <= horizon:
                room.drop(Draining())
            # Until the log has decided, whoever opens the pipeline must wait for it: see `_load`.
            if room.dropped and room.is_durable:
                del self._rooms[pipeline_id]
                room.release()

    def _measure_depth_of(self, room: LiveRoom) -> None:
        """Have the depth of a document measured if its bound has risen far: see `DepthGuard`."""
        if room in self._measuring or (updates := room.begin_measuring_depth()) is None:
            return
        task = asyncio.create_task(self._measure_depth(room, updates), name="measure a depth")
        self._measuring[room] = task
        task.add_done_callback(lambda _: self._measuring.pop(room, None))

    async def _measure_depth(self, room: LiveRoom, updates: list[bytes]) -> None:
        try:
            room.tighten_depth(await self._compute(depth_of, updates))
        except PipeloomError as error:
            # The document is read when its bound reaches the limit, as it would have been.
            _logger.warning(
                "room.depth_not_measured", pipeline_id=room.pipeline_id, error=str(error)
            )

    async def follow_log(self) -> None:
        """Look in the log for updates of other nodes that the bus did not bring, and apply them.

        Call it twice a second: an edit travels that way while the bus is down
        (docs/adr/0007-published-when-committed.md). Raises StoreUnavailable.
        """
        await self._follower.look([room for room in self._rooms.values() if not room.dropped])

    async def look_at_storage(self, storage: TeamStorage, limit: int) -> None:
        """Find out which teams store `limit` bytes or more; their rooms take only deletions.

        Call it every few seconds: what is written in between is taken. That it is so is remembered
        while no room is open, or each one that opens would take edits until the next look. Raises
        StoreUnavailable.
        """
        asked = self._rooms.keys() | self._full
        self._full = await storage.full_pipelines(asked, limit) if asked else set()
        for pipeline_id, room in self._rooms.items():
            room.note_storage(is_full=pipeline_id in self._full)

    def expect(self, pipeline_id: UUID, seq: int) -> None:
        """Have the room of a pipeline, if it is open here, read its log up to an update.

        Workers write into the log, too, and no bus carries what they write.
        """
        room = self._rooms.get(pipeline_id)
        if room is not None and not room.dropped:
            room.remote.expect(seq)

    def deliver(self, pipeline_id: UUID, message: Stateless) -> None:
        """Send a message to the clients of a pipeline on this node."""
        if room := self._rooms.get(pipeline_id):
            room.deliver(message)

    def deliver_everywhere(self, message: Stateless) -> None:
        """Send a message to all clients on this node."""
        for room in list(self._rooms.values()):
            room.deliver(message)

    def is_open(self, pipeline_id: UUID) -> bool:
        """Whether the room of a pipeline is open on this node."""
        return pipeline_id in self._rooms

    def seats(self) -> set[tuple[UUID, UUID]]:
        """Return who is where: (user, pipeline) of every session on this node."""
        return {
            (user_id, pipeline_id)
            for pipeline_id, room in self._rooms.items()
            if not room.dropped
            for user_id in room.users
        }

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """Give users of a room another scope without closing them; None closes their sessions."""
        if room := self._rooms.get(pipeline_id):
            room.apply_scopes(scopes)

    def withdraw(self, pipeline_id: UUID) -> None:
        """Close all clients of a deleted pipeline, with a code after which they stay away."""
        if room := self._rooms.get(pipeline_id):
            room.drop(PipelineNotFound("this pipeline was deleted: close it"))

    def freeze(self) -> None:
        """Open no room and take no message from now on; acknowledgements are still sent."""
        self._draining = True
        for room in self._rooms.values():
            room.freeze()

    def close(self) -> None:
        """Close all clients: the server is stopping."""
        self.freeze()
        for room in self._rooms.values():
            room.drop(Draining())
        self._rooms.clear()
        self._follower.close()


def _tick(room: LiveRoom) -> None:
    """Do what is due in a room. Its failure must not keep tokens from expiring in the others."""
    try:
        room.tick()
    except Exception as error:
        _logger.exception("room.tick_failed", pipeline_id=room.pipeline_id, error=str(error))


def _prepared(pipeline_id: UUID, stored: StoredDocument, new_client_id: NewClientId) -> Document:
    document, left_out = _replayed(pipeline_id, stored, new_client_id)
    document.prepare(None if left_out else _whole(stored))
    return document


def _whole(stored: StoredDocument) -> bytes | None:
    """Return the state or the seed of which a document is made, if there is nothing else of it."""
    if stored.state is not None:
        return None if stored.tail or stored.waiting else stored.state
    return stored.tail[0].payload if len(stored.tail) == 1 else None


def _replay(pipeline_id: UUID, stored: StoredDocument) -> Document:
    return _replayed(pipeline_id, stored, random_client_id)[0]


def _replayed(
    pipeline_id: UUID, stored: StoredDocument, new_client_id: NewClientId
) -> tuple[Document, list[int]]:
    document, left_out = replay(stored, new_client_id, pause=pause)
    if left_out:
        DAMAGED_LOADS.inc()
        shown = left_out[:SHOWN]
        _logger.warning(
            "room.updates_left_out",
            pipeline_id=str(pipeline_id),
            seqs=shown,
            more=len(left_out) - len(shown),
        )
    return document, left_out
