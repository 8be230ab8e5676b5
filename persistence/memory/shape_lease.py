"""The lease of the shapes in memory: the twin of `persistence/postgres/shape_lease.py`."""

from collections.abc import Callable

from persistence.ports.shape_lease import Holder


class MemoryShapeLease:
    """`ShapeLease` by a clock that is given, in seconds."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._held: tuple[Holder, float] | None = None

    async def take(self, by: Holder, seconds: float) -> Holder:
        """See `ShapeLease.take`."""
        other = await self.holder()
        if other is not None and other.id != by.id:
            return other
        self._held = by, self._seconds() + seconds
        return by

    async def holder(self) -> Holder | None:
        """See `ShapeLease.holder`."""
        if self._held is None or self._held[1] <= self._seconds():
            return None
        return self._held[0]

    async def release(self, by: Holder) -> None:
        """See `ShapeLease.release`."""
        if self._held is not None and self._held[0].id == by.id:
            self._held = None
