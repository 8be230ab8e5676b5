"""Drives `hocuspocus.mjs`: stock Hocuspocus providers of several versions on one page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from tests.interop.stock import StockClient, driven

NUMBERS: Final = count(1)
VERSIONS: Final = ("2", "3", "4")
LIVE: Final = ("3", "4")
"""The versions that renew their tokens, and come back whatever code they were closed with."""


@dataclass(frozen=True)
class Named:
    """A socket or a provider; methods are verbs of `hocuspocus.mjs`."""

    process: StockClient
    name: str

    def __getattr__(self, verb: str) -> Any:
        async def command(*args: object) -> Any:
            return await getattr(self.process, verb)(self.name, *args)

        return command

    async def until(self, **expected: Any) -> dict[str, Any]:
        """Wait until its status has these fields, texts being parts of texts; return it all."""
        await self.process.await_status(self.name, expected)
        status: dict[str, Any] = await self.process.status(self.name)
        return status

    async def until_saved(self, **expected: Any) -> dict[str, Any]:
        """Wait until it has the document, and the server all that it has."""
        return await self.until(synced=True, unsynced=0, **expected)


class Provider(Named):
    """A `HocuspocusProvider` and its document."""


class Socket(Named):
    """A `HocuspocusProviderWebsocket`."""

    async def provide(self, document: str, *tokens: str, **options: Any) -> Provider:
        """Open a document; each token is used once, the last for ever."""
        provider = Provider(self.process, f"provider {next(NUMBERS)}")
        settings = {"tokens": tokens, **options}
        await self.process.provide(provider.name, self.name, document, settings)
        return provider

    async def until_closed(self) -> dict[str, Any]:
        """Wait until it was closed at least once; a provider may have opened it again since."""
        await self.await_closed()
        status: dict[str, Any] = await self.status()
        return status


@dataclass(frozen=True)
class Page:
    """What a browser tab would hold: sockets, providers, documents."""

    process: StockClient

    async def socket(self, version: str, url: str) -> Socket:
        """Open a socket by a version of the package."""
        socket = Socket(self.process, f"socket {next(NUMBERS)}")
        await self.process.open_socket(socket.name, version, url)
        return socket

    async def clear(self) -> None:
        """Destroy everything on it."""
        await self.process.clear()


@asynccontextmanager
async def a_page() -> AsyncIterator[Page]:
    """A Node process with nothing on it."""
    async with driven("hocuspocus.mjs") as process:
        yield Page(process)
