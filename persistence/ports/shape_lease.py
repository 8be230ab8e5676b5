"""The lease of the shapes: which server has them, until it gives them back or falls silent."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Holder:
    """A server process, which has another `id` after each start, and where others reach it.

    `address` is a host and a port as in a URL.
    """

    id: UUID
    address: str


class ShapeLease(Protocol):
    """One lease, by the clock of the store. Every method raises StoreError."""

    async def take(self, by: Holder, seconds: float) -> Holder:
        """Take the lease for so long, or renew it, unless another has it; return who has it now.

        It does not end before `seconds` after the call.
        """
        ...

    async def holder(self) -> Holder | None:
        """Return who has the lease, None if nobody has."""
        ...

    async def release(self, by: Holder) -> None:
        """Give the lease back; nothing happens if another has it."""
        ...
