"""The client for HTTP by which servers reach each other."""

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import cycle
from typing import Final

import httpx

from .answers import Sent
from .handover import Broken

CONNECT_SECONDS: Final = 2.0

SILENT_SECONDS: Final = 75.0
"""How long an answer may pause: a live request waits 20 s, and a stream sends a sign each 21 s."""

IDLE_SECONDS: Final = 30.0
"""How long a connection is kept for the next request: less than the other side keeps it."""


POOLS: Final = 16
"""Pools of connections: httpx looks at all connections of a pool for each request, which took 3 ms
of the event loop beside 1,000 that wait."""


class HttpClient:
    """`HandoverClient` by httpx. The proxies of the environment are not for other servers."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._pools = [_pool(transport) for _ in range(POOLS)]
        self._turns = cycle(self._pools)

    async def ask(self, address: str, sent: Sent, headers: Mapping[str, str]) -> "HttpAnswer":
        """See `HandoverClient.ask`."""
        pool = next(self._turns)
        request = pool.build_request(
            sent.method,
            httpx.URL(f"http://{address}/v1/shape", query=sent.query),
            content=sent.body or None,
            headers=headers,
        )
        with _broken():
            return HttpAnswer(await pool.send(request, stream=True))

    async def aclose(self) -> None:
        """See `HandoverClient.aclose`."""
        for pool in self._pools:
            await pool.aclose()


class HttpAnswer:
    """`FarAnswer` of httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self.status, self.headers = response.status_code, response.headers
        self._response, self._parts = response, response.aiter_raw()

    async def part(self) -> bytes | None:
        """See `FarAnswer.part`."""
        with _broken():
            return await anext(self._parts, None)

    async def aclose(self) -> None:
        """See `FarAnswer.aclose`."""
        await self._response.aclose()


def _pool(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        # It trusts nobody, and takes no time to make: there is no TLS between servers.
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        timeout=httpx.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS, pool=None),
        limits=httpx.Limits(
            max_connections=None, max_keepalive_connections=10, keepalive_expiry=IDLE_SECONDS
        ),
        trust_env=False,
        # A cookie that one answer sets would go along with the requests of everybody.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        transport=transport,
    )


@contextmanager
def _broken() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise Broken(_reason(error)) from error


def _reason(error: httpx.HTTPError) -> str:
    """What happened, in words."""
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {CONNECT_SECONDS:.0f} s"
        case httpx.ConnectError():
            return _of_the_system(error) or "no connection could be made"
        case httpx.TimeoutException():
            return f"it was silent for {SILENT_SECONDS:.0f} s"
    return "the connection broke while it was answering"


def _of_the_system(error: BaseException | None) -> str | None:
    """What the system says of a connection, such as "connection refused"; httpx leaves that out."""
    while error is not None:
        # What asyncio raises has the number of the system, with words of its own.
        if isinstance(error, OSError) and error.errno:
            return os.strerror(error.errno).lower()
        error = error.__cause__ or error.__context__
    return None
