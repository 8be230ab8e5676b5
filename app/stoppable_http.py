"""uvicorn's HTTP protocol, for servers that clients who do not read neither harm nor keep running.

uvicorn copies a body that is sent as a whole into memory, and keeps it until it is read, for ever
if need be. Here a large body goes out in parts, so that `send` returns when nearly all of it is
taken, and a client that reads nothing for a while loses its connection.

At the end uvicorn waits for all answers, those included that nobody reads, and then cancels them,
with a traceback for each. Here a client that does not read loses its connection before that, and
what is cancelled all the same ends without a word.
"""

import asyncio
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .http import problem
from .unsent import limit_unsent

UNREAD_SECONDS: Final = 0.5
"""How long clients may take, when the server stops, to read what was written to them."""

STALLED_SECONDS: Final = 30.0
"""How long clients may read nothing of an answer that is whole, and in memory until it is read."""

PART_BYTES: Final = 64 * 1024
"""How much of a body is written at once: as much as uvicorn writes before it waits."""

STOPPING: Final = problem(
    503, "draining", "server is restarting: ask again", headers={"Retry-After": "1"}
)


class StoppableHttp(H11Protocol):
    """See the module."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app = self._quiet(self.app)
        self._watching: asyncio.TimerHandle | None = None
        self._sends_parts = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See uvicorn; an answer that nobody reads is not made for the kernel to keep."""
        super().connection_made(transport)
        limit_unsent(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See uvicorn."""
        self._watch_no_more()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """See uvicorn; a WebSocket sees by itself whether it is read."""
        self._watch_no_more()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """See uvicorn; from now on it is watched whether the answer is read."""
        super().on_response_complete()
        self._watch_anew()

    def _watch_anew(self) -> None:
        self._watch_no_more()
        self._watch()

    def _watch(self) -> None:
        if unread := self.transport.get_write_buffer_size():
            self._watching = self.loop.call_later(STALLED_SECONDS, self._end_if_stalled, unread)

    def _watch_no_more(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def _end_if_stalled(self, unread: int) -> None:
        # What was written of the next answer would pass for what is left of the one before.
        # Of parts each that is written begins a watch of its own.
        is_whole = self._sends_parts or self.cycle is None or self.cycle.response_complete
        if is_whole and self.transport.get_write_buffer_size() >= unread:
            self.transport.abort()
        else:
            self._watch()

    def shutdown(self) -> None:
        """See uvicorn; who has not read what is there a moment later is cut off."""
        super().shutdown()
        self.loop.call_later(UNREAD_SECONDS, self._cut_off_if_unread)

    def _cut_off_if_unread(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _quiet(self, app: ASGIApp) -> ASGIApp:
        """Answer with 503 what uvicorn cancels, or break off an answer that has begun."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            # An application may go on after its answer, while the next request runs.
            cycle = self.cycle
            try:
                await app(scope, receive, self._in_parts(send))
            except asyncio.CancelledError:
                if not cycle.response_started:
                    await STOPPING(scope, receive, send)
                elif not cycle.response_complete:
                    self.transport.abort()
                    # uvicorn learns of that in the next turn of the loop, and would complain now.
                    cycle.disconnected = True

        return answer

    def _in_parts(self, send: Send) -> Send:
        """Return a `send` that returns when all but the last parts of a body are taken."""

        async def send_in_parts(message: Message) -> None:
            if len(message.get("body", b"")) <= PART_BYTES:
                await send(message)
                return
            self._sends_parts = True
            try:
                await self._send_parts(message, send)
            finally:
                self._sends_parts = False

        return send_in_parts

    async def _send_parts(self, message: Message, send: Send) -> None:
        body, has_more = message["body"], message.get("more_body", False)
        for end in range(PART_BYTES, len(body) + PART_BYTES, PART_BYTES):
            if self.transport.is_closing():
                return
            part, is_last = body[end - PART_BYTES : end], end >= len(body)
            await send({**message, "body": part, "more_body": has_more or not is_last})
            if not is_last:
                self._watch_anew()
