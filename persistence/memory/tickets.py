"""Tickets in memory."""

from collections.abc import Callable
from uuid import UUID

from persistence.ports.tickets import TICKET_SECONDS, Ticket


class MemoryTickets:
    """`Tickets` by the clock that is given, in seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[bytes, tuple[float, Ticket]] = {}

    async def issue(self, digest: bytes, ticket: Ticket) -> None:
        """See `Tickets.issue`."""
        self._issued[digest] = self._clock() + TICKET_SECONDS, ticket

    async def redeem(self, digest: bytes, pipeline_id: UUID) -> Ticket | None:
        """See `Tickets.redeem`."""
        until, ticket = self._issued.get(digest, (0.0, None))
        if ticket is None or ticket.pipeline_id != pipeline_id or until <= self._clock():
            return None
        del self._issued[digest]
        return ticket
