"""Fills the gaps of this node's rooms from the log: what the bus lost, or never carried."""

import asyncio
from collections.abc import Collection
from typing import Final
from uuid import UUID

import structlog

from app.telemetry import spans
from app.telemetry.metrics import counters
from crdt.errors import Overloaded
from persistence.errors import StoreError
from persistence.ports.update_log import UpdateLog

from .inspect_in_thread import inspect_commit
from .live_room import LiveRoom

GRACE_SECONDS: Final = 0.05
"""How long a gap is left alone: what is missing may only be late."""

BATCH: Final = 500
"""Updates read at once."""

_logger = structlog.get_logger(__name__)


class Follower:
    """Brings rooms up to the head of the log, one reading at a time per room.

    A reading that fails is repeated at the next look. A room whose reading fails twice in a row by
    anything but the store is dropped, so that its gap does not stay: the next visit loads it anew.
    """

    def __init__(self, log: UpdateLog) -> None:
        self._log = log
        self._filling: dict[UUID, asyncio.Task[None]] = {}
        self._heads: dict[UUID, int] = {}
        self._failed: set[LiveRoom] = set()

    def fill_soon(self, room: LiveRoom) -> None:
        """Fill a gap that was just noticed, unless it closes by itself."""
        self._begin(room, GRACE_SECONDS)

    async def look(self, rooms: Collection[LiveRoom]) -> None:
        """Compare rooms with the log; fill what was missing at the last look already.

        Between two looks, the message of a commit has the time to arrive. Raises StoreUnavailable.
        """
        if not rooms:
            return
        self._failed.intersection_update(rooms)
        missed, self._heads = self._heads, await self._log.heads([r.pipeline_id for r in rooms])
        for room in rooms:
            if room.position.seq < missed.get(room.pipeline_id, 0) or room in self._failed:
                self._begin(room, 0.0)

    def close(self) -> None:
        """Stop reading."""
        for task in self._filling.values():
            task.cancel()

    def _begin(self, room: LiveRoom, grace: float) -> None:
        if room.pipeline_id not in self._filling:
            task = asyncio.create_task(self._fill(room, grace))
            self._filling[room.pipeline_id] = task
            task.add_done_callback(lambda _: self._filling.pop(room.pipeline_id, None))

    async def _fill(self, room: LiveRoom, grace: float) -> None:
        await asyncio.sleep(grace)
        if grace and not room.position.has_gap:
            return
        counters.bus_gaps += 1
        has_failed = room in self._failed
        self._failed.discard(room)
        try:
            await self.catch_up(room)
        except StoreError as error:
            _logger.warning("room.gap_not_filled", pipeline_id=room.pipeline_id, error=str(error))
        except Exception as error:
            self._note_failure(room, error, has_failed)

    def _note_failure(self, room: LiveRoom, error: Exception, has_failed: bool) -> None:
        _logger.exception("room.follow_failed", pipeline_id=room.pipeline_id, error=str(error))
        if has_failed:
            room.drop(Overloaded("the document is being reloaded: reconnect"))
        else:
            self._failed.add(room)

    async def catch_up(self, room: LiveRoom) -> None:
        """Bring a room up to the end of the log, unless it is dropped. Raises StoreUnavailable."""
        about: spans.Attributes = {
            spans.PIPELINE: str(room.pipeline_id),
            "pipeloom.from_seq": room.position.seq,
        }
        with spans.span("bus.fill_gap", about, spans.NEW_TRACE) as span:
            await self._read_on(room)
            span.set_attributes({spans.SEQ: room.position.seq})

    async def _read_on(self, room: LiveRoom) -> None:
        while not room.dropped:
            updates = await self._log.since(room.pipeline_id, room.position.seq, BATCH)
            commits = [await inspect_commit(update) for update in updates]
            if await room.remote.follow_in_turn(commits, is_all=len(updates) < BATCH):
                return
