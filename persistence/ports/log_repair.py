"""What an operator does with a damaged log; see `persistence/worker/log_check.py`."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID


class LogRepair(Protocol):
    """Lists all documents, and forgets what is known of one. Nothing here deletes an update."""

    async def document_ids(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Read the pipelines with a document after `after`, in the order of their ids."""
        ...

    async def drop_state(self, pipeline_id: UUID) -> None:
        """Forget the stored state, so that the log alone makes the document."""
        ...

    async def forget_damage(self, pipeline_id: UUID, code: str) -> None:
        """Forget that the tables were told of damage, by the diagnostic with that code."""
        ...
