"""Cross-origin requests (Fetch Standard, CORS protocol): which pages may read the answers."""

from collections.abc import Collection
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.origins import Origins

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
TAKEN: Final = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
)
"""Headers that a page may send."""


class Cors:
    """ASGI middleware that lets in the pages that may open WebSockets here, and no others."""

    def __init__(self, app: ASGIApp, origins: Origins, exposed: Collection[str]) -> None:
        self._app, self._origins = app, origins
        self._allowing = CORSMiddleware(
            app,
            # `Origins` decides, since that depends on the host; this one writes the headers.
            allow_origin_regex=".*",
            allow_methods=METHODS,
            allow_headers=TAKEN,
            expose_headers=list(exposed),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        may_read = origin is not None and self._origins.allow(origin, headers.get("host", ""))
        app = self._allowing if may_read else self._app
        await app(scope, receive, _varying(send))


def _varying(send: Send) -> Send:
    """Mark each answer as one that depends on the origin (RFC 9110 §12.5.5).

    Else a browser could give the cached answer of one page to another, which may not read it.
    """

    async def mark(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if "origin" not in headers.get("vary", "").lower():
                headers.add_vary_header("Origin")
        await send(message)

    return mark
