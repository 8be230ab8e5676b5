"""y-websocket clients in this process, beside the API."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.main import Services
from crdt.document.document import Document
from crdt.protocol.messages import Message, SyncStep1, SyncStep2, Update
from tests.app.wire import PATIENCE, Wire


class Socket:
    """One client: its line to the server and its copy of the document."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.document = wire, Document()
        self._read = 0

    async def until(self, condition: Callable[[Document], bool]) -> None:
        """Take in what arrives until the copy is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while not condition(self.document):
                await self.wire.until_frames(self._read + 1)
                self._take_in()

    async def until_received(self, condition: Callable[[Message], bool]) -> None:
        """Wait until a message that is as wanted has arrived."""
        async with asyncio.timeout(PATIENCE):
            while not any(map(condition, received := self.wire.received)):
                await self.wire.until_frames(len(received) + 1)

    def _take_in(self) -> None:
        received = self.wire.received[self._read :]
        self._read += len(received)
        for message in received:
            if isinstance(message, SyncStep2 | Update):
                self.document.apply(message.update)


@asynccontextmanager
async def joined(made: Services, pipeline_id: str, token: str) -> AsyncIterator[Socket]:
    """A client that has the document."""
    wire = Wire(query=f"token={token}", path_params={"pipeline_id": pipeline_id})
    serving = asyncio.create_task(made.endpoints.y_websocket(wire.websocket))
    socket = Socket(wire)
    wire.say(SyncStep1(socket.document.state_vector()))
    try:
        await socket.until(lambda document: document.encode() != b"\x00\x00")
        yield socket
    finally:
        wire.hang_up()
        await serving
