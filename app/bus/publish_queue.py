"""What waits to be sent to other nodes: bounded, the oldest gives way."""

import asyncio
from collections import deque
from typing import Final

from .transport import Received

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_MESSAGES: Final = 20_000
BATCH: Final = 100
"""Messages sent at once."""


class PublishQueue:
    """A queue that never refuses and never grows beyond its bounds."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self._max_messages, self._max_bytes = max_messages, max_bytes
        self._waiting: deque[Received] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self.dropped = 0
        """How many messages have given way so far."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Received) -> int:
        """Add a message; if there is no room, so many give way, those that wait for longest."""
        before = self.dropped
        self._waiting.append(message)
        self._bytes += len(message.message)
        while len(self._waiting) > self._max_messages or self._bytes > self._max_bytes:
            self._pop()
            self.dropped += 1
        self._filled.set()
        return self.dropped - before

    async def take(self) -> list[Received]:
        """Wait for messages; return some of them, the oldest first."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return [self._pop() for _ in range(min(BATCH, len(self._waiting)))]

    def _pop(self) -> Received:
        message = self._waiting.popleft()
        self._bytes -= len(message.message)
        return message
