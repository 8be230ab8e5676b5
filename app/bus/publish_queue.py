"""What waits to be published to other nodes: bounded, and the oldest messages are dropped."""

import asyncio
from collections import deque
from typing import Final

from app.telemetry.metrics import BUS_DROPPED

from .transport import ChannelMessage

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_MESSAGES: Final = 20_000
BATCH: Final = 100
"""Most messages that are published at once."""


class PublishQueue:
    """A queue that refuses no message and never grows beyond its limits."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._messages: deque[ChannelMessage] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()

    def put(self, message: ChannelMessage) -> None:
        """Add a message; drop the oldest ones, and count them, if there is no room for it."""
        self._messages.append(message)
        self._bytes += len(message.payload)
        while len(self._messages) > self._max_messages or self._bytes > self._max_bytes:
            self._pop()
            BUS_DROPPED.labels("queue_full").inc()
        self._filled.set()

    async def next_batch(self) -> list[ChannelMessage]:
        """Wait for messages; remove and return up to `BATCH` of them, the oldest first."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        return [self._pop() for _ in range(min(BATCH, len(self._messages)))]

    def _pop(self) -> ChannelMessage:
        message = self._messages.popleft()
        self._bytes -= len(message.payload)
        return message
