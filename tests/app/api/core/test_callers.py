from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.api.core.callers import Callers, issue_ticket
from app.auth.tokens import Claims, Tokens
from crdt.errors import Unauthenticated
from persistence.memory.tickets import MemoryTickets
from persistence.ports.directory import User
from persistence.ports.tickets import Ticket
from tests.contracts.stores import NOON, an_id

TOKENS = Tokens("a secret of the tests, long enough for HS256")
ADA = User(an_id(5), "ada@example.org", "Ada")
STREAM = f"/pipelines/{an_id(1)}/events"
TICKET = Ticket(an_id(7), an_id(1), NOON + timedelta(hours=1))


@pytest.fixture
def tickets() -> MemoryTickets:
    return MemoryTickets(lambda: 0.0)


async def claims(
    tickets: MemoryTickets, path: str, query: str = "", token: str = "", method: str = "GET"
) -> Claims:
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": f"/api{path}",
        "root_path": "/api",
        "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {token}".encode())] if token else [],
    }
    return await Callers(TOKENS, tickets).claims(scope)


async def test_a_ticket_opens_the_stream_of_its_pipeline_once(tickets: MemoryTickets) -> None:
    text = await issue_ticket(tickets, TICKET)
    found = await claims(tickets, STREAM, f"ticket={text}")
    assert found == Claims(TICKET.user_id, TICKET.expires_at)
    with pytest.raises(Unauthenticated, match="used or has expired"):
        await claims(tickets, STREAM, f"ticket={text}")


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (f"/pipelines/{an_id(2)}/events", "GET"),
        (f"/pipelines/{an_id(1)}", "GET"),
        (f"{STREAM}/", "GET"),
        (STREAM, "POST"),
        (f"/pipelines/{'-' * 36}/events", "GET"),
        ("/me", "GET"),
    ],
)
async def test_a_ticket_opens_nothing_else(tickets: MemoryTickets, path: str, method: str) -> None:
    text = await issue_ticket(tickets, TICKET)
    with pytest.raises(Unauthenticated):
        await claims(tickets, path, f"ticket={text}", method=method)
    assert await claims(tickets, STREAM, f"ticket={text}")


@pytest.mark.parametrize("query", ["ticket=", "ticket=%00", "ticket=ä", "ticket=" + "a" * 42])
async def test_what_cannot_be_a_ticket_is_none(tickets: MemoryTickets, query: str) -> None:
    with pytest.raises(Unauthenticated):
        await claims(tickets, STREAM, query)


async def test_a_token_goes_before_a_ticket_and_leaves_it(tickets: MemoryTickets) -> None:
    text = await issue_ticket(tickets, TICKET)
    token = TOKENS.issue(ADA, timedelta(hours=1), datetime.now(UTC))
    assert (await claims(tickets, STREAM, f"ticket={text}", token)).user_id == ADA.id
    assert await claims(tickets, STREAM, f"ticket={text}")


async def test_no_two_tickets_are_alike(tickets: MemoryTickets) -> None:
    assert len({await issue_ticket(tickets, TICKET) for _ in range(10)}) == 10
