"""A span for every request to the API: what was asked, by whom, about what, and the answer.

Of the address only the path is told: in a query a token may stand. Whoever knows more while the
request is served notes it in the current span (`app/api/core/middleware.py`).
"""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import get_contextvars

from . import spans

UNSEEN: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that machines ask for all the time."""

STREAM: Final = "text/event-stream"


class RequestSpans:
    """ASGI middleware: continues the trace that a request names (W3C Trace Context)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http" or scope["path"] in UNSEEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with spans.span(scope["method"], _about(scope), headers) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note(span, message["status"], Headers(raw=message["headers"]))
                await send(message)

            await self._app(scope, receive, noted)


def _about(scope: Scope) -> Mapping[str, str]:
    return {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "pipeloom.request_id": get_contextvars().get("request_id", ""),
    }


def _note(span: spans.Span, status: int, headers: Headers) -> None:
    span.note({"http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
    if headers.get("content-type", "").startswith(STREAM):
        # It lasts as long as its listener does.
        span.end()
