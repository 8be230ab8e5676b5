"""Tickets: what stands in the address of a stream of events in place of a token.

An `EventSource` of a browser cannot send headers, and an address ends up in histories and logs. So
what stands there is good once, for one stream, and for a short time.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

TICKET_SECONDS: Final = 30.0
"""How long a ticket can be redeemed."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Whose ticket it is, for which pipeline, and when the token behind it expires."""

    user_id: UUID
    pipeline_id: UUID
    expires_at: datetime


class Tickets(Protocol):
    """The tickets that were issued, on any node, and not yet redeemed on any."""

    async def issue(self, digest: bytes, ticket: Ticket) -> None:
        """Keep a ticket under the hash of its text for TICKET_SECONDS. Raises StoreError."""
        ...

    async def redeem(self, digest: bytes, pipeline_id: UUID) -> Ticket | None:
        """Take a ticket for a pipeline; None if there is none, be it that it was taken before.

        One for another pipeline stays. Raises StoreError.
        """
        ...
