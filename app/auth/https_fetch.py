"""Fetches one small document over HTTPS, bounded in time and size, off the event loop.

It uses the client of the standard library, which honours the proxies and certificates of the
machine. Redirects are not followed: the operator trusts the address in the settings and no other.
"""

import asyncio
import http.client
import time
from asyncio import Future
from contextlib import suppress
from threading import Thread
from typing import Final
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from app.settings import is_local

from .key_set import KeySetError

MAX_BYTES: Final = 256 * 1024

SECONDS: Final = 5.0
"""What connecting, and each wait for an answer, may take; reading the body may not take longer."""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Make an error of every redirect."""


class Source:
    """A document at an address; `seconds` and `max_bytes` limit every fetch."""

    def __init__(self, url: str, *, seconds: float = SECONDS, max_bytes: int = MAX_BYTES) -> None:
        self._url, self._seconds, self._max_bytes = url, seconds, max_bytes
        self._is_busy = False

    async def fetch(self) -> bytes:
        """Get the document. Raises KeySetError, whose message gives the reason."""
        if self._is_busy:
            raise KeySetError(f"{self._url} is still answering the last request")
        answer: Future[bytes] = asyncio.get_running_loop().create_future()
        # A daemon thread: no thread can be interrupted, and the process must be able to exit.
        self._is_busy = True
        Thread(target=self._run, args=(answer,), name="fetch", daemon=True).start()
        try:
            async with asyncio.timeout(2 * self._seconds):
                return await answer
        except TimeoutError as error:
            raise KeySetError(f"{self._url} did not answer in time") from error

    def _run(self, answer: "Future[bytes]") -> None:
        document, failure = b"", None
        try:
            document = self._get()
        except KeySetError as error:
            failure = error
        except (http.client.HTTPException, OSError, ValueError) as error:
            failure = KeySetError(f"cannot fetch {self._url}: {error}")
        self._is_busy = False
        # The loop may have been closed meanwhile; then nobody waits for the answer.
        with suppress(RuntimeError):
            answer.get_loop().call_soon_threadsafe(_settle, answer, document, failure)

    def _get(self) -> bytes:
        deadline = time.monotonic() + self._seconds
        request = Request(self._url, headers={"Accept": "application/json"})  # noqa: S310 - settings.py allows HTTP(S) only
        document = b""
        with opener_for(self._url).open(request, timeout=self._seconds) as response:
            while part := response.read1():
                document += part
                if len(document) > self._max_bytes:
                    raise KeySetError(f"{self._url} answers more than {self._max_bytes} bytes")
                if time.monotonic() > deadline:
                    raise KeySetError(f"{self._url} answers too slowly")
        return document


def opener_for(url: str) -> OpenerDirector:
    """What opens an address, by the proxies of the machine, and follows no redirection from it."""
    # A proxy cannot reach the loopback addresses of this machine.
    handlers = [_NoRedirects(), *([ProxyHandler({})] if is_local(url) else [])]
    return build_opener(*handlers)


def _settle(answer: "Future[bytes]", document: bytes, failure: KeySetError | None) -> None:
    if answer.done():
        return
    if failure is None:
        answer.set_result(document)
    else:
        answer.set_exception(failure)
