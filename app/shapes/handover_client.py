"""The client for HTTP by which servers reach each other."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from .answers import Sent
from .handover import Broken

CONNECT_SECONDS: Final = 2.0

SILENT_SECONDS: Final = 75.0
"""How long an answer may pause: a live request waits 20 s, and a stream sends a sign each 21 s."""

IDLE_SECONDS: Final = 30.0
"""How long a connection is kept for the next request: less than the other side keeps it."""


class HttpClient:
    """`HandoverClient` by httpx. The proxies of the environment are not for other servers."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._connections = httpx.AsyncClient(
            # It trusts nobody, and takes no time to make: there is no TLS between servers.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=httpx.Timeout(CONNECT_SECONDS, read=SILENT_SECONDS, pool=None),
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=100, keepalive_expiry=IDLE_SECONDS
            ),
            trust_env=False,
            # A cookie that one answer sets would go along with the requests of everybody.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            transport=transport,
        )

    async def ask(self, address: str, sent: Sent, headers: Mapping[str, str]) -> "HttpAnswer":
        """See `HandoverClient.ask`."""
        request = self._connections.build_request(
            sent.method,
            httpx.URL(f"http://{address}/v1/shape", query=sent.query),
            content=sent.body or None,
            headers=headers,
        )
        with _broken():
            return HttpAnswer(await self._connections.send(request, stream=True))

    async def aclose(self) -> None:
        """See `HandoverClient.aclose`."""
        await self._connections.aclose()


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


@contextmanager
def _broken() -> Iterator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        raise Broken(type(error).__name__) from error
