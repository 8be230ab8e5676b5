"""pycrdt's own `Provider` over the websockets library: the client that Python programs use.

The test runs over all arrangements of servers.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pycrdt import Doc, Map, Provider
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.editor import joined
from tests.interop.site import Site
from tests.server import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


class SocketChannel:
    """A WebSocket as the `Channel` that a Provider wants."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @property
    def path(self) -> str:
        request = self._socket.request
        assert request is not None
        return request.path

    def __aiter__(self) -> "SocketChannel":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        await self._socket.send(message)

    async def recv(self) -> bytes:
        frame = await self._socket.recv()
        assert isinstance(frame, bytes)
        return frame


@asynccontextmanager
async def provided(url: str) -> AsyncIterator["Doc[Any]"]:
    """A document that a Provider keeps in sync."""
    doc: Doc[Any] = Doc()
    async with connect(url) as socket, Provider(doc, SocketChannel(socket)) as provider:
        await provider.synced.wait()
        yield doc


def notes_of(doc: "Doc[Any]") -> "Map[Any]":
    # No steps: those of wrong keys would be mended away, by further updates in the log.
    notes: Map[Any] = doc.get("notes", type=Map)
    return notes


async def test_two_providers_and_a_stock_editor_agree(site: Site, document: str) -> None:
    room = site.address.room(document, site.owner.token())
    before = await site.head(document)
    async with provided(room) as one, provided(room) as two, joined(room) as editor:
        notes_of(one)["by one"] = Map({"name": "one"})
        notes_of(two)["by two"] = Map({"name": "two"})
        await editor.edit(lambda doc: notes_of(doc).update({"by three": Map({"name": "three"})}))
        await editor.until_echoed()

        async def agree() -> bool:
            wanted = {"by one", "by two", "by three"}
            return all(wanted <= set(notes_of(doc).keys()) for doc in (one, two, editor.doc))

        await eventually("all edits everywhere", agree)
        assert notes_of(one).to_py() == notes_of(two).to_py() == notes_of(editor.doc).to_py()

    async def stored() -> bool:
        return await site.head(document) >= before + 3

    await eventually("all edits in the log", stored)
    # A Provider sends back what it hears; the log must not grow by that.
    assert await site.head(document) == before + 3
