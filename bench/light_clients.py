"""Clients that cost next to nothing: one asyncio protocol each, which parses no frame.

Servers send unmasked frames (RFC 6455 §5.1), uncompressed unless a client offers compression. So a
marked edit is found by searching what comes off the socket, wherever frames begin and end, and a
few hundred clients leave the machine to the server that is measured.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from crdt.protocol.messages import Message
from crdt.protocol.y_websocket import encode

from .clients import MARK, Room

MARK_BYTES: Final = len(b"edit-00000000")

KEY: Final = base64.b64encode(bytes(16)).decode()
"""Sixteen bytes that a client chooses (RFC 6455 §4.1); nothing depends on their being random."""

NO_MASK: Final = bytes(4)
"""A client must mask its frames (RFC 6455 §5.1); with this key they stay as they are."""

BINARY, FINAL, MASKED = 0x2, 0x80, 0x80

HANDSHAKE_SECONDS: Final = 30.0


class LightClient(asyncio.Protocol):
    """One connection. `on_edit` receives the number of every marked edit that arrives."""

    def __init__(self, room: Room) -> None:
        self.on_edit: Callable[[int], None] = lambda _: None
        self.received = 0
        """Bytes."""
        self.is_deaf = False
        """Whether it looks for no marks: of a hundred clients some must listen, all must read."""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_lost = False
        self._room = room
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_handshake(self._room.url))

    def data_received(self, data: bytes) -> None:
        """Look for marks; before that, for the end of the handshake."""
        self.received += len(data)
        if self.is_deaf:
            return
        seen = self._tail + data
        if not self.opened.done():
            self._open(seen)
            return
        end = 0
        for found in MARK.finditer(seen):
            self.on_edit(int(found[1]))
            end = found.end()
        # A mark may be cut anywhere, but none is found twice.
        self._tail = seen[max(end, len(seen) - MARK_BYTES + 1) :]

    def _open(self, seen: bytes) -> None:
        head, end, rest = seen.partition(b"\r\n\r\n")
        self._tail = rest if end else seen
        if not end:
            return
        if not head.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionError(head.decode(errors="replace")))
            return
        self.opened.set_result(None)
        if isinstance(self._room.greeting, bytes):
            self._write(self._room.greeting)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note it: a bench whose clients were closed has measured nothing."""
        self.is_lost = True
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionError("closed in the handshake"))

    def send(self, message: Message) -> None:
        """Send a message."""
        self._write(self._room.prefix + encode(message))

    def _write(self, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(_frame(payload))

    def close(self) -> None:
        """Leave, without waiting for the answer."""
        if self._transport is not None:
            self._transport.close()


def _handshake(url: str) -> bytes:
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
    )
    return "\r\n".join((*lines, "", "")).encode()


def _frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((FINAL | BINARY, MASKED | size))
    elif size < 2**16:
        head = bytes((FINAL | BINARY, MASKED | 126)) + size.to_bytes(2)
    else:
        head = bytes((FINAL | BINARY, MASKED | 127)) + size.to_bytes(8)
    return head + NO_MASK + payload


@asynccontextmanager
async def connected(rooms: Sequence[Room]) -> AsyncIterator[list[LightClient]]:
    """One client for each room that is named, which has not joined yet."""
    clients: list[LightClient] = []
    loop = asyncio.get_running_loop()
    try:
        for room in rooms:
            client = LightClient(room)
            at = urlsplit(room.url)
            await loop.create_connection(lambda made=client: made, at.hostname, at.port)  # type: ignore[misc]
            clients.append(client)
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                await client.opened
        yield clients
    finally:
        for client in clients:
            client.close()
