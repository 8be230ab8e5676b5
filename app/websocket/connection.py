"""One WebSocket: frames in, a bounded backlog out, one writer, one close.

The reader hands every frame on before it reads the next, and reads none while answers to earlier
ones take too much room. The writer is the only one who sends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.rooms.frames import FrameBatch
from app.telemetry.metrics import reject, tally
from crdt.errors import Overloaded, ProtocolError, SyncError
from crdt.protocol.messages import KEEP_ALIVE
from crdt.protocol.messages import Message as SyncMessage

from .send_queue import SendQueue
from .uvicorn_protocol import WRITE

TOO_SLOW = "this client reads too slowly: reconnect"

CLOSE_SECONDS = 5.0
"""How long a client may take to answer a close frame, or to make room for one."""


class ClientConnection:
    """An accepted WebSocket. `keep_alive` is in seconds.

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
        self._keep_alive = keep_alive
        self._send_queue = SendQueue(outbox_bytes)
        self._error: SyncError | None = None
        self._sent = self._sent_before = 0
        self._wake = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._closing = asyncio.Event()
        self._has_spoken = False
        extension = (websocket.scope.get("extensions") or {}).get(WRITE, {})
        self._write: Callable[[bytes], bool] = extension.get("frames", lambda _: False)

    @property
    def limit(self) -> int:
        """How many bytes may wait for the client."""
        return self._send_queue.limit

    @property
    def depth(self) -> int:
        """How many bytes wait for the client."""
        return self._send_queue.size

    @property
    def is_stuck(self) -> bool:
        """Whether the client has taken nothing that waited since this was last asked."""
        before, self._sent_before = self._sent_before, self._sent
        return self._send_queue.size > 0 and before == self._sent

    def reserve(self, size: int) -> None:
        """Count bytes that will be put later; a negative size takes them back."""
        self._send_queue.reserved += size
        self._check_room()

    def _check_room(self) -> None:
        if self._send_queue.has_room:
            self._has_room.set()

    def put(self, frame: bytes) -> None:
        """Queue a frame that must arrive; a client too slow even for those is closed with 1013."""
        if self._error is not None or self._send_now(FrameBatch.of((frame,))):
            return
        if not self._send_queue.put(frame):
            self._send_queue.clear()
            self.close(Overloaded(TOO_SLOW))
            return
        self._wake.set()

    def answer(self, frame: bytes, lane: "Lane") -> None:
        """Queue a frame that must arrive, or catch its lane up later."""
        if self._error is None and not self._send_now(FrameBatch.of((frame,))):
            self._send_queue.answer(frame, lane)
            self._wake.set()

    def offer(self, batch: FrameBatch, lane: "Lane") -> None:
        """Queue what may be let go, its lane being caught up later."""
        if self._error is None and not self._send_now(batch):
            for frame in batch.payloads:
                self._send_queue.offer(frame, lane)
            self._wake.set()

    def _send_now(self, batch: FrameBatch) -> bool:
        """Send by the short way, if nothing is before it and the socket takes it."""
        if not self._send_queue.is_idle or not self._write(batch.wire):
            return False
        self._sent += 1
        tally.frames_out += len(batch.payloads)
        tally.bytes_out += batch.size
        self._has_spoken = True
        return True

    def close(self, error: SyncError) -> None:
        """Send what is queued, then close with the error's code and reason; the first one wins."""
        if self._error is None:
            self._error = error
            reject(error)
        self._wake.set()
        self._closing.set()

    async def run(self, receive: Callable[[bytes], Awaitable[float]]) -> None:
        """Carry frames both ways until the client leaves or is closed.

        `receive` returns for how many seconds to read nothing more.
        """
        reader = asyncio.create_task(self._read(receive))
        writer = asyncio.create_task(self._drain())
        closing = asyncio.create_task(self._closing.wait())
        try:
            # Not until the writer ends: what a client sent before it went away is still read.
            await asyncio.wait([reader, closing], return_when=asyncio.FIRST_COMPLETED)
            if self._error is not None:
                await asyncio.wait([writer], timeout=CLOSE_SECONDS)
        finally:
            await _end(reader, writer, closing)

    async def _read(self, receive: Callable[[bytes], Awaitable[float]]) -> None:
        try:
            while self._error is None:
                frame = _bytes_of(await self._websocket.receive())
                tally.frames_in += 1
                tally.bytes_in += len(frame)
                if pause := await receive(frame):
                    await asyncio.sleep(pause)
                if not self._send_queue.has_room:
                    self._has_room.clear()
                    await self._has_room.wait()
        except WebSocketDisconnect:
            return
        except SyncError as error:
            self.close(error)

    async def _drain(self) -> None:
        # A client that went away is the reader's to notice.
        with suppress(WebSocketDisconnect, RuntimeError):
            while self._send_queue or self._error is None:
                await self._send_next()
        if self._error is not None:
            await close(self._websocket, self._error)

    async def _send_next(self) -> None:
        if not self._send_queue:
            self._send_queue.catch_up()
        if not self._send_queue:
            await self._wait()
            return
        frame = self._send_queue.pop()
        await self._websocket.send_bytes(frame)
        self._send_queue.sent(frame)
        self._sent += 1
        tally.frames_out += 1
        tally.bytes_out += len(frame)
        self._check_room()

    async def _wait(self) -> None:
        if self._error is not None:
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(self._keep_alive):
                await self._wake.wait()
        except TimeoutError:
            if self._has_spoken:
                self._has_spoken = False
            elif frame := self.encode(KEEP_ALIVE):
                self.put(frame)


class Lane:
    """An `Outbox`: one session's part of a connection that others may share."""

    def __init__(
        self, connection: ClientConnection, encode: Callable[[SyncMessage], bytes]
    ) -> None:
        self.encode = encode
        self.refill: Callable[[], bool] = lambda: True
        self.is_behind = self.is_owed = False
        self._connection = connection

    @property
    def limit(self) -> int | None:
        """See `Outbox`."""
        return None if self.is_owed else self._connection.limit

    def put(self, frame: bytes) -> None:
        """See `Outbox`."""
        self._connection.put(frame)

    def reserve(self, size: int) -> None:
        """See `Outbox`."""
        self._connection.reserve(size)

    def answer(self, frame: bytes) -> None:
        """See `Outbox`."""
        self._connection.answer(frame, self)

    def offer(self, batch: FrameBatch) -> None:
        """See `Outbox`."""
        self._connection.offer(batch, self)

    def catch_up(self) -> bool:
        """See `send_queue.Lane`."""
        if caught_up := self.refill():
            self.is_owed = False
        return caught_up

    def close(self, error: SyncError) -> None:
        """See `Outbox`."""
        self._connection.close(error)


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
