"""Tickets in the table event_tickets."""

from uuid import UUID

from persistence.ports.tickets import TICKET_SECONDS, Ticket

from .pool import Pool


class PostgresTickets:
    """`Tickets` over one unlogged table, by PostgreSQL's clock."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def issue(self, digest: bytes, ticket: Ticket) -> None:
        """See `Tickets.issue`."""
        await self._pool.execute(
            "issue_ticket",
            digest,
            ticket.user_id,
            ticket.pipeline_id,
            ticket.expires_at,
            TICKET_SECONDS,
        )

    async def redeem(self, digest: bytes, pipeline_id: UUID) -> Ticket | None:
        """See `Tickets.redeem`."""
        row = await self._pool.fetchrow("redeem_ticket", digest, pipeline_id)
        return None if row is None else Ticket(row["user_id"], pipeline_id, row["token_expires_at"])
