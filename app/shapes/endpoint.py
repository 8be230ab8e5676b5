"""`/v1/shape` and `/v1/health`: requests in, responses of an engine out."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, nullcontext
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from app.auth.tokens import Verifier
from app.http import CHALLENGE
from app.tasks import RETRY_SECONDS
from app.telemetry import metrics
from crdt.errors import Draining, Forbidden, Overloaded, PipeloomError, Unauthenticated
from persistence.errors import StoreUnavailable

from .answers import (
    Answer,
    Caller,
    DeletionNotAllowed,
    Engine,
    Interrupted,
    MustRefetch,
    Sent,
    TooManyShapes,
)
from .errors import InvalidShape
from .messages import MUST_REFETCH, PRIVATE, encoded
from .parameters import Definition, RequestLimits, parse_deletion, parse_request
from .turns import Turns

T = TypeVar("T")

BODY_SECONDS: Final = 10.0
"""How long a client may take to send a body."""

SEND_SECONDS: Final = 30.0
"""How long a client may take to read a part of an answer."""

ANSWERS_AT_ONCE: Final = 6
"""Answers that are made for one user and sent at once, apart from live ones: as many as browsers
keep connections (HTTP/1.1). Others of the user wait, so that nobody has large ones in memory by
asking for many of them and not reading."""

METHODS: Final = "GET, POST, DELETE, OPTIONS"
RETRY: Final[Mapping[str, str]] = {"retry-after": "1"}

_BUG: Final = "something went wrong here: it is in the server's log"

_logger = structlog.get_logger(__name__)


class ShapeEndpoint:
    """ASGI application for `/v1/shape`. A request ends when its client has gone.

    `admit` counts the requests of a user; it raises TooManyShapes if these come too fast.
    """

    def __init__(
        self,
        engine: Engine,
        tokens: Verifier,
        limits: RequestLimits,
        admit: Callable[[UUID], None] = lambda _: None,
    ) -> None:
        self._engine, self._tokens, self._limits = engine, tokens, limits
        self._admit = admit
        self._turns = Turns(ANSWERS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        try:
            begun = await _or_refusal(self._begin(scope, receive))
            if isinstance(begun, Answer):
                await _send_answer(begun, send)
            else:
                await _while_connected(self._respond(begun, send), receive)
        except (ClientDisconnect, Interrupted):
            # Without the end of the body the server breaks the connection, so that no client takes
            # what it has for the whole.
            return

    async def _begin(self, scope: Scope, receive: Receive) -> Caller | Answer:
        """Find out who asks, and then for what: the body of a stranger is not read."""
        method = scope["method"]
        if method == "OPTIONS":
            return Answer(204, {**PRIVATE, "allow": METHODS})
        if method not in METHODS.split(", "):
            return _message(405, f"expected one of {METHODS}", {"allow": METHODS})
        headers = Headers(scope=scope)
        claims = await self._tokens.verify(_bearer_token(headers))
        self._admit(claims.user_id)
        body = await self._body(receive) if method == "POST" else b""
        sent = Sent(method, scope["query_string"], body, headers)
        return Caller(claims.user_id, claims.expires_at, sent)

    async def _body(self, receive: Receive) -> bytes:
        """Read a body; what is longer than any may be is cut behind that length."""
        body = b""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while len(body) <= self._limits.body:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    body += message.get("body", b"")
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise InvalidShape({"body": ["came too slowly"]}) from None
        return body[: self._limits.body + 1]

    async def _respond(self, who: Caller, send: Send) -> None:
        work = await _or_refusal(self._work(who))
        if isinstance(work, Answer):
            await _send_answer(work, send)
            return
        answer, is_live = work
        # A live request waits, and what it sends is shared with all who wait for the same.
        async with nullcontext() if is_live else self._turns.of(who.user_id):
            await _send_answer(await _or_refusal(answer()), send)

    async def _work(self, who: Caller) -> tuple[Callable[[], Awaitable[Answer]], bool]:
        """Return what makes the answer, and whether that is a live one. Raises InvalidShape."""
        method, query, body = who.sent.method, who.sent.query, who.sent.body
        if method == "DELETE":
            deletion = parse_deletion(query, self._limits)
            return partial(self._drop, *deletion, who), False
        asked = parse_request(query, body if method == "POST" else None, self._limits)
        return partial(self._engine.answer, asked, who), asked.live

    async def _drop(self, definition: Definition, handle: str | None, who: Caller) -> Answer:
        await self._engine.drop(definition, handle, who)
        return Answer(202, PRIVATE)


async def _or_refusal(work: Awaitable[T]) -> T | Answer:
    """Return what the work returns, or the answer to what it raises."""
    try:
        return await work
    except PipeloomError as error:
        return _refusal(error)
    except ClientDisconnect:
        raise
    except Exception as error:
        _logger.exception("shapes.unexpected_error", error=str(error))
        return _message(500, _BUG)


class ShapeHealth:
    """ASGI application for `/v1/health`, which needs no token: 202 until shapes can be had."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        del receive
        if scope["method"] not in {"GET", "HEAD", "OPTIONS"}:
            await _send_answer(_message(405, "expected GET", {"allow": "GET"}), send)
            return
        status = "active" if self._engine.is_ready else "starting"
        answer = Answer(200 if status == "active" else 202, _JSON, encoded({"status": status}))
        await _send_answer(answer, send)


