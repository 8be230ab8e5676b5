"""Servers that are exchanged one after the other while people write, and what must be kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from websockets.exceptions import InvalidHandshake

from tests.app.test_crash import Ledger, markers_in, markers_in_tables
from tests.editor import joined
from tests.server import Address, Installation, Server, eventually

PAUSE: Final = 0.1
"""Seconds between two edits of a writer: what goes on meanwhile is tested, not the load."""


@dataclass
class Fleet:
    """Servers at ports that stay, and whoever serves there."""

    stack: AsyncExitStack
    servers: list[Server] = field(default_factory=list)

    async def start(self, installation: Installation, *options: str) -> None:
        """Start one more."""
        self.servers.append(await self.stack.enter_async_context(installation.serve(*options)))

    async def replace(self, number: int, by: Installation, *options: str) -> None:
        """Let a server drain, and start one of `by` at its port."""
        old = self.servers[number]
        assert await old.program.end() == 0, old.program.log
        new = by.serve(*options, "--port", str(old.port))
        self.servers[number] = await self.stack.enter_async_context(new)

    @property
    def ports(self) -> list[int]:
        """Where they listen."""
        return [server.port for server in self.servers]


@asynccontextmanager
async def a_fleet() -> AsyncIterator[Fleet]:
    """A fleet without servers yet."""
    async with AsyncExitStack() as stack:
        yield Fleet(stack)


@asynccontextmanager
async def writing(room: str, ledger: Ledger, writers: int) -> AsyncIterator[None]:
    """Let people write while the block runs, who come back whenever they lose the connection."""
    tasks = [asyncio.create_task(_write_on_and_on(room, ledger)) for _ in range(writers)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _write_on_and_on(room: str, ledger: Ledger) -> None:
    while True:
        with suppress(OSError, InvalidHandshake, AssertionError, TimeoutError):
            async with joined(room) as editor:
                await ledger.write(editor, pause=PAUSE)
        # As a client waits before it comes back: no condition, but how fast people are.
        await asyncio.sleep(PAUSE)


async def come(ledger: Ledger, edits: int = 30) -> None:
    """Wait for so many edits more."""
    wanted = ledger.sent + edits

    async def came() -> bool:
        return ledger.sent >= wanted

    await eventually(f"{edits} edits", came)


async def lost(
    ledger: Ledger, at: Address, installation: Installation, pipeline_id: str, token: str
) -> set[str]:
    """What was acknowledged and is not in the document; the tables must have what that has."""
    async with joined(at.room(pipeline_id, token)) as auditor:
        kept = markers_in(auditor.doc)
    assert await markers_in_tables(installation, pipeline_id) == kept
    return ledger.echoed - kept
