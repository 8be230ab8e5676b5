"""This node's rooms: opened once, however many ask, unloaded some time after the last leaves."""

import asyncio
from collections.abc import Mapping
from itertools import count
from uuid import UUID

import structlog

from crdt.document import Document
from crdt.effects import SessionId
from crdt.errors import Draining, PipelineNotFound
from crdt.room import Room
from crdt.session import Scope
from persistence.ports import StoredDocument, UpdateLog
from persistence.replay import load, replay

from .bus.base import Bus
from .live_room import Clock, Committer, LiveRoom

SETTLE_SECONDS = 5.0
"""How long a visitor waits for the last commits of a room that was dropped."""

_logger = structlog.get_logger(__name__)


class Hub:
    """Opens rooms and keeps them. `unload_after` is in seconds."""

    def __init__(
        self,
        log: UpdateLog,
        committer: Committer,
        bus: Bus,
        clock: Clock,
        *,
        unload_after: float,
    ) -> None:
        self._log, self._committer, self._bus, self._clock = log, committer, bus, clock
        self._unload_after = unload_after
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
        document = await load(self._log, pipeline_id, _replay)
        # Kept here, not by the visitors: all of them may have given up meanwhile.
        self._rooms[pipeline_id] = LiveRoom(
            pipeline_id, Room(document), self._committer, self._bus, self._clock
        )

    def tick(self) -> None:
        """Let time pass: expire presence, unload rooms nobody is in, forget dropped ones."""
        horizon = self._clock.monotonic() - self._unload_after
        for pipeline_id, room in list(self._rooms.items()):
            room.tick()
            if room.is_idle and room.empty_since <= horizon:
                room.drop(Draining())
            if room.dropped and room.is_durable:
                del self._rooms[pipeline_id]

    def seats(self) -> set[tuple[UUID, UUID]]:
        """Who is where: (user, pipeline) of every session on this node."""
        return {
            (user_id, pipeline_id)
            for pipeline_id, room in self._rooms.items()
            if not room.dropped
            for user_id in room.users
        }

    def review(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """Give users of a room another scope in place; None sends them away."""
        if room := self._rooms.get(pipeline_id):
            room.review(scopes)

    def withdraw(self, pipeline_id: UUID) -> None:
        """Send everybody away from a pipeline that is no more."""
        if room := self._rooms.get(pipeline_id):
            room.drop(PipelineNotFound("this pipeline was deleted: close it"))

    def freeze(self) -> None:
        """Open no room and take no message from now on; acknowledgements still go out."""
        self._draining = True
        for room in self._rooms.values():
            room.frozen = True

    def close(self) -> None:
        """Send everybody away: the server is going down."""
        self.freeze()
        for room in self._rooms.values():
            room.drop(Draining())
        self._rooms.clear()


def _replay(stored: StoredDocument) -> Document:
    document, left_out = replay(stored)
    if left_out:
        _logger.warning("room.updates_left_out", seqs=left_out)
    return document
