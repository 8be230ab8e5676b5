"""Somebody in another room, whom nothing that is done elsewhere should keep waiting.

They edit a small pipeline and wait for each acknowledgement, which means that the edit is stored.
Beside that stands for how long the event loop of the server was held meanwhile
(`bench/watched_server.py`), which other programs on the machine do not change.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from crdt.protocol.messages import Update

from .clients import Client, Room, joined
from .figures import Spread
from .installation import Installation
from .pipelines import Author

BETWEEN_EDITS = 0.025
"""Seconds."""


@dataclass(slots=True)
class Waits:
    """How many seconds each edit waited for its acknowledgement; and what holds the loop."""

    loop_file: Path
    edits: list[float] = field(default_factory=list)
    _read: int = 0

    def take(self) -> list[str]:
        """Return the cells under `WAITS`, of what was waited since the last call."""
        edits, self.edits = self.edits, []
        spread = Spread.of(edits or [0.0])
        return [f"{spread.p50:.0f} / {spread.p99:.0f} / {spread.longest:.0f}", *self._loop()]

    def _loop(self) -> list[str]:
        lines = self.loop_file.read_text().splitlines() if self.loop_file.exists() else []
        fresh, self._read = lines[self._read :], len(lines)
        away, held = ([float(line.split()[at]) for line in fresh] for at in (0, 1))
        return [f"{max(held, default=0):.0f}", f"{max(away, default=0):.0f}"]


WAITS = ("acknowledged elsewhere, p50 / p99 / max ms", "loop held, max ms", "away, max ms")


@asynccontextmanager
async def bystander(
    server: Installation, pipeline_id: UUID, loop_file: Path
) -> AsyncIterator[Waits]:
    """Edit a small pipeline for as long as the block lasts."""
    waits = Waits(loop_file)
    async with joined(Room(server.room(pipeline_id)), 1) as [client]:
        typing = asyncio.create_task(_edit(client, Author(await client.document), waits))
        try:
            yield waits
        finally:
            typing.cancel()


async def _edit(client: Client, author: Author, waits: Waits) -> None:
    """Edit again and again: an edit that waits long does not keep the next one back."""
    sent: dict[int, float] = {}
    client.on_edit = lambda number: waits.edits.append(time.perf_counter() - sent[number])
    step_id, number = author.step_ids()[0], 0
    while True:
        number += 1
        update = author.move(step_id, number)
        sent[number] = time.perf_counter()
        await client.send(Update(update))
        await asyncio.sleep(BETWEEN_EDITS)
