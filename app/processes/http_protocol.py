"""uvicorn's HTTP protocol, with a deadline for the head of each request and a limit of sockets.

uvicorn waits for ever for the first request of a connection, and for the rest of a later one. It
ends a connection that is idle after a response, so this is about the time from accepting a socket,
or from the first byte of a request, until the head is whole. What follows the head has limits of
its own: a body in `app/api/core/request_body.py`, a WebSocket in `app/websocket`.
"""

import asyncio
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.hosts import PROBES
from app.http import problem
from app.stoppable_http import StoppableHttp
from app.telemetry.metrics import reject
from app.websocket.uvicorn_protocol import WebSocketProtocol

from .sockets import Socket, Sockets

CLOSE: Final = {"Connection": "close", "Retry-After": "10"}


class HttpProtocol(StoppableHttp):
    """See the module. `head_seconds` may pass until a head is whole."""

    def __init__(self, *args: Any, sockets: Sockets, head_seconds: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sockets, self._head_seconds = sockets, head_seconds
        self._socket: Socket | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See uvicorn."""
        super().connection_made(transport)
        self._socket = self._sockets.accept(self.client[0] if self.client else "")
        if self._socket is None:
            transport.abort()
            return
        if self._socket.is_surplus:
            self.app = answer_probes_alone(self.app)
            self.ws_protocol_class = None
        self._begin_head()

    def data_received(self, data: bytes) -> None:
        """See uvicorn."""
        if self._deadline is None and not self._is_answering():
            self._begin_head()
        super().data_received(data)
        if self._is_answering():
            self._end_head()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """See uvicorn; the socket is the WebSocket's from now on."""
        self._end_head()
        socket, self._socket = self._socket, None
        super().handle_websocket_upgrade(event)
        protocol = self.transport.get_protocol()
        if socket is not None and isinstance(protocol, WebSocketProtocol):
            protocol.when_lost = lambda: self._sockets.close(socket)

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        self._end_head()
        if self._socket is not None:
            self._sockets.close(self._socket)
            self._socket = None
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        """Whether a request has come that is not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def _begin_head(self) -> None:
        self._deadline = self.loop.call_later(self._head_seconds, self._give_up)

    def _end_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        reject("head_too_slow")
        self.transport.abort()


def answer_probes_alone(app: ASGIApp) -> ASGIApp:
    """Answer only who asks how the server is; refuse everything else with 503."""

    refusal = problem(503, "overloaded", "too many connections: try again later", headers=CLOSE)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = app if scope["path"] in PROBES else refusal
        await chosen(scope, receive, send)

    return answer
