"""A line of the log for every request and WebSocket, without anything that lets somebody in.

Of the address it has the path alone, since a query may contain a token or a ticket, and of the path
no part that may be one. No header is logged.
"""

import re
import time
from typing import Final
from uuid import UUID

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNLOGGED_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are polled."""

LONGEST_WORD: Final = 24
"""Characters of a part of a path that is no id: a secret is longer."""

_WORDS: Final = re.compile(r"[\w.-]*", re.ASCII)

_logger = structlog.get_logger(__name__)


class AccessLog:
    """ASGI middleware that logs a request when its answer has ended, a WebSocket when it opens."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in UNLOGGED_PATHS:
            await self._app(scope, receive, send)
            return
        request = _Request(scope)

        async def send_logged(message: Message) -> None:
            request.note(message)
            await send(message)

        await self._app(scope, receive, send_logged)


class _Request:
    def __init__(self, scope: Scope) -> None:
        self._scope, self._began, self._bytes, self._status = scope, time.monotonic(), 0, 0

    def note(self, message: Message) -> None:
        """Log when this message says how the request went."""
        match message["type"]:
            case "http.response.start":
                self._status = message["status"]
            case "http.response.body":
                self._bytes += len(message.get("body", b""))
                if not message.get("more_body", False):
                    self._log(self._scope["method"], self._status)
            case "websocket.accept":
                self._log("WEBSOCKET", 101)
            case "websocket.close" | "websocket.http.response.start" if self._status == 0:
                self._log("WEBSOCKET", message.get("status", 403))

    def _log(self, method: str, status: int) -> None:
        self._status = status
        client = self._scope.get("client")
        _logger.info(
            "request.answered",
            method=method,
            path=safe_path(self._scope["path"]),
            status=status,
            bytes=self._bytes,
            ms=round((time.monotonic() - self._began) * 1000, 1),
            client=client[0] if client else "-",
        )


def safe_path(path: str) -> str:
    """The path, with an ellipsis for each part that may be a secret."""
    return "/".join(part if _is_harmless(part) else "…" for part in path.split("/"))


def _is_harmless(part: str) -> bool:
    try:
        return str(UUID(part)) == part.lower()
    except ValueError:
        return len(part) <= LONGEST_WORD and _WORDS.fullmatch(part) is not None
