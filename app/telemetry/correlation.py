"""A name for every request, in its answer and in every line of the log about it."""

import re
from secrets import token_hex
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

HEADER: Final = "X-Request-ID"

_SANE: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class Correlation:
    """ASGI middleware: takes the request's name from the proxy, or gives it one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        clear_contextvars()
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get(HEADER, ""))
        bind_contextvars(request_id=request_id)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, named)


def _request_id(given: str) -> str:
    return given if _SANE.fullmatch(given) else token_hex(8)
