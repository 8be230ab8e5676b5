"""Announcements of projections in memory: the twin of `projection_announcements.py`."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from persistence.ports.projections import Projected


class MemoryAnnouncements:
    """`ProjectionAnnouncements` of a store, for one caller of `wait`; rows here have no times."""

    def __init__(self) -> None:
        self._announced: list[Projected] = []
        self._has_some = asyncio.Event()

    def announce(self, projected: Projected) -> None:
        """Announce a projection that was committed."""
        self._announced.append(projected)
        self._has_some.set()

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
    ) -> Sequence[Projected] | None:
        """See `ProjectionAnnouncements.wait`; nothing is ever lost here."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._has_some.wait()
        self._has_some.clear()
        announced, self._announced = self._announced, []
        return sorted(announced, key=lambda projected: projected.seq)
