"""The table of who is in which pipeline, which readers of every node look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Pose:
    """Where somebody is and what they point at. The cursor is in pixels of the canvas."""

    cursor: tuple[float, float] | None = None
    selection: Sequence[UUID] = ()
    status: str = "active"


Seat: TypeAlias = tuple[UUID, UUID]
"""(pipeline, user)"""


PRESENCE_SECONDS: Final = 30.0
"""How long somebody counts as present whom no node has shown again."""


class PresenceBoard(Protocol):
    """Who is where on all nodes, for looking at: a mirror of the rooms, of which nothing hangs."""

    async def show(self, news: Mapping[Seat, Pose], same: Mapping[Seat, Pose]) -> datetime:
        """Write `news`, renew what is the `same` as before; return when, by PostgreSQL's clock.

        What is the same is written only where it is missing. Raises StoreError.
        """
        ...

    async def remove(self, gone: Mapping[Seat, datetime]) -> None:
        """Remove who has left, unless shown after the given time. Raises StoreError."""
        ...

    async def sweep(self) -> None:
        """Remove whom no node has shown for PRESENCE_SECONDS. Raises StoreError."""
        ...
