"""Bodies on their way in: within the limit of one, of all of a caller's together, and in time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from .problems import BodyTooBig, BodyTooSlow, TooManyRequests

PATIENCE: Final = 30.0
"""Seconds that a body may take."""

SHARE: Final = 8
"""How many bodies' worth of bytes one caller may have on their way."""

RETRY_SECONDS: Final = 1


class BodyReader:
    """Takes bodies in. `max_body` is in bytes; callers without a token count as one."""

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._held: Counter[UUID | None] = Counter()

    async def body(self, caller: UUID | None, headers: Headers, receive: Receive) -> bytes:
        """Take a body in. Raises BodyTooBig, BodyTooSlow, TooManyRequests, ClientDisconnect."""
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > self._max_body:
            raise BodyTooBig(self._max_body)
        body = bytearray()
        try:
            async with asyncio.timeout(PATIENCE):
                async for chunk in _chunks(receive):
                    self._hold(caller, len(chunk))
                    body += chunk
                    if len(body) > self._max_body:
                        raise BodyTooBig(self._max_body)
        except TimeoutError as error:
            raise BodyTooSlow(PATIENCE) from error
        finally:
            self._let_go(caller, len(body))
        return bytes(body)

    def _hold(self, caller: UUID | None, size: int) -> None:
        if self._held[caller] + size > SHARE * self._max_body:
            raise TooManyRequests(RETRY_SECONDS, "too many bodies of yours are on their way")
        self._held[caller] += size

    def _let_go(self, caller: UUID | None, size: int) -> None:
        self._held[caller] -= size
        if not self._held[caller]:
            del self._held[caller]


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)