_JSON: Final[Mapping[str, str]] = {"content-type": "application/json", **PRIVATE}


def _message(
    status: int, text: str, headers: Mapping[str, str] | None = None, **members: Any
) -> Answer:
    """An answer in words, in the form that Electric's clients show."""
    return Answer(status, {**_JSON, **(headers or {})}, encoded({"message": text, **members}))


def _refusal(error: PipeloomError) -> Answer:
    """The answer to what cannot be done."""
    if isinstance(error, InvalidShape):
        return _message(400, "Invalid request", errors=error.errors)
    if isinstance(error, MustRefetch):
        metrics.SHAPE_REFETCHES.labels(error.reason).inc()
        handle = {} if error.handle is None else {"electric-handle": error.handle}
        return Answer(409, {**_JSON, **handle}, MUST_REFETCH)
    if isinstance(error, TooManyShapes):
        later = {"retry-after": str(error.retry_after)}
        return _message(429 if error.is_own else 503, str(error), later)
    if isinstance(error, StoreUnavailable):
        return _message(503, "the database is away: try again later", RETRY)
    found = ((status, more) for kind, status, more in _KINDS if isinstance(error, kind))
    if known := next(found, None):
        return _message(known[0], str(error), known[1])
    _logger.error("shapes.failed", error=str(error), kind=type(error).__name__)
    return _message(500, _BUG)


_KINDS: Final[Sequence[tuple[type[PipeloomError], int, Mapping[str, str]]]] = (
    (Unauthenticated, 401, CHALLENGE),
    (Forbidden, 403, {}),
    (DeletionNotAllowed, 404, {}),
    (Draining, 503, RETRY),
    (Overloaded, 503, RETRY),
)
"""The status and headers of each kind of error that says itself what to do."""


def _bearer_token(headers: Headers) -> str:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send a token: Authorization: Bearer …")
    return token.strip()


async def _while_connected(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Do something to its end, or until the client has gone. Raises what the work raises.

    The work is done here, and not in a task of its own: live requests begin and end all the time.
    """
    watching = _Watching(receive)
    try:
        await work
    except asyncio.CancelledError:
        if not watching.has_gone:
            raise
    finally:
        watching.end()


class _Watching:
    """Cancels the task that makes this, when the client has gone."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._working = receive, asyncio.current_task()
        self._task = asyncio.create_task(self._watch())
        self.has_gone = False

    def end(self) -> None:
        """Watch no more."""
        self._task.cancel()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_gone = True
        while self._working is not None:
            self._working.cancel()
            await asyncio.sleep(RETRY_SECONDS)


async def _send_answer(answer: Answer, send: Send) -> None:
    """Send an answer; a body of parts as they come, and closed however that ends."""
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    if isinstance(answer.body, bytes):
        if answer.status not in {204, 304}:
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await _send_parts(send, start, {"type": "http.response.body", "body": answer.body})
        return
    # Closed also if the client goes away before anything of it was asked for.
    async with aclosing(answer.body) as parts:
        await _send_parts(send, start)
        async for part in parts:
            message = {"type": "http.response.body", "body": part, "more_body": True}
            await _send_parts(send, message)
    await _send_parts(send, {"type": "http.response.body", "body": b""})


async def _send_parts(send: Send, *messages: Message) -> None:
    """Send something. Raises Interrupted if the client does not read."""
    try:
        async with asyncio.timeout(SEND_SECONDS):
            for message in messages:
                await send(message)
    except TimeoutError:
        raise Interrupted("the client does not read") from None
