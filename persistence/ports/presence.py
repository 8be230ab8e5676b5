"""The table of who is in which pipeline, which the servers write and readers of any node read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PresenceState:
    """Where a user is and what they have selected. The cursor is (x, y) in pixels of the canvas."""

    cursor: tuple[float, float] | None = None
    selection: Sequence[UUID] = ()
    status: str = "active"


PresenceKey: TypeAlias = tuple[UUID, UUID]
"""(pipeline, user)"""


PRESENCE_SECONDS: Final = 30.0
"""How long a user counts as present after the last time that a node wrote so."""


class PresenceTable(Protocol):
    """Who is where on all nodes. It only mirrors the rooms: nothing is decided by it."""

    async def write(
        self,
        changed: Mapping[PresenceKey, PresenceState],
        unchanged: Mapping[PresenceKey, PresenceState],
    ) -> datetime:
        """Write the `changed` states, renew the time of the `unchanged` ones.

        Returns the time of writing by PostgreSQL's clock, for `remove`. An unchanged state is
        written only where it is missing, so that an emptied table fills again. Raises StoreError.
        """
        ...

    async def remove(self, left: Mapping[PresenceKey, datetime]) -> None:
        """Remove users who have left, unless one was written after the time given for them.

        Such a user is present on another node. Raises StoreError.
        """
        ...

    async def expire(self) -> None:
        """Remove users whom no node has written for PRESENCE_SECONDS. Raises StoreError.

        A node that crashes cannot remove its own.
        """
        ...
