"""An id for every request, in its response and in every log line about it."""

import re
from secrets import token_hex
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

HEADER: Final = "X-Request-ID"

# Anything else could forge lines of the log.
_VALID_ID: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class Correlation:
    """ASGI middleware that takes the request's id from the header X-Request-ID, or makes one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        # A keep-alive connection serves many requests in one context.
        clear_contextvars()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get(HEADER, ""))
        bind_contextvars(request_id=request_id)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)


def _request_id(given: str) -> str:
    return given if _VALID_ID.fullmatch(given) else token_hex(8)
