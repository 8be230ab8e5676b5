"""Logs of which older updates may be merged: what the worker and the command ask of a store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from .update_log import LoggedUpdate


@dataclass(frozen=True, slots=True)
class FoldableLog:
    """A log whose updates after number `folded`, up to `until`, nobody has tried to fold.

    All of them are in the rows. `versions` are the numbers up to which versions go: no update on
    one side of them may be merged with one on the other.
    """

    pipeline_id: UUID
    folded: int
    until: int
    versions: Collection[int] = ()


class LogFolding(Protocol):
    """Finds logs that can be folded, and puts merged updates into them."""

    async def next_foldable(
        self,
        before: datetime,
        after: UUID | None = None,
        *,
        excluding: Collection[UUID] = (),
        only: UUID | None = None,
    ) -> FoldableLog | None:
        """Return the next pipeline by id with updates received before then; None if there is none.

        Deleted and damaged ones (`undecodable_update`) are left out. Raises StoreUnavailable.
        """
        ...

    async def fold(
        self, log: FoldableLog, until: int, merged: Sequence[LoggedUpdate], saved_bytes: int
    ) -> bool:
        """Put merged updates in place of those they are made of, and note `until` as folded.

        All of it in one transaction, with which the log is never seen half folded. `saved_bytes` is
        by how much the payloads became smaller. False, and nothing is changed, if somebody else has
        folded this log since, or it was purged. Raises StoreUnavailable.
        """
        ...

    async def give_back(self) -> None:
        """Let the space of rows that were folded be used for new ones. Raises StoreUnavailable."""
        ...
