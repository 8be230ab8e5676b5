"""uvicorn's WebSocket protocol, with four manners it lacks and a short way out.

A room delivers each edit to everybody in it, so what a delivery costs is what the server costs.
Through Starlette, uvicorn and a task per connection that is three times what the rest of it takes;
an ASGI extension takes frames at once instead, as long as the socket does.
"""

import sys
from asyncio import BaseTransport
from collections.abc import Callable
from http import HTTPStatus
from logging import getLogger
from socket import IPPROTO_TCP
from typing import Any, Final

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from .read_away import ReadAwayProtocol

TCP_NOTSENT_LOWAT: Final = 25
"""linux/tcp.h; Python names it on other systems only."""

UNSENT_BYTES: Final = 64 * 1024
"""What the kernel may hold for a client beyond what is on its way to it.

Without a limit the kernel takes 4 MB for each client that does not read.
"""


WRITE: Final = "pipeloom.write"
"""The ASGI extension; its `frames` sends whole, unmasked frames, or returns False."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Answers requests it cannot read, keeps little in the kernel, and is patient while it reads.

    uvicorn leaves connections open, unanswered, whose request lines are longer than 8 KiB; and it
    takes a client for dead whose pong stands behind frames that it reads slowly on purpose.
    """

    _has_received = False
    when_lost: Callable[[], None] | None = None
    """Called when the connection has ended, by whichever side."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = ReadAwayProtocol(
            max_size=self.config.ws_max_size, logger=getLogger("uvicorn.error")
        )

    def handle_connect(self, event: Request) -> None:
        """See uvicorn."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions = self.scope["extensions"] or {}
            self.scope["extensions"] = {**extensions, WRITE: {"frames": self.write_frames}}

    def write_frames(self, frames: bytes) -> bool:
        """Send whole messages at once; False if the socket cannot take them now.

        Bypasses `ServerProtocol`, which keeps nothing of a whole message that is not compressed.
        """
        if not self.writable.is_set() or not self.is_open:
            return False
        self.transport.write(frames)
        return True

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

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent: after the handshake and before any close."""
        closing = self.close_sent or self.disconnected or self.transport.is_closing()
        return self.handshake_complete and not closing

    def connection_made(self, transport: BaseTransport) -> None:
        """See uvicorn."""
        super().connection_made(transport)
        _keep_little(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    def data_received(self, data: bytes) -> None:
        """See uvicorn."""
        self._has_received = True
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            self._refuse()

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

    def send_keepalive_ping(self) -> None:
        """See uvicorn."""
        self._has_received = False
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """See uvicorn."""
        if self._has_received or self.read_paused:
            self.pong_timer = self.pending_ping_payload = None
            self.schedule_ping()
        else:
            super().keepalive_timeout()


ABNORMAL: Final = 1006
"""The code of an end without a close frame (RFC 6455 §7.1.5)."""

BAD_REQUEST: Final = (
    f"HTTP/1.1 {HTTPStatus.BAD_REQUEST} {HTTPStatus.BAD_REQUEST.phrase}\r\n"
    "Connection: close\r\nContent-Length: 0\r\n\r\n"
).encode()


def _keep_little(transport: BaseTransport) -> None:
    socket = transport.get_extra_info("socket")
    if socket is not None and sys.platform == "linux":
        socket.setsockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES)
