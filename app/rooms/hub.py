"""This node's rooms: opened once, however many ask, unloaded some time after the last leaves."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from app.bus.base import Bus
from app.clock import Clock
from app.telemetry import spans
from crdt.document.document import Document
from crdt.editing.editor import Editor
from crdt.errors import Draining, Overloaded, PipelineNotFound
from crdt.protocol.messages import Scope
from crdt.room.document_size import DocumentSize
from crdt.room.effects import SessionId
from crdt.room.peer_messages import NodeId
from crdt.room.room import MAX_STATELESS, Room
from crdt.updates.inspection import Inspection, inspect_update
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.worker.replay import compute, load, replay

from .appends import Committer
from .coalescing import IMMEDIATE, CoalescingIntervals
from .live_room import LiveRoom
from .log_follower import Follower

SETTLE_SECONDS = 5.0
"""How long a visitor waits for the last commits of a room that was dropped."""

COMMIT_SECONDS = 10.0
"""How long an edit by the server waits to be stored."""

TRIES = 5
"""How often an edit that is to be undisturbed is made before the server gives up."""

_logger = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EditResult(Generic[T]):
    """An edit by the server that is stored: in update `seq` of the log, or before.

    `has_changed` is False if the document was already as the edit would have it: then no update was
    appended, and `seq` is that of the last one of this room.
    """

    seq: int
    value: T
    has_changed: bool = True


class Hub:
    """Opens rooms and keeps them. `unload_after` is in seconds.

    `new_client_id` names whoever edits a document here, None at random.
    """

    def __init__(
        self,
        log: UpdateLog,
        committer: Committer,
        bus: Bus,
        clock: Clock,
        *,
        unload_after: float,
        document_bytes: int = sys.maxsize,
        max_stateless: int = MAX_STATELESS,
        new_client_id: Callable[[], int | None] = lambda: None,
        node: NodeId = "here",
        intervals: CoalescingIntervals = IMMEDIATE,
    ) -> None:
        self._log, self._committer, self._bus, self._clock = log, committer, bus, clock
        self._unload_after, self._node = unload_after, node
        self._follower = Follower(log)
        self._intervals = intervals
        self._document_bytes, self._max_stateless = document_bytes, max_stateless
        self._new_client_id = new_client_id
        self._rooms: dict[UUID, LiveRoom] = {}
        self._opening: dict[UUID, asyncio.Task[None]] = {}
        self._ids = count(1)
        self._draining = False

    def __len__(self) -> int:
        return len(self._rooms)

    def new_session(self) -> SessionId:
        """Name a session; no two sessions of this node share an id."""
        return next(self._ids)

    async def open(self, pipeline_id: UUID) -> LiveRoom:
        """Return the room, loading it unless it is open. Join it before the next await.

        Raises Draining, PipelineNotFound, StoreUnavailable.
        """
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
    ) -> EditResult[T]:
        """Edit the live document in a user's name, by a verb of `crdt/editing`, and store it.

        `change` runs at once, nothing interleaves, and the whole server waits for it: give a change
        of many steps to `edit_aside`. What it raises goes to the caller, the document being
        untouched then. Nothing is stored when nothing changes. A document that is too large takes
        nothing but what `is_deletion`: for the rest, PipelineTooLarge is raised.
        Raises Draining, Overloaded, PipelineNotFound, StoreUnavailable: see `LiveRoom.committed`.
        """
        room = await self.open(pipeline_id)
        appended = room.appended
        value = room.execute_edit(user_id, change, is_deletion=is_deletion)
        has_changed = room.appended > appended
        return EditResult(await room.committed(COMMIT_SECONDS), value, has_changed)

    async def edit_aside(
        self,
        pipeline_id: UUID,
        user_id: UUID | None,
        change: Callable[[Editor], T],
        *,
        undisturbed: bool = False,
        before_merge: Callable[[], Awaitable[None]] | None = None,
    ) -> EditResult[T]:
        """Edit a copy of the document in a thread, then merge the edit into the live one.

        What others edit meanwhile survives, as if they and this were two people on two machines.
        An `undisturbed` edit is made of the very state that `change` saw, or seen and made again.
        Whether it only deletes is seen when it is made.

        `before_merge` is awaited when the edit is known to change something and the document has
        room for it, before it is merged; what it raises goes to the caller, and nothing is merged.

        Raises as `edit` does, and Overloaded if others do not stop editing.
        """
        for _ in range(TRIES if undisturbed else 1):
            room = await self.open(pipeline_id)
            state = room.copy()
            value, edits = await compute(_edit_copy, Document(self._new_client_id()), state, change)
            room = await self.open(pipeline_id)
            if edits and before_merge is not None:
                room.require_capacity(edits)
                await before_merge()
                # Awaiting lets time pass, and the room may have been dropped meanwhile.
                room = await self.open(pipeline_id)
            if not undisturbed or room.copy() == state:
                for edit in edits:
                    room.execute_merge(user_id, edit)
                return EditResult(await room.committed(COMMIT_SECONDS), value, bool(edits))
        raise Overloaded("others are editing this pipeline all the time: try again later")

    async def read(self, pipeline_id: UUID, reader: Callable[[Document], T]) -> T:
        """Read the live document at once if its room is open, else the stored one in a thread.

        The whole server waits for a reader of an open room, so it must be short.
        Raises PipelineNotFound, StoreUnavailable.
        """
        room = self._rooms.get(pipeline_id)
        if room is not None and not room.dropped:
            return room.read(reader)
        return await load(self._log, pipeline_id, lambda stored: reader(_replay(stored)))

    def presence(self) -> dict[tuple[UUID, UUID], str]:
        """Who is on this node and where: (pipeline, user) and the latest presence, as JSON.

        "null" stands for users who are there and have sent no presence.
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
        # One impatient visitor must not cancel the load that others wait for.
        await asyncio.shield(task)

    async def _load(self, pipeline_id: UUID) -> None:
        if predecessor := self._rooms.get(pipeline_id):
            # What it appended must be in the log that is about to be read.
            await predecessor.settled(SETTLE_SECONDS)
        document, seq, size = await self._loaded(pipeline_id)
        document.cpu_seconds = self._clock.thread_time
        limit = DocumentSize(self._document_bytes, size)
        room = Room(document, self._node, limit, self._max_stateless)
        # Kept here, not by the visitors: all of them may have given up meanwhile.
        self._rooms[pipeline_id] = LiveRoom(
            pipeline_id,
            room,
            self._committer,
            self._bus,
            self._clock,
            seq=seq,
            on_gap=self._follower.fill_soon,
            intervals=self._intervals,
        )

    async def _loaded(self, pipeline_id: UUID) -> tuple[Document, int, int]:
        """Read a document: itself, the number of its last update, and its size."""
        client_id = self._new_client_id()
        with spans.span("room.load", {spans.PIPELINE: str(pipeline_id)}) as span:
            loaded = await load(
                self._log,
                pipeline_id,
                lambda stored: (_replay(stored, client_id), stored.seq, stored.size),
            )
            span.set_attributes({spans.SEQ: loaded[1], "pipeloom.bytes": loaded[2]})
            return loaded

    def tick(self) -> None:
        """Let time pass: expire presence, unload rooms nobody is in, forget dropped ones."""
        horizon = self._clock.monotonic() - self._unload_after
        for pipeline_id, room in list(self._rooms.items()):
            room.tick()
            if room.is_idle and room.empty_since <= horizon:
                room.drop(Draining())
            if room.dropped and room.is_durable:
                del self._rooms[pipeline_id]

    async def follow_log(self) -> None:
        """Look whether other nodes have appended what the bus did not bring; call it now and then.

        Raises StoreUnavailable.
        """
        await self._follower.look([room for room in self._rooms.values() if not room.dropped])

    def seats(self) -> set[tuple[UUID, UUID]]:
        """Who is where: (user, pipeline) of every session on this node."""
        return {
            (user_id, pipeline_id)
            for pipeline_id, room in self._rooms.items()
            if not room.dropped
            for user_id in room.users
        }

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """Give users of a room another scope in place; None sends them away."""
        if room := self._rooms.get(pipeline_id):
            room.apply_scopes(scopes)

    def withdraw(self, pipeline_id: UUID) -> None:
        """Close all clients of a pipeline that was deleted."""
        if room := self._rooms.get(pipeline_id):
            room.drop(PipelineNotFound("this pipeline was deleted: close it"))

    def freeze(self) -> None:
        """Open no room and take no message from now on; acknowledgements still go out."""
        self._draining = True
        for room in self._rooms.values():
            room.frozen = True

    def close(self) -> None:
        """Close all clients: the server is stopping."""
        self.freeze()
        for room in self._rooms.values():
            room.drop(Draining())
        self._rooms.clear()
        self._follower.close()


def _edit_copy(
    copy: Document, state: bytes, change: Callable[[Editor], T]
) -> tuple[T, list[Inspection]]:
    copy.load(state)
    editor = Editor(copy)
    with copy.transact() as updates:
        value = change(editor)
    return value, [inspect_update(update) for update in updates]


def _replay(stored: StoredDocument, client_id: int | None = None) -> Document:
    document, left_out = replay(stored, client_id)
    if left_out:
        _logger.warning("room.updates_left_out", seqs=left_out)
    return document
