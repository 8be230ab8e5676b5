"""Turns that users take: so many pieces of work of each at once, and the others wait in a line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID


class _Line:
    def __init__(self, places: int) -> None:
        self.places, self.people = asyncio.Semaphore(places), 0


class Turns:
    """Lets `most` blocks of each user run at once. Who has no work takes no memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: dict[UUID, _Line] = {}

    def __len__(self) -> int:
        """How many users have some work."""
        return len(self._lines)

    @asynccontextmanager
    async def of(self, user_id: UUID) -> AsyncIterator[None]:
        """Run a block when it is the user's turn."""
        line = self._lines.setdefault(user_id, _Line(self._most))
        line.people += 1
        try:
            async with line.places:
                yield
        finally:
            line.people -= 1
            if not line.people:
                del self._lines[user_id]
