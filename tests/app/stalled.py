"""A y-websocket client that reads only when told to, through small buffers of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from pycrdt import Doc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from crdt.protocol.messages import AwarenessUpdate, Message, SyncStep1, SyncStep2, Update
from crdt.protocol.y_websocket import decode, encode
from tests.server import PATIENCE

RECEIVE_BUFFER = 16 * 1024


class Stalled:
    """One connection. `received` is everything it has read, as messages."""

    def __init__(self, wire: ClientConnection) -> None:
        self.doc: Doc[Any] = Doc()
        self.received: list[Message] = []
        self._wire = wire

    async def say(self, message: Message) -> None:
        """Send a message."""
        await self._wire.send(encode(message))

    async def join(self) -> None:
        """Get the document, as far as it is."""
        await self.say(SyncStep1(self.doc.get_state()))
        await self.read_until(lambda message: isinstance(message, SyncStep2))

    async def edit(self, change: Any) -> bytes:
        """Change the document; send the update and return it."""
        before = self.doc.get_state()
        with self.doc.transaction():
            change(self.doc)
        update = self.doc.get_update(before)
        await self.say(Update(update))
        return update

    async def read_until(self, is_last: Any) -> None:
        """Read up to a message for which `is_last` holds."""
        async with asyncio.timeout(PATIENCE):
            while not is_last(await self._read()):
                pass

    async def _read(self) -> Message:
        frame = await self._wire.recv()
        assert isinstance(frame, bytes)
        message = decode(frame)
        self.received.append(message)
        match message:
            case SyncStep2(update) | Update(update):
                self.doc.apply_update(update)
            case SyncStep1() | AwarenessUpdate():
                pass
        return message

    def count(self, update: bytes) -> int:
        """How often an update was echoed."""
        return self.received.count(Update(update))

    @property
    def close_code(self) -> int | None:
        """How the server closed, None while it did not."""
        return self._wire.close_code

    async def closed(self) -> tuple[int | None, str | None]:
        """Read to the end; return the server's close code and reason."""
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionClosed):
                await self.read_until(lambda _: False)
        return self._wire.close_code, self._wire.close_reason


@asynccontextmanager
async def stalled(url: str, port: int) -> AsyncIterator[Stalled]:
    """A client that has said nothing yet."""
    with small_socket() as sock:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        async with connect(
            url,
            sock=sock,
            max_size=None,
            max_queue=1,
            compression=None,
            ping_interval=None,
            close_timeout=0.1,
        ) as wire:
            yield Stalled(wire)


def small_socket() -> socket.socket:
    """A socket into which little fits while nobody reads from it."""
    sock = socket.socket()
    # Before it is connected: the window is agreed on then.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.setblocking(False)
    return sock
