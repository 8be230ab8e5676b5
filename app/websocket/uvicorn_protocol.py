"""uvicorn's WebSocket protocol, with five manners it lacks and a short way in and out.

A room delivers each edit to everybody in it, so what a delivery costs is what the server costs.
Through Starlette, uvicorn and a task per connection that is three times what the rest of it takes;
an ASGI extension takes frames at once instead, as long as the socket does. The same extension hands
over what comes in, without a queue and a switch of tasks for each message.
"""

import asyncio
from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from logging import getLogger
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

from uvicorn import Config
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import OPEN

from app.unsent import limit_unsent

from .attendant import HELD, Event
from .events import EventSink, SlimEvent
from .frame_boundaries import FrameBoundaries
from .read_away import ReadAwayProtocol
from .sweep import Sweep

WRITE: Final = "pipeloom.write"
"""The ASGI extension; its `frames` sends whole, unmasked frames, or returns False."""

READ: Final = "pipeloom.read"
"""The ASGI extension; its `messages` hands messages over as they come, see `read_messages`."""

STAY: Final = "pipeloom.stay"
"""The ASGI extension; its `socket` outlives the call of the application, see `LastingSocket`."""

Take: TypeAlias = Callable[[bytes], object | None]
"""Takes a message; returns None if the next one may come, and otherwise what must come first."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Answers requests it cannot read, keeps little in the kernel, and is patient while it reads.

    uvicorn leaves connections open, unanswered, whose request lines are longer than 8 KiB; and it
    takes a client for dead whose pong stands behind frames that it reads slowly on purpose.
    """

    _has_received = False
    _is_full = False
    """Whether the transport has more to send than it likes."""
    _sweep: "Sweep[WebSocketProtocol] | None" = None
    _take: Take | None = None
    _is_held = _is_fetched = False
    """Whether nothing is read before the application has done something; whether it does that."""
    _call: TimerHandle | None = None
    """Stands for the timer of a close while the call ends that this socket outlives."""
    _was_closing = False
    """Whether the socket was closing already when it was last looked at."""
    when_lost: Callable[[], None] | None = None
    """Called when the connection has ended, by whichever side."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = ReadAwayProtocol(
            max_size=self.config.ws_max_size, logger=getLogger("uvicorn.error")
        )
        self._boundaries: FrameBoundaries | None = FrameBoundaries(self.config.ws_max_size)
        self._waiting = self.queue
        self.writable = SlimEvent()
        self.writable.set()

    def handle_connect(self, event: Request) -> None:
        """See uvicorn."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions = self.scope["extensions"] or {}
            self.scope["extensions"] = {
                **extensions,
                WRITE: {"frames": self.write_frames},
                READ: {"messages": self.read_messages},
                STAY: {"socket": self},
            }

    def write_frames(self, frames: bytes) -> bool:
        """Send whole messages at once; False if the socket cannot take them now.

        Bypasses `ServerProtocol`, which keeps nothing of a whole message that is not compressed.
        """
        # What `is_open` says, without asking for it: this is done for each delivery.
        if (
            self._is_full
            or self.close_sent
            or self.disconnected
            or not self.handshake_complete
            or self.transport.is_closing()
        ):
            return False
        self.transport.write(frames)
        return True

    def pause_writing(self) -> None:
        """See uvicorn."""
        super().pause_writing()
        self._is_full = True

    def resume_writing(self) -> None:
        """See uvicorn."""
        super().resume_writing()
        self._is_full = False

    async def send(self, message: ASGISendEvent) -> None:
        """See uvicorn; raises ClientDisconnected once uvicorn itself has closed the WebSocket.

        uvicorn closes it without asking the application, such as for a frame that is too large. It
        raises a plain RuntimeError then, which nobody can tell from a bug.
        """
        try:
            await super().send(message)
        except RuntimeError as error:
            if self.close_sent:
                raise ClientDisconnected from error
            raise
        if self.close_sent and self._boundaries is not None:
            # The answer to the close frame may have come with what nobody wants any more, or is
            # still to come: what was held would keep it from being read, and the socket open.
            self._is_held = False
            self._read_rest(self._boundaries)

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent: after the handshake and before any close."""
        closing = self.close_sent or self.disconnected or self.transport.is_closing()
        return self.handshake_complete and not closing

    def connection_made(self, transport: BaseTransport) -> None:
        """See uvicorn."""
        super().connection_made(transport)
        limit_unsent(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    async def run_asgi(self) -> None:
        """See uvicorn, which closes the socket behind the call unless it is closing already."""
        await super().run_asgi()
        if self._call is not None and self.close_timer is self._call:
            self.close_timer = None
        self._call = None

    def stay(self, on_event: Callable[[Event], None]) -> None:
        """See `LastingSocket`."""
        waiting, self.queue = self.queue, cast("Any", EventSink(on_event))
        self._call = self.loop.call_later(self.close_timeout, self.transport.close)
        self._call.cancel()
        if self.close_timer is None:
            self.close_timer = self._call
        # What was asked for in the handshake, and what it was answered.
        for name in ("scope", "request", "response"):
            vars(self).pop(name, None)
        self._waiting = waiting
        self._sort_waiting()

    def _sort_waiting(self) -> None:
        """Hand over the events that came before anybody stayed, but for messages."""
        waiting = self._waiting
        for _ in range(waiting.qsize()):
            event = waiting.get_nowait()
            (waiting if "bytes" in event and HELD not in event else self.queue).put_nowait(event)
        if waiting.empty():
            self._waiting = _NO_EVENTS

    def read_on(self) -> None:
        """See `LastingSocket`."""
        if self._is_held:
            self._go_on()

    async def send_frame(self, frame: bytes) -> None:
        """See `LastingSocket`."""
        await self.send({"type": "websocket.send", "bytes": frame})

    async def send_close(self, code: int, reason: str) -> None:
        """See `LastingSocket`."""
        await self.send({"type": "websocket.close", "code": code, "reason": reason})

    def hang_up(self) -> None:
        """See `LastingSocket`."""
        self.transport.close()

    def read_messages(self, take: Take) -> None:
        """Hand every message over to `take` as it comes, beginning with those that wait.

        What `take` returns goes to the application in an event (`HELD`), and nothing more is read
        until the application asks for another event. A text message goes to it as ever.
        """
        self._take = take
        self._go_on()

    def _hand_over_waiting(self) -> None:
        """Hand over what came before anybody wanted it, until something is to be awaited."""
        waiting = self._waiting
        for _ in range(waiting.qsize()):
            event = waiting.get_nowait()
            data = event.get("bytes")
            if self._is_held or not isinstance(data, bytes):
                waiting.put_nowait(event)
            else:
                self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        if self._take is not None and (held := self._take(data)) is not None:
            event = {"type": "websocket.receive", HELD: held}
            self._hold(cast("ASGIReceiveEvent", event))

    def _hold(self, event: ASGIReceiveEvent) -> None:
        self._is_held, self._is_fetched = True, False
        self.queue.put_nowait(event)
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()

    async def receive(self) -> ASGIReceiveEvent:
        """See uvicorn."""
        if self._take is None:
            return await super().receive()
        if self._is_held and self._is_fetched:
            self._go_on()
        event = await self.queue.get()
        self._is_fetched = self._is_held
        return event

    def _go_on(self) -> None:
        """Hand over what waits, and read on unless there is something to be done first again."""
        self._is_held = False
        self._hand_over_waiting()
        self._cut()
        if self.read_paused and not self._is_held:
            self.read_paused = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """See uvicorn."""
        self._has_received = True
        boundaries = self._boundaries
        if boundaries is None or not self.handshake_complete:
            self._read_handshake(data)
        elif self._hands_over and (message := boundaries.whole(data)) is not None:
            self._hand_over(message)
        else:
            boundaries.add(data)
            if not self._is_held:
                self._cut()

    @property
    def _hands_over(self) -> bool:
        """Whether a message is handed over as soon as it is here, as `_cut` would."""
        if self._take is None or self._is_held or self.close_sent:
            return False
        return self.conn.state is OPEN and self.conn.current_size is None

    def _read_handshake(self, data: bytes) -> None:
        if self.handshake_initiated:
            # A client must wait for the answer (RFC 6455 §4.1). Of one that does not, nobody knows
            # where its frames begin.
            self._boundaries = None
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self._refuse()

    def _cut(self) -> None:
        """Take what has come frame by frame: plain messages at once, the rest by the library."""
        boundaries = self._boundaries
        while boundaries is not None and not self._is_held:
            if self.close_sent or self.conn.state is not OPEN:
                return self._read_rest(boundaries)
            within = self.conn.current_size is not None
            if (piece := boundaries.next(within_message=within)) is None:
                return None
            is_message, data = piece
            if not is_message:
                super().data_received(data)
            elif self._take is not None:
                self._hand_over(data)
            else:
                self._queue_message(data)
        return None

    def _read_rest(self, boundaries: FrameBoundaries) -> None:
        """Have the library read on: of a WebSocket that closes only the close frame matters."""
        if rest := boundaries.rest():
            super().data_received(rest)

    def _queue_message(self, data: bytes) -> None:
        self.curr_msg_data_type, self.frames = "bytes", [data]
        super().send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """See uvicorn: a message is whole that the library has read."""
        if self._take is None or self.close_sent:
            super().send_receive_event_to_app()
        elif self.curr_msg_data_type == "text":
            super().send_receive_event_to_app()
            self._is_held, self._is_fetched = True, False
        else:
            frames, self.frames = self.frames, []
            self._hand_over(frames[0] if len(frames) == 1 else b"".join(frames))

    def _refuse(self) -> None:
        answer = b"".join(self.conn.data_to_send())
        self.handshake_initiated = self.close_sent = True
        self.transport.write(answer or BAD_REQUEST)
        self.transport.close()

    def handle_parser_exception(self) -> None:
        """See uvicorn, which closes the socket at once.

        That would reset it under a client that still sends, which would never receive the close
        frame (`read_away.py`). So the server closes its own direction, and reads on for a while.
        """
        close = self.conn.close_sent
        code, reason = (close.code, close.reason) if close else (ABNORMAL, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.close)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def start_keepalive(self) -> None:
        """See uvicorn, which has a timer or two for each client."""
        if self.ping_interval:
            self._sweep = _sweeps.setdefault(self.config, Sweep(self.ping_interval, _ping))
            self._sweep.add(self)

    def stop_keepalive(self) -> None:
        """See uvicorn."""
        if self._sweep is not None:
            self._sweep.discard(self)

    def ping_if_silent(self) -> None:
        """Ping a client that has sent nothing since the last look; close it if it was pinged then.

        So a line that broke is closed within three intervals, and who speaks is never pinged. A
        socket is cut off that was closing at the last look, and still is: its client takes nothing,
        and what is left for it would keep the file open for as long as the client likes.
        """
        if self.transport.is_closing():
            if self._was_closing:
                self.transport.abort()
            self._was_closing = True
        elif self._has_received or self.read_paused or not self.is_open:
            self._has_received, self.pending_ping_payload = False, None
        elif self.pending_ping_payload is not None:
            self.keepalive_timeout()
        else:
            self.pending_ping_payload = PING
            self.conn.send_ping(PING)
            self.transport.write(b"".join(self.conn.data_to_send()))


def _ping(protocol: WebSocketProtocol) -> None:
    protocol.ping_if_silent()


_sweeps: Final[WeakKeyDictionary[Config, Sweep[WebSocketProtocol]]] = WeakKeyDictionary()
"""One for each server of this process, which its configuration stands for."""

_NO_EVENTS: Final["asyncio.Queue[ASGIReceiveEvent]"] = asyncio.Queue()
"""Of every socket for which nothing waited when somebody stayed with it."""

PING: Final = b"loom"
"""What a ping carries, up to 125 bytes (RFC 6455 §5.5); a pong brings it back."""

ABNORMAL: Final = 1006
"""The code of an end without a close frame (RFC 6455 §7.1.5)."""

BAD_REQUEST: Final = (
    f"HTTP/1.1 {HTTPStatus.BAD_REQUEST} {HTTPStatus.BAD_REQUEST.phrase}\r\n"
    "Connection: close\r\nContent-Length: 0\r\n\r\n"
).encode()
