"""Carries the frames of one socket without a task of its own, for as long as nothing is awaited.

A connection that only looks on would otherwise keep the chain of calls through which it came in,
three tasks and their events for hours: most of its memory. Here it is a few objects that are called
when something comes; a task reads while something must be done before the next frame, and another
one writes while the socket takes less than there is for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from typing import Any, Final, Protocol, TypeAlias

from crdt.errors import ProtocolError, SyncError

CLOSE_SECONDS = 5.0
"""How long a client may take to answer a close frame, or to make room for one."""

Event: TypeAlias = dict[str, Any]

HELD: Final = "pipeloom.held"
"""The key of an event that stands for a message which was handed over: what is to be awaited."""

DISCONNECT: Final = "websocket.disconnect"


class LastingSocket(Protocol):
    """A WebSocket that outlives the call of the application."""

    def stay(self, on_event: Callable[[Event], None]) -> None:
        """Hand over every event, beginning with those that wait, and close no more by itself."""
        ...

    def read_on(self) -> None:
        """Read again after an event of `HELD`."""
        ...

    async def send_frame(self, frame: bytes) -> None:
        """Send a binary message once there is room for it. Raises OSError for who is gone."""
        ...

    async def send_close(self, code: int, reason: str) -> None:
        """Send a close frame behind it all. Raises OSError for who is gone."""
        ...

    def hang_up(self) -> None:
        """Close without another word."""
        ...


class Attended(Protocol):
    """What an attendant does its work for."""

    @property
    def error(self) -> SyncError | None:
        """Why the connection is being closed."""
        ...

    def close(self, error: SyncError) -> None:
        """Begin to close it."""
        ...

    async def finish(self, held: Any) -> None:
        """Do what must come before the next frame. Raises SyncError, or whatever was raised."""
        ...

    async def send_next(self, send: Callable[[bytes], Awaitable[None]]) -> bool:
        """Send one frame; return False if none waits."""
        ...


class Attendant:
    """Attends to one connection until it ends, then calls `on_end`.

    `on_failure` receives what is no fault of the client's.
    """

    __slots__ = (
        *("_connection", "_socket", "_on_failure", "_on_end", "_context"),
        *("_events", "_reader", "_writer", "_deadline", "_is_gone", "_is_over"),
    )

    def __init__(
        self,
        socket: LastingSocket,
        connection: Attended,
        on_failure: Callable[[Exception], None],
        on_end: Callable[[], None],
    ) -> None:
        self._socket, self._connection = socket, connection
        self._on_failure, self._on_end = on_failure, on_end
        # Its lines in the log name the connection and the user, whoever causes them.
        self._context = copy_context()
        self._events: list[Event] = []
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_gone = self._is_over = False

    def begin(self) -> None:
        """Take over from whoever has attended so far."""
        self._socket.stay(self._receive)
        self.write_soon()

    def write_soon(self) -> None:
        """Send what waits, and close if that is due."""
        if self._writer is None and not self._is_over:
            self._writer = self._start(self._write())

    def expect_end(self) -> None:
        """Wait for the end no longer than `CLOSE_SECONDS`."""
        if self._deadline is None and not self._is_over:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(CLOSE_SECONDS, self._give_up)

    def _start(self, job: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        return asyncio.get_running_loop().create_task(job, context=self._context)

    def _receive(self, event: Event) -> None:
        if event["type"] == DISCONNECT:
            self._is_gone = True
            # What a client sent before it went away is still read.
            if self._reader is None:
                self._end_soon()
            return
        self._events.append(event)
        if self._reader is None:
            self._reader = self._start(self._read())

    async def _read(self) -> None:
        connection = self._connection
        try:
            while self._events and connection.error is None:
                await connection.finish(_held(self._events.pop(0)))
                self._socket.read_on()
        except SyncError as error:
            connection.close(error)
        except Exception as error:
            self._on_failure(error)
        finally:
            self._reader = None
            if self._is_gone:
                self._end_soon()

    async def _write(self) -> None:
        connection, socket = self._connection, self._socket
        try:
            while await connection.send_next(socket.send_frame):
                pass
            if connection.error is not None:
                await socket.send_close(connection.error.close_code, connection.error.reason)
        except OSError:
            # The client has gone: that event comes by itself.
            pass
        except Exception as error:
            self._on_failure(error)
            socket.hang_up()
        finally:
            self._writer = None

    def _give_up(self) -> None:
        self._socket.hang_up()
        self._end()

    def _end_soon(self) -> None:
        # Not at once: the event may come in the middle of what a task of this connection does.
        asyncio.get_running_loop().call_soon(self._end, context=self._context)

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        for task in (self._reader, self._writer):
            if task is not None:
                task.cancel()
        if self._deadline is not None:
            self._deadline.cancel()
        self._on_end()


def _held(event: Event) -> Any:
    if HELD in event:
        return event[HELD]
    return ProtocolError("expected a binary frame, got a text frame")
