"""Rooms of a command: it edits live documents as a server does, in the room and in the log.

Servers that have the document open read such an edit from the log, within about a second.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from app.bus_selection import bus_for
from app.clock import SYSTEM_CLOCK
from app.rooms.hub import Hub
from app.settings import Settings
from persistence.decision_rounds import DecisionRounds
from persistence.group_commit import GroupCommit
from persistence.postgres.pool import Pool
from persistence.postgres.update_log import PostgresUpdateLog

NODE: Final = "command"
END_SECONDS: Final = 8.0
"""How long storing may take that was not done when the command is."""


@asynccontextmanager
async def rooms(pool: Pool, settings: Settings, dsn: str) -> AsyncIterator[Hub]:
    """Rooms on the log of a database, for as long as the block runs."""
    log = PostgresUpdateLog(pool)
    commits = GroupCommit(log, max_pending_bytes=settings.pending_bytes)
    decisions = DecisionRounds(log, commits)
    # A bus of its own: whoever publishes on that of the servers would have to be trusted by them.
    alone = settings.model_copy(update={"redis_url": None, "workers": 1})
    async with bus_for(alone, dsn, NODE) as bus:
        hub = Hub(
            log,
            commits,
            decisions,
            bus,
            SYSTEM_CLOCK,
            unload_after=settings.unload_after,
            loaded_bytes=settings.loaded_bytes,
            document_bytes=settings.document_bytes,
            node=NODE,
        )
        try:
            yield hub
        finally:
            hub.freeze()
            await decisions.close(END_SECONDS)
            await commits.close(END_SECONDS)
            hub.close()
