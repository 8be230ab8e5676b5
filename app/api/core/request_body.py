"""Request bodies: read within a limit for each, a limit for all of one caller, and a time limit.

The limits protect memory: a body is held as a whole while it arrives. Bytes count as they are
received, since Content-Length may be missing or lie.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from .problems import BodyTooBig, BodyTooSlow, CompressedBody, TooManyRequests

BODY_SECONDS: Final = 30.0
"""How long a body may take to arrive: a slow client must not hold memory for ever."""

MAX_BODIES_AT_ONCE: Final = 8
"""One caller may have as many bytes on their way as this many of the largest bodies have."""

RETRY_SECONDS: Final = 1


class BodyReader:
    """Reads the bodies of known callers. `max_body` is in bytes."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._reserved: Counter[UUID] = Counter()

    async def body(self, caller: UUID, headers: Headers, receive: Receive) -> bytes:
        """Read a body.

        Raises CompressedBody, BodyTooBig, BodyTooSlow, TooManyRequests, ClientDisconnect.
        """
        _require_plain(headers)
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > self._max_body:
            raise BodyTooBig(self._max_body)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in _chunks(receive):
                    self._reserve(caller, len(chunk))
                    body += chunk
                    if len(body) > self._max_body:
                        raise BodyTooBig(self._max_body)
        except TimeoutError as error:
            raise BodyTooSlow(BODY_SECONDS) from error
        finally:
            self._release(caller, len(body))
        return bytes(body)

    def _reserve(self, caller: UUID, size: int) -> None:
        if self._reserved[caller] + size > MAX_BODIES_AT_ONCE * self._max_body:
            raise TooManyRequests(RETRY_SECONDS, "too many bodies of yours are on their way")
        self._reserved[caller] += size

    def _release(self, caller: UUID, size: int) -> None:
        self._reserved[caller] -= size
        if not self._reserved[caller]:
            del self._reserved[caller]


def _require_plain(headers: Headers) -> None:
    """Refuse a compressed body: what it says would be taken for what is in it."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise CompressedBody(coding)


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)
