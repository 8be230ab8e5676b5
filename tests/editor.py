"""A y-websocket client in Python that remembers what it sent and what came back.

It speaks through `crdt/protocol/y_websocket.py`, so its frames are those of the server's own codec;
the stock clients of tests/interop/ make sure that these are the right ones.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from crdt.protocol.messages import AwarenessUpdate, Message, Refused, SyncStep1, SyncStep2, Update
from crdt.protocol.y_websocket import decode, encode
from tests.server import PATIENCE

Change: TypeAlias = "Callable[[Doc[Any]], None]"

AUTH = 2


def notes_of(doc: "Doc[Any]") -> "Map[Any]":
    """The root map of a document that means nothing to the server."""
    notes: Map[Any] = doc.get("notes", type=Map)
    return notes


class Editor:
    """One connection and the document behind it. A new connection is a new Editor."""

    def __init__(self, socket: ClientConnection) -> None:
        self.doc: Doc[Any] = Doc()
        self.unechoed: list[bytes] = []
        self.refusals: list[str] = []
        self.presence: list[bytes] = []
        self.synced = False
        self._socket = socket
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @property
    def is_open(self) -> bool:
        """Whether the server can still answer."""
        return not self._reading.done()

    @property
    def steps(self) -> "Map[Any]":
        """The steps of the document."""
        steps: Map[Any] = self.doc.get("steps", type=Map)
        return steps

    @property
    def notes(self) -> "Map[Any]":
        """A place for any keys and values, which stay: what is no step the worker deletes."""
        return notes_of(self.doc)

    async def send(self, message: Message) -> None:
        """Send one message; a connection that is gone takes it silently."""
        await self.send_frame(encode(message))

    async def send_frame(self, frame: bytes | str) -> None:
        """Send any frame at all."""
        with suppress(ConnectionClosed):
            await self._socket.send(frame)

    async def edit(self, change: Change) -> bytes:
        """Change the document in one transaction; send its update and return it."""
        before = self.doc.get_state()
        with self.doc.transaction():
            change(self.doc)
        update = self.doc.get_update(before)
        self.unechoed.append(update)
        await self.send(Update(update))
        return update

    async def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; the connection's end is the end of waiting."""
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(lambda: condition() or not self.is_open)
        except TimeoutError as error:
            raise AssertionError(f"expected {what} within {PATIENCE} s") from error
        assert condition(), f"expected {what}, got closed with {self._socket.close_code}"

    async def until_synced(self) -> None:
        """Wait for the answer to the first SyncStep1."""
        await self.until("a synced document", lambda: self.synced)

    async def until_echoed(self) -> None:
        """Wait until every edit was acknowledged."""
        await self.until("the echo of every edit", lambda: not self.unechoed)

    async def close_code(self) -> tuple[int | None, str | None]:
        """Wait for the server to close; return its code and reason."""
        async with asyncio.timeout(PATIENCE):
            await self._socket.wait_closed()
        return self._socket.close_code, self._socket.close_reason

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()
        await self._reading

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for frame in self._socket:
                assert isinstance(frame, bytes)
                await self._take(frame)
        async with self._news:
            self._news.notify_all()

    async def _take(self, frame: bytes) -> None:
        async with self._news:
            if frame[0] == AUTH:
                self.refusals.append(frame[3:].decode())
            else:
                await self._receive(decode(frame))
            self._news.notify_all()

    async def _receive(self, message: Message) -> None:
        match message:
            case SyncStep1(state_vector):
                await self.send(SyncStep2(self.doc.get_update(state_vector)))
            case SyncStep2(update):
                self.doc.apply_update(update)
                self.synced = True
            case Update(update):
                self.doc.apply_update(update)
                if update in self.unechoed:
                    self.unechoed.remove(update)
            case AwarenessUpdate(payload):
                self.presence.append(payload)
            case Refused(_):
                raise AssertionError("the codec reads no auth messages: see _take")


@asynccontextmanager
async def joined(url: str) -> AsyncIterator[Editor]:
    """An editor that has the document."""
    async with visiting(url) as editor:
        await editor.send(SyncStep1(editor.doc.get_state()))
        await editor.until_synced()
        yield editor


@asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Editor]:
    """An editor that has said nothing yet."""
    async with connect(url, max_size=None, compression=None, ping_interval=None) as socket:
        editor = Editor(socket)
        try:
            yield editor
        finally:
            await editor.close()
