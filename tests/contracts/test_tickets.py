"""The contract of tickets: each is redeemed once, for its pipeline, within its time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from persistence.memory.tickets import MemoryTickets
from persistence.ports.tickets import TICKET_SECONDS, Ticket, Tickets
from persistence.postgres.pool import Pool
from persistence.postgres.tickets import PostgresTickets
from tests.contracts.stores import NOON, an_id

TICKET = Ticket(an_id(5), an_id(1), NOON + timedelta(hours=1))


@dataclass
class Booth:
    """Tickets, and a way to let their time pass."""

    tickets: Tickets
    pass_time: Callable[[], Awaitable[None]]


@dataclass
class Time:
    seconds: float = field(default=0.0)

    async def passes(self) -> None:
        self.seconds += TICKET_SECONDS


@pytest.fixture(params=["memory", "postgres"])
def booth(request: pytest.FixtureRequest) -> Booth:
    if request.param == "memory":
        time = Time()
        return Booth(MemoryTickets(lambda: time.seconds), time.passes)
    pool: Pool = request.getfixturevalue("pool")
    older = f"UPDATE event_tickets SET expires_at = expires_at - interval '{TICKET_SECONDS} s'"
    return Booth(PostgresTickets(pool), lambda: pool.run_script(older))


async def test_a_ticket_is_redeemed_once(booth: Booth) -> None:
    await booth.tickets.issue(b"a", TICKET)
    assert await booth.tickets.redeem(b"a", an_id(1)) == TICKET
    assert await booth.tickets.redeem(b"a", an_id(1)) is None


async def test_of_several_who_try_at_once_one_gets_it(booth: Booth) -> None:
    await booth.tickets.issue(b"a", TICKET)
    found = await asyncio.gather(*(booth.tickets.redeem(b"a", an_id(1)) for _ in range(5)))
    assert sorted(one is not None for one in found) == [False] * 4 + [True]


async def test_a_ticket_is_for_one_pipeline(booth: Booth) -> None:
    await booth.tickets.issue(b"a", TICKET)
    assert await booth.tickets.redeem(b"a", an_id(2)) is None
    assert await booth.tickets.redeem(b"b", an_id(1)) is None
    assert await booth.tickets.redeem(b"a", an_id(1)) == TICKET


async def test_a_ticket_that_is_too_old_is_none(booth: Booth) -> None:
    await booth.tickets.issue(b"a", TICKET)
    await booth.pass_time()
    await booth.tickets.issue(b"b", TICKET)
    assert await booth.tickets.redeem(b"a", an_id(1)) is None
    assert await booth.tickets.redeem(b"b", an_id(1)) == TICKET
