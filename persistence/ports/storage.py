"""How much teams store, of what they may."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID


class TeamStorage(Protocol):
    """Knows how many bytes the pipelines of a team store: logs, states, versions and comments."""

    async def full_pipelines(self, pipeline_ids: Collection[UUID], limit: int) -> set[UUID]:
        """Return those pipelines whose team stores so many bytes or more. Raises StoreUnavailable.

        The bytes are counted as they come and go, so this reads a few numbers for each pipeline of
        the team.
        """
        ...

    async def stored_bytes(self, team_id: UUID) -> int:
        """Return how many bytes the pipelines of a team store. Raises StoreUnavailable."""
        ...
