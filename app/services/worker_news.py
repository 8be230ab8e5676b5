"""Brings to this node what workers have done: repairs to its rooms, diagnostics to its clients.

No bus carries what a worker does, but every node receives the announcement of every projection. One
may be lost; then the rooms find the repair in the log by themselves, and the list of diagnostics
stands in the document.
"""

import asyncio
from dataclasses import asdict
from typing import Final
from uuid import UUID

import structlog

from app.rooms.hub import Hub
from crdt.editing.repair import MAX_DIAGNOSTICS
from persistence.errors import StoreError
from persistence.ports.projections import DiagnosticsReader, Projected

from .events import RoomEvent, RoomEvents

MAX_PENDING: Final = 1000
"""Pipelines whose diagnostics wait to be read; beyond that, events are left out."""

_logger = structlog.get_logger(__name__)


class WorkerNews:
    """Hands the announcements of workers on to the rooms and the subscribers of this node."""

    def __init__(self, hub: Hub, events: RoomEvents, diagnostics: DiagnosticsReader) -> None:
        self._hub, self._events, self._diagnostics = hub, events, diagnostics
        self._changed: dict[UUID, None] = {}
        self._has_some = asyncio.Event()

    def receive(self, projected: Projected) -> None:
        """Have the room read what it lacks, and note whether its diagnostics are news."""
        pipeline_id = projected.pipeline_id
        self._hub.expect(pipeline_id, projected.seq)
        is_wanted = self._hub.is_open(pipeline_id) or self._events.is_wanted(pipeline_id)
        if projected.diagnostics and is_wanted and len(self._changed) < MAX_PENDING:
            self._changed[pipeline_id] = None
            self._has_some.set()

    async def run(self) -> None:
        """Send the diagnostics that changed, until cancelled; a failure is logged."""
        while True:
            await self._has_some.wait()
            self._has_some.clear()
            while self._changed:
                await self._send(self._changed.popitem()[0])

    async def _send(self, pipeline_id: UUID) -> None:
        try:
            found = await self._diagnostics.first_diagnostics(pipeline_id, MAX_DIAGNOSTICS)
        except StoreError as error:
            _logger.warning("diagnostics.not_sent", pipeline_id=str(pipeline_id), error=str(error))
            return
        data = {"pipeline_id": str(pipeline_id), "diagnostics": [asdict(each) for each in found]}
        event = RoomEvent("diagnostics.changed", data)
        self._events.publish_here(pipeline_id, event)
        self._hub.deliver(pipeline_id, event.message())
