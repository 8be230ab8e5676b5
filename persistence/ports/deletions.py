"""What is kept for a while and then goes for good: deleted things, entries of the audit log."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Protocol, TypeAlias
from uuid import UUID

KEEP_DELETED: Final = timedelta(days=30)
"""How long a deleted pipeline or team is kept unless a setting says otherwise."""

KEEP_AUDIT: Final = timedelta(days=365)
"""How long an entry of the audit log is kept unless a setting says otherwise."""


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long deleted things can be brought back, and entries of the audit log read.

    None is for ever.
    """

    deleted: timedelta = KEEP_DELETED
    audit: timedelta | None = KEEP_AUDIT


Kind: TypeAlias = Literal["pipeline", "team"]


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted for good."""

    kind: Kind
    id: UUID


class Deletions(Protocol):
    """The pipelines and teams that were deleted and are kept, and the audit log."""

    async def purge_one(self, kept_for: timedelta) -> Purged | None:
        """Delete one thing for good that was deleted longer ago than that.

        A pipeline goes with its log, and a team after its pipelines, one by one: as soon as the
        first goes, the team cannot be brought back. Returns what went; None if there is none, or
        others work on all of them. Several workers may call this at once. Raises StoreError.
        """
        ...

    async def expire_audit_log(self, kept_for: timedelta) -> int:
        """Delete entries of the audit log that are older than that, a bounded number of them.

        Returns how many; 0 when there are no more. Raises StoreError.
        """
        ...

    async def expire_keys(self) -> int:
        """Delete keys of requests that are kept no longer, a bounded number; return how many.

        Raises StoreError.
        """
        ...
