"""One WebSocket: frames in, a bounded outbox, one writer, one close.

The reader hands every frame on before it reads the next. The writer is the only one who sends.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from crdt.errors import Overloaded, ProtocolError, SyncError
from crdt.messages import KEEP_ALIVE
from crdt.messages import Message as SyncMessage

CLOSE_SECONDS = 5.0
"""How long a client may take to answer a close frame, or to make room for one."""


class Connection:
    """An `Outbox` over an accepted WebSocket. `keep_alive` is in seconds.

    y-websocket clients hang up after 30 s without a message, whatever pings say, so a silent
    connection gets a no-op message every `keep_alive` seconds.
    """

    def __init__(
        self,
        websocket: WebSocket,
        encode: Callable[[SyncMessage], bytes],
        *,
        outbox_bytes: int,
        keep_alive: float,
    ) -> None:
        self.encode = encode
        self._websocket = websocket
        self._limit, self._keep_alive = outbox_bytes, keep_alive
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._error: SyncError | None = None
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """Queue a frame; a client too slow for `outbox_bytes` is closed with 1013."""
        if self._error is not None:
            return
        if self._frames and self._queued + len(frame) > self._limit:
            self._frames.clear()
            self.close(Overloaded("this client reads too slowly: reconnect"))
            return
        self._frames.append(frame)
        self._queued += len(frame)
        self._wake.set()

    def close(self, error: SyncError) -> None:
        """Send what is queued, then close with the error's code and reason; the first one wins."""
        self._error = self._error or error
        self._wake.set()
        self._closing.set()

    async def run(self, receive: Callable[[bytes], None]) -> None:
        """Carry frames both ways until the client leaves or is closed."""
        reader = asyncio.create_task(self._read(receive))
        writer = asyncio.create_task(self._write())
        closing = asyncio.create_task(self._closing.wait())
        try:
            # Not until the writer ends: what a client sent before it went away is still read.
            await asyncio.wait([reader, closing], return_when=asyncio.FIRST_COMPLETED)
            if self._error is not None:
                await asyncio.wait([writer], timeout=CLOSE_SECONDS)
        finally:
            await _end(reader, writer, closing)

    async def _read(self, receive: Callable[[bytes], None]) -> None:
        try:
            while self._error is None:
                receive(_bytes_of(await self._websocket.receive()))
        except WebSocketDisconnect:
            return
        except SyncError as error:
            self.close(error)

    async def _write(self) -> None:
        # A client that went away is the reader's to notice.
        with suppress(WebSocketDisconnect, RuntimeError):
            while self._frames or self._error is None:
                await self._send_next()
        if self._error is not None:
            await close(self._websocket, self._error)

    async def _send_next(self) -> None:
        if not self._frames:
            await self._wait()
            return
        frame = self._frames.popleft()
        await self._websocket.send_bytes(frame)
        self._queued -= len(frame)

    async def _wait(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(self._keep_alive):
                await self._wake.wait()
        except TimeoutError:
            if frame := self.encode(KEEP_ALIVE):
                self.put(frame)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel what still runs; raise what a task failed with."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def close(websocket: WebSocket, error: SyncError) -> None:
    """Close with an error's code and reason, unless the client is gone already."""
    if websocket.application_state is WebSocketState.CONNECTED:
        with suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close(error.close_code, error.reason)


def _bytes_of(event: Message) -> bytes:
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1005))
    frame = event.get("bytes")
    if not isinstance(frame, bytes):
        raise ProtocolError("expected a binary frame, got a text frame")
    return frame
