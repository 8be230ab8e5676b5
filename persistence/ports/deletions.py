"""Deleted pipelines, which are kept for a while and then purged."""

from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

KEEP_DELETED: Final = timedelta(days=30)
"""How long a deleted pipeline is kept unless a setting says otherwise."""


class Deletions(Protocol):
    """The pipelines that were deleted and are kept."""

    async def purge_one(self, kept_for: timedelta) -> UUID | None:
        """Delete one pipeline for good that was deleted longer ago than that, with its log.

        Returns its id; None if there is none, or others work on all of them. Several workers may
        call this at once. Raises StoreError.
        """
        ...
