"""A real Starlette WebSocket without a network: the test is the client, and the socket's buffer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Message, Scope
from starlette.websockets import WebSocket

from app.websocket.read_away import Beginning
from crdt.protocol.messages import Message as SyncMessage
from crdt.protocol.y_websocket import encode
from tests.app.fakes import message_of

PATIENCE = 10.0
"""Seconds after which a test gives up waiting; nothing takes that long."""


@dataclass
class Wire:
    """Both directions of one WebSocket. `writable` is clear while the client does not read.

    `failure` is what the server raises on sending: an OSError when the client is gone.
    """

    path: str = "/"
    query: str = ""
    path_params: dict[str, Any] = field(default_factory=dict)
    frames: list[bytes] = field(default_factory=list)
    closes: list[tuple[int, str]] = field(default_factory=list)
    failure: Exception | None = None
    writable: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.writable.set()
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._news = asyncio.Condition()
        self._events.put_nowait({"type": "websocket.connect"})
        self.websocket = WebSocket(self._scope(), self._events.get, self._take)

    def _scope(self) -> Scope:
        return {
            "type": "websocket",
            "path": self.path,
            "query_string": self.query.encode(),
            "path_params": self.path_params,
            "headers": [],
        }

    async def _take(self, message: Message) -> None:
        await self.writable.wait()
        if self.failure is not None:
            raise self.failure
        async with self._news:
            match message["type"]:
                case "websocket.send":
                    self.frames.append(message["bytes"])
                case "websocket.close":
                    self.closes.append((message["code"], message["reason"]))
            self._news.notify_all()

    def send(self, frame: bytes) -> None:
        """Send one binary frame to the server."""
        self._events.put_nowait({"type": "websocket.receive", "bytes": frame})

    def send_too_much(self, beginning: bytes) -> None:
        """Send a message of which the socket keeps nothing but the beginning."""
        self._events.put_nowait({"type": "websocket.receive", "bytes": Beginning(beginning)})

    def say(self, message: SyncMessage) -> None:
        """Send one message in the y-websocket protocol."""
        self.send(encode(message))

    def send_text(self, text: str) -> None:
        """Send one text frame."""
        self._events.put_nowait({"type": "websocket.receive", "text": text})

    def hang_up(self) -> None:
        """Leave; frames sent before are read before the server sees it."""
        self._events.put_nowait({"type": "websocket.disconnect", "code": 1001})

    @property
    def received(self) -> list[SyncMessage]:
        """What arrived in the y-websocket protocol."""
        return [message_of(frame) for frame in self.frames]

    async def until_frames(self, count: int) -> None:
        """Wait until that many frames arrived."""
        await self.until(lambda: len(self.frames) >= count)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what arrived is as the condition wants it."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(condition)
