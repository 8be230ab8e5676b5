"""What every request to the API passes before a resource handles it, in this order:

1. The token, or the ticket of a stream (`callers.py`), or the link of a guest (`guests.py`), is
   checked. Without a good one every request
   is refused in the same way, whatever its path, so that a stranger learns nothing about which
   paths exist.
2. The caller's rate limit counts the request. It needs to know the caller, so it follows the token;
   it precedes the body, so that a caller beyond the limit cannot make the server read anything.
3. The body is read, and its limits are checked while it arrives (`request_body.py`).
4. A JSON body is checked against what a row can hold (`json_body.py`), one with many values in a
   process of its own.

The answer of the resource counts until it is read, if it is large (`unread_answers.py`).

A path that is open to strangers passes none of this, and no body is read for it.

HEAD is answered as GET without its content (RFC 9110 §9.3.2).
"""

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.auth.tokens import Claims
from app.compute_queue import ComputeQueue
from app.telemetry import spans
from crdt.errors import PipeloomError

from . import json_body
from .callers import Callers
from .error_responses import problem_response
from .guests import OF_GUESTS, Guests
from .problems import Invalid
from .rate_limit import RateLimit
from .request_body import BodyReader
from .unread_answers import UnreadAnswers

_logger = structlog.get_logger(__name__)

OPEN_PATHS: Final = frozenset({"/openapi.json"})
"""Paths that hold no data: reachable without a token."""

SMALL_BODY: Final = 64 * 1024
"""Bytes of JSON that are read within a few milliseconds."""

CALLER: Final = "caller"
"""The name under which a request's state holds the claims of the token."""


class ApiMiddleware:
    """ASGI middleware around the API. `max_body` is in bytes; `compute` has long work done."""

    def __init__(
        self,
        app: ASGIApp,
        callers: Callers,
        rate: RateLimit,
        max_body: int,
        compute: ComputeQueue,
        *,
        guests: Guests,
    ) -> None:
        self._app, self._callers, self._rate = app, callers, rate
        self._guests = guests
        self._body_reader, self._compute = BodyReader(max_body), compute
        self._unread = UnreadAnswers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        scope = {**scope, "state": dict(scope.get("state", {}))}
        if scope["method"] == "HEAD":
            scope["method"], send = "GET", _without_content(send)
        try:
            headers = await self._check_caller(scope)
            if headers:
                send = _with_headers(send, headers)
            receive = await self._receive_body(scope, receive)
        except PipeloomError as refusal:
            await problem_response(refusal)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        try:
            await self._answer(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception as error:
            # The inner application has answered 500 and raised the error again. It ends here, since
            # the server around this would log it a second time.
            _logger.exception("api.unexpected_error", path=scope["path"], error=str(error))
        finally:
            _note_route(scope)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        claims: Claims | None = scope["state"].get(CALLER)
        if claims is None:
            await self._app(scope, receive, send)
            return
        with self._unread.counted(claims.user_id, scope, receive, send) as counted:
            await self._app(scope, receive, counted.send)

    async def _check_caller(self, scope: Scope) -> Mapping[str, str]:
        """Check token and rate limit, note the caller in the scope; return the limit's headers."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in OPEN_PATHS:
            return {}
        if (scope["method"], path) in OF_GUESTS:
            scope["state"][CALLER] = await self._guests.claims(scope, path)
            return {}
        claims = await self._callers.claims(scope)
        scope["state"][CALLER] = claims
        bind_contextvars(user_id=claims.user_id)
        spans.current_span().set_attributes({spans.USER: str(claims.user_id)})
        headers = self._rate.take(claims.user_id)
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            raise Invalid(("", "expected an address without NUL characters"))
        return headers

    async def _receive_body(self, scope: Scope, receive: Receive) -> Receive:
        """Read the whole body within its limits; return a `receive` that gives it once more."""
        claims: Claims | None = scope["state"].get(CALLER)
        body = b"" if claims is None else await self._read_body(claims.user_id, scope, receive)
        return _replaying({"type": "http.request", "body": body, "more_body": False}, receive)

    async def _read_body(self, user_id: UUID, scope: Scope, receive: Receive) -> bytes:
        headers = Headers(scope=scope)
        body = await self._body_reader.body(user_id, headers, receive)
        if body and _is_json(headers):
            await self._check_json(user_id, body)
        return body

    async def _check_json(self, user_id: UUID, body: bytes) -> None:
        """Check a body: one that is long in a thread, one that may have many values elsewhere.

        The parser keeps the interpreter for itself, a quarter of a second for a million values.
        """
        if json_body.may_have_too_many_values(body):
            await self._compute.run(user_id, json_body.check, body)
        elif len(body) <= SMALL_BODY:
            json_body.check(body)
        else:
            await asyncio.to_thread(json_body.check, body)


def _note_route(scope: Scope) -> None:
    """Note in the request's span what routing has found out."""
    route = scope.get("route")
    if not spans.is_traced() or not isinstance(route, Route):
        return
    path, span = scope.get("root_path", "") + route.path, spans.current_span()
    span.rename(f"{scope['method']} {path}")
    span.set_attributes({"http.route": path})
    if pipeline_id := scope.get("path_params", {}).get("pipeline_id"):
        span.set_attributes({spans.PIPELINE: str(pipeline_id)})


def _is_json(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _replaying(first: Message, receive: Receive) -> Receive:
    """A `receive` that returns a message that was received already, then the following ones."""
    waiting = [first]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return add


def _without_content(send: Send) -> Send:
    """Send the head of a response alone; one that streams is stopped, as it might never end."""

    async def strip(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if message.get("more_body"):
            raise ClientDisconnect

    return strip
