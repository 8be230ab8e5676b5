"""Clients under load: they send marked edits on time, and report when an edit arrives.

They apply nothing of what they receive: the load should cost the server, not the bench.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeAlias

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from crdt.protocol.lib0 import Reader
from crdt.protocol.messages import Message, SyncStep1
from crdt.protocol.y_websocket import encode

MARK = re.compile(rb"edit-(\d{8})")
SYNC_STEP_2 = b"\x00\x01"
EMPTY_STATE_VECTOR = b"\x00"

Edit: TypeAlias = Callable[[int], Message]
"""Makes the message that carries the edit of this number."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where to connect. `prefix` comes before every message, `greeting` before all of them."""

    url: str
    prefix: bytes = b""
    greeting: bytes | None = None


class Client:
    """One connection. `on_edit` receives the number of every marked edit, its own included.

    `on_frame` receives every frame. `document` becomes the whole document as one update. Raises
    ConnectionError when refused.
    """

    def __init__(self, socket: ClientConnection, room: Room) -> None:
        self.on_edit: Callable[[int], None] = lambda _: None
        self.on_frame: Callable[[bytes], object] = lambda _: None
        self.document: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._socket, self._prefix = socket, room.prefix
        self._reading = asyncio.create_task(self._read())

    async def join(self) -> None:
        """Ask for the document and wait for it."""
        await self.send(SyncStep1(EMPTY_STATE_VECTOR))
        await self.document

    async def send(self, message: Message) -> None:
        """Send a message."""
        await self._socket.send(self._prefix + encode(message))

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()
        await self._reading

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for frame in self._socket:
                assert isinstance(frame, bytes)
                self._take(frame)
        if not self.document.done():
            reason = f"{self._socket.close_code} {self._socket.close_reason}"
            self.document.set_exception(ConnectionError(f"closed before it was synced: {reason}"))

    def _take(self, frame: bytes) -> None:
        self.on_frame(frame)
        for number in MARK.findall(frame):
            self.on_edit(int(number))
        body = frame[len(self._prefix) :]
        if not self.document.done() and body.startswith(SYNC_STEP_2):
            self.document.set_result(Reader(body[2:]).var_bytes())


@asynccontextmanager
async def connected(room: Room) -> AsyncIterator[Client]:
    """A client that has not joined yet."""
    async with connect(room.url, max_size=None, compression=None, ping_interval=None) as socket:
        if room.greeting is not None:
            await socket.send(room.greeting)
        client = Client(socket, room)
        try:
            yield client
        finally:
            await client.close()


@asynccontextmanager
async def joined(room: Room, count: int) -> AsyncIterator[list[Client]]:
    """Clients that have the document, joined one after the other."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(count):
            client = await stack.enter_async_context(connected(room))
            await client.join()
            clients.append(client)
        yield clients


async def send_evenly(
    clients: Sequence[Client],
    edit: Edit,
    *,
    rate: float,
    seconds: float,
    sent: dict[int, float],
) -> None:
    """Send `rate` edits a second in turn, whatever comes back; note in `sent` when each was.

    Numbers go on where `sent` ends; number n comes from client n modulo their number.
    """
    start, first = time.perf_counter(), len(sent)
    for number in range(first, first + int(rate * seconds)):
        await asyncio.sleep(start + (number - first) / rate - time.perf_counter())
        client, message = clients[number % len(clients)], edit(number)
        sent[number] = time.perf_counter()
        await client.send(message)
