"""Asks Electric over HTTP: where it is, and what it knows us by."""

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import cycle
from typing import Final, Self

import httpx

from .electric_query import ElectricShape, electric_request
from .parameters import ShapeRequest

CONNECT_SECONDS: Final = 5.0

SILENT_SECONDS: Final = 75.0
"""How long Electric may send nothing: it answers within 20 s, and an event stream lasts 60 s."""


POOLS: Final = 32
"""Among which the connections are divided; an idle one is found again by every so many."""


class _Pools(httpx.AsyncBaseTransport):
    """Pools of connections, of which each request takes the next.

    A pool looks at all of its connections whenever a request begins or ends: of 1,000 that wait for
    changes, in one pool, any other request would cost the loop 45 ms.
    """

    def __init__(self, new_pool: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._pools = [new_pool() for _ in range(POOLS)]
        self._turns = cycle(self._pools)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See httpx."""
        return await next(self._turns).handle_async_request(request)

    async def aclose(self) -> None:
        """See httpx; one that cannot be closed keeps no other one open."""
        async with AsyncExitStack() as stack:
            for pool in self._pools:
                stack.push_async_callback(pool.aclose)


def electric_connections() -> httpx.AsyncClient:
    """The connections to Electric, as many as there are requests.

    So whoever waits for changes keeps nobody else from a connection. The proxies of the environment
    are not for it: they would be sent the secret.
    """
    verified = ssl.create_default_context()
    # With a limit, the library would close whatever is idle once there are more in use than that.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    pools = _Pools(
        lambda: httpx.AsyncHTTPTransport(verify=verified, limits=limits, trust_env=False)
    )
    return httpx.AsyncClient(
        # What is not encoded needs no decoding: the parts are passed on as they come.
        headers={"accept-encoding": "identity", "user-agent": "pipeloom"},
        timeout=httpx.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS, pool=None),
        transport=pools,
        trust_env=False,
        # A cookie that one answer sets would go along with the requests of everybody.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
    )


class ElectricClient:
    """Electric at an address, which takes requests with this secret only."""

    def __init__(self, address: str, secret: str, connections: httpx.AsyncClient) -> None:
        self._address, self._secret = httpx.URL(address), secret
        self._base = self._address.path.rstrip("/")
        self._connections = connections

    async def __aenter__(self) -> Self:
        """Have connections until the end of the block."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def ask(
        self,
        shape: ElectricShape,
        request: ShapeRequest,
        handle: str | None,
        if_none_match: str | None,
    ) -> httpx.Response:
        """Return the beginning of an answer, whose body is to be read and closed.

        `handle` is one of Electric's. Raises httpx.HTTPError; InvalidShape if the request is too
        long.
        """
        path = f"{self._base}/v1/shape"
        asked = electric_request(shape, request, handle, self._secret, path)
        headers = {} if if_none_match is None else {"if-none-match": if_none_match}
        if asked.body is not None:
            headers["content-type"] = "application/json"
        sent = self._connections.build_request(
            "GET" if asked.body is None else "POST",
            self._address.copy_with(raw_path=f"{path}?{asked.query}".encode()),
            content=asked.body,
            headers=headers,
        )
        return await self._connections.send(sent, stream=True)

    async def is_well(self) -> bool:
        """Whether Electric serves shapes now."""
        health = self._address.copy_with(raw_path=f"{self._base}/v1/health".encode())
        try:
            # It is 202 while Electric starts.
            answer = await self._connections.get(health, timeout=CONNECT_SECONDS)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK
