"""A span for every request to the API, with OpenTelemetry's attributes for HTTP servers.

Of the address only the path is recorded, since a query may contain a token. The middleware of the
API (`app/api/core/middleware.py`) adds the route, the user and the pipeline to the current span.
Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import get_contextvars

from . import spans

UNTRACED_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are polled: spans of them would hide the others."""

STREAM: Final = "text/event-stream"


class RequestSpans:
    """ASGI middleware that starts a span per request, in the trace that the request names.

    The request names it as W3C Trace Context (https://www.w3.org/TR/trace-context/).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http" or scope["path"] in UNTRACED_PATHS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with spans.span(scope["method"], _attributes(scope), headers) as span:

            async def send_recorded(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _record(span, message["status"], Headers(raw=message["headers"]))
                await send(message)

            await self._app(scope, receive, send_recorded)


def _attributes(scope: Scope) -> Mapping[str, str]:
    return {
        "http.request.method": scope["method"],
        "url.path": scope["path"],
        "pipeloom.request_id": get_contextvars().get("request_id", ""),
    }


def _record(span: spans.Span, status: int, headers: Headers) -> None:
    span.set_attributes({"http.response.status_code": status})
    if status >= 500:
        span.fail(str(status))
    if headers.get("content-type", "").startswith(STREAM):
        # The stream of events lasts as long as its client listens, which is no measure of anything.
        span.end()
