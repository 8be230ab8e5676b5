"""One WebSocket: frames in, a bounded queue out, one writer, one close.

The reader hands every frame on before it reads the next, and reads none while answers to earlier
ones take too much room. Where the server has the ASGI extension for it, frames are handed on as
they come off the socket, and the reader does only what must be awaited before the next one. There a
connection can also do without a reader and a writer of its own (`attendant.py`). Apart from the
short way of `SendQueue`, the writer alone sends.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

from starlette.types import Message
from starlette.websockets import (
    WebSocket,
    WebSocketDisconnect,
    WebSocketDisconnected,
    WebSocketState,
)

from app.tasks import in_background, raise_failure
from app.telemetry.metrics import counters, reject
from crdt.errors import MessageTooBig, ProtocolError, SyncError
from crdt.protocol.messages import KEEP_ALIVE
from crdt.protocol.messages import Message as SyncMessage

from .attendant import CLOSE_SECONDS, HELD, Attendant, LastingSocket
from .read_away import Beginning
from .send_queue import SendQueue, SessionOutbox, never_write
from .uvicorn_protocol import READ, STAY, WRITE, Take

CLIENT_IS_GONE: Final = (WebSocketDisconnect, WebSocketDisconnected)
"""What Starlette raises on sending to a client that has gone: the first where the server raises an
OSError (ASGI, "Disconnected Client"), the second once it has seen that or has sent a close."""


Pause: TypeAlias = float | Callable[[], Awaitable[float]]
"""For how many seconds to read nothing more, or what to do first and then returns that."""

Receive: TypeAlias = Callable[[bytes], Pause]
"""Takes a frame; returns what comes before the next one."""


class ClientConnection:
    """An accepted WebSocket. `keep_alive` is in seconds.

    y-websocket clients hang up after 30 s without a message, whatever pings say, so a silent
    connection gets a no-op message every `keep_alive` seconds. One that stays needs somebody who
    calls `keep_alive_if_silent` twice in that time.
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
        self.refuse_too_big: Callable[[bytes], None] = _refuse_too_big
        """Receives the beginning of a message that is too big; may raise SyncError."""
        self._websocket = websocket
        self._keep_alive = keep_alive
        extensions = websocket.scope.get("extensions") or {}
        self._lasting: LastingSocket | None = extensions.get(STAY, {}).get("socket")
        self._attendant: Attendant | None = None
        write = extensions.get(WRITE, {}).get("frames", never_write)
        self._hand_over: Callable[[Take], None] | None = extensions.get(READ, {}).get("messages")
        self._queue = SendQueue(outbox_bytes, write, self.close)
        self.error: SyncError | None = None
        """Why it is being closed."""
        self._closing: asyncio.Event | None = None
        self._writes_seen = self._writes_heard = 0

    @property
    def depth(self) -> int:
        """How many bytes wait for the client."""
        return self._queue.size

    def made_no_progress(self) -> bool:
        """Whether the client has taken nothing that waited since this was last called."""
        before, self._writes_seen = self._writes_seen, self._queue.writes
        return self._queue.size > 0 and before == self._queue.writes

    def outbox(self, encode: Callable[[SyncMessage], bytes]) -> SessionOutbox:
        """Make an outbox for one more session on this socket."""
        return SessionOutbox(self._queue, encode)

    def put(self, frame: bytes) -> None:
        """Send a frame that must arrive; a client too slow even for those is closed with 1013."""
        self._queue.put(frame)

    def close(self, error: SyncError) -> None:
        """Send what is queued, then close with the error's code and reason; the first one wins."""
        if self.error is None:
            self.error = error
            reject(error)
        self._queue.end()
        if self._attendant is not None:
            self._attendant.expect_end()
        if self._closing is not None:
            self._closing.set()

    def keep_alive_if_silent(self) -> None:
        """Send the no-op message if nothing was sent since this was last called."""
        before, self._writes_heard = self._writes_heard, self._queue.writes
        if before == self._queue.writes and self.error is None and not self._queue.size:
            self._keep_alive_now()

    def _keep_alive_now(self) -> None:
        if frame := self.encode(KEEP_ALIVE):
            self.put(frame)

    @property
    def can_stay(self) -> bool:
        """Whether the server has the ASGI extension for connections that outlive their call."""
        return self._lasting is not None

    def stay(
        self,
        receive: Receive,
        on_failure: Callable[[Exception], None],
        on_end: Callable[[], None],
    ) -> None:
        """Carry frames both ways from now on, and return at once; only if it `can_stay`.

        `on_end` is called when the client has left or was closed. `on_failure` receives what
        `run` would raise.
        """
        if self._lasting is None or self._hand_over is None:
            raise RuntimeError("expected a server with the ASGI extension")
        self._attendant = Attendant(self._lasting, self, on_failure, on_end)
        self._queue.when_waiting = self._attendant.write_soon
        self._hand_over(partial(self._take_now, receive))
        self._attendant.begin()
        if self.error is not None:
            self._attendant.expect_end()
        # With what they have of the request.
        del self._websocket
        self._lasting = self._hand_over = None

    async def run(self, receive: Receive) -> None:
        """Carry frames both ways until the client leaves or is closed.

        Raises what `receive` raises, unless that is a SyncError, which closes the connection; and
        what sending raises for any reason but that the client is gone.
        """
        self._closing = asyncio.Event()
        if self.error is not None:
            self._closing.set()
        jobs = self._read(receive), self._write(), self._closing.wait()
        async with in_background(*jobs) as tasks:
            reader, writer, closing = tasks
            # Not until the writer ends: what a client sent before it went away is still read.
            await asyncio.wait([reader, closing], return_when=asyncio.FIRST_COMPLETED)
            if self.error is not None:
                await asyncio.wait([writer], timeout=CLOSE_SECONDS)
        raise_failure(tasks)

    async def _read(self, receive: Receive) -> None:
        if self._hand_over is not None:
            self._hand_over(partial(self._take_now, receive))
        try:
            while self.error is None:
                event = await self._websocket.receive()
                held = event[HELD] if HELD in event else self._take(receive, _bytes_of(event))
                await self.finish(held)
        except WebSocketDisconnect:
            return
        except SyncError as error:
            self.close(error)

    def _take(self, receive: Receive, frame: bytes) -> Pause:
        counters.frames_in += 1
        counters.bytes_in += len(frame)
        if isinstance(frame, Beginning):
            self.refuse_too_big(frame)
            return 0.0
        return receive(frame)

    def _take_now(self, receive: Receive, frame: bytes) -> Pause | Exception | None:
        """Take a frame as it comes off the socket; return what the reader has to finish, if any."""
        queue = self._queue
        try:
            if self.error is not None:
                return 0.0
            held = self._take(receive, frame)
        except Exception as error:
            return error
        return None if held == 0.0 and queue.size + queue.reserved <= queue.limit else held

    async def finish(self, held: Pause | Exception) -> None:
        """Do what must come before the next frame. Raises what taking this one has raised."""
        if isinstance(held, Exception):
            raise held
        pause = await held() if callable(held) else held
        if pause:
            await asyncio.sleep(pause)
        await self._queue.room()

    async def _write(self) -> None:
        try:
            # A client that has gone is the reader's to notice.
            with suppress(*CLIENT_IS_GONE):
                while self._queue or self.error is None:
                    if not await self.send_next(self._websocket.send_bytes):
                        await self._wait()
            if self.error is not None:
                await close(self._websocket, self.error)
        except Exception:
            # Nobody else would notice: the client waits, and the reader for it.
            if self._closing is not None:
                self._closing.set()
            raise

    async def send_next(self, send: Callable[[bytes], Awaitable[None]]) -> bool:
        """Send one frame; return False if none waits."""
        if not self._queue:
            self._queue.catch_up()
        if not self._queue:
            return False
        frame = self._queue.pop()
        await send(frame)
        self._queue.sent(frame)
        return True

    async def _wait(self) -> None:
        """Wait for something to send; send the no-op message if nothing was sent for long."""
        writes = self._queue.writes
        try:
            async with asyncio.timeout(self._keep_alive):
                await self._queue.wait()
        except TimeoutError:
            if self._queue.writes == writes:
                self._keep_alive_now()


async def close(websocket: WebSocket, error: SyncError) -> None:
    """Close with an error's code and reason, unless the client is gone already."""
    if websocket.application_state is WebSocketState.CONNECTED:
        with suppress(*CLIENT_IS_GONE):
            await websocket.close(error.close_code, error.reason)


def _refuse_too_big(_beginning: bytes) -> None:
    raise MessageTooBig


def _bytes_of(event: Message) -> bytes:
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1005))
    frame = event.get("bytes")
    if not isinstance(frame, bytes):
        raise ProtocolError("expected a binary frame, got a text frame")
    return frame
