"""`Idempotency-Key`: a POST that is sent again with its key does nothing twice.

draft-ietf-httpapi-idempotency-key-header: the same key with the same request gets the answer of the
first, with another request 422, and 409 while the first one runs. Answers of success are kept for a
day. Whatever was refused has created nothing, and is tried again.
"""

import re
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid4, uuid5

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.tokens import Claims
from crdt.errors import PipeloomError
from persistence.ports.idempotency import MOST_BYTES, Earlier, IdempotencyKeys, KeptAnswer

from .error_responses import problem_response
from .middleware import CALLER
from .problems import Invalid, KeyDone, KeyInUse, KeyReused

CLAIM: Final = "idempotency_claim"
"""The name under which a request's state holds the claim of its key."""

SUBJECT: Final = "idempotency_subject"
"""The name under which it holds an id for what the request creates, the same each time."""

HEADER: Final = "idempotency-key"
REPLAYED: Final = "Idempotency-Replayed"
"""The header of an answer that was given before."""

NOT_KEPT: Final = re.compile(
    r"/session|/validate|/pipelines/[^/]+/events/ticket|(/teams/[^/]+)?/invitation-links(/.*)?"
)
"""Paths of what creates nothing, or answers with secrets, which are not to be kept."""

_KEY: Final = re.compile(r"[!-~]{1,255}")
_KEPT: Final = ("content-type", "location", "etag", "pipeloom-warning", "transaction-id")


class IdempotentPosts:
    """ASGI middleware behind `ApiMiddleware`, which knows the caller and has read the body."""

    def __init__(self, app: ASGIApp, keys: IdempotencyKeys) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        key = Headers(scope=scope).get(HEADER)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        # There is no caller of a path that is open to strangers.
        claims: Claims | None = scope["state"].get(CALLER)
        is_kept = scope["method"] == "POST" and not NOT_KEPT.fullmatch(path)
        if key is None or claims is None or not is_kept:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._answer(key, claims.user_id, scope, receive)
        except PipeloomError as refusal:
            response = problem_response(refusal)
        await response(scope, receive, send)

    async def _answer(self, key: str, user_id: UUID, scope: Scope, receive: Receive) -> Response:
        """Raises Invalid, KeyReused, KeyInUse, KeyDone, StoreError."""
        if not _KEY.fullmatch(key):
            raise Invalid((f"header.{HEADER}", "expected 1 to 255 visible characters of ASCII"))
        first = await receive()
        fingerprint, claim = _fingerprint(scope, first.get("body", b"")), uuid4()
        digest = sha256(key.encode()).digest()
        earlier = await self._keys.claim(user_id, digest, fingerprint, claim)
        if earlier is not None:
            return _again(earlier, fingerprint)
        scope["state"][CLAIM] = claim
        scope["state"][SUBJECT] = uuid5(user_id, (digest + fingerprint).hex())
        return await self._run(user_id, claim, scope, first, receive)

    async def _run(
        self, user_id: UUID, claim: UUID, scope: Scope, first: Message, receive: Receive
    ) -> Response:
        """Run the request, and keep its answer before it is sent.

        One that is broken off stays claimed for a while: it may yet create something.
        """
        answer = await _collected(self._app, scope, first, receive)
        if answer.status_code < 300:
            headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            body = bytes(answer.body) if len(answer.body) <= MOST_BYTES else None
            await self._keys.keep(user_id, claim, KeptAnswer(answer.status_code, headers, body))
        elif answer.status_code < 500 or b"not_stored_yet" not in bytes(answer.body):
            await self._keys.release(user_id, claim)
        return answer


def _fingerprint(scope: Scope, body: bytes) -> bytes:
    kind = Headers(scope=scope).get("content-type", "")
    head = "\n".join((scope["path"], scope["query_string"].decode("latin-1"), kind))
    return sha256(head.encode(errors="replace") + b"\n\n" + body).digest()


def _again(earlier: Earlier, fingerprint: bytes) -> Response:
    """The answer to a request that was sent before. Raises KeyReused, KeyInUse, KeyDone."""
    if earlier.fingerprint != fingerprint:
        raise KeyReused
    answer = earlier.answer
    if answer is not None and answer.body is not None:
        return Response(answer.body, answer.status, {**answer.headers, REPLAYED: "true"})
    if answer is not None:
        raise KeyDone(earlier.subject_id or answer.headers.get("location", "").rpartition("/")[2])
    if earlier.subject_id is not None and not earlier.is_running:
        raise KeyDone(earlier.subject_id)
    raise KeyInUse


async def _collected(app: ASGIApp, scope: Scope, first: Message, receive: Receive) -> Response:
    """Run an application on a request; return its whole answer."""
    waiting, made, content = [first], Response(), bytearray()

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            made.status_code = message["status"]
            made.raw_headers = list(message.get("headers", ()))
        else:
            content.extend(message.get("body", b""))

    await app(scope, replay, collect)
    made.body = bytes(content)
    return made
