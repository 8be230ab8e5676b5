"""The contract of the lease of the shapes: one has it, and another only when it is over."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from persistence.memory.shape_lease import MemoryShapeLease
from persistence.ports.shape_lease import Holder, ShapeLease
from persistence.postgres.pool import Pool
from persistence.postgres.shape_lease import PostgresShapeLease
from tests.contracts.stores import an_id

ONE, OTHER = Holder(an_id(1), "127.0.0.1:4001"), Holder(an_id(2), "127.0.0.1:4002")
SECONDS = 60.0


@dataclass
class Office:
    """The lease, and a way to let its time pass."""

    lease: ShapeLease
    pass_time: Callable[[], Awaitable[None]]


@dataclass
class Time:
    seconds: float = field(default=0.0)

    async def passes(self) -> None:
        self.seconds += SECONDS


@pytest.fixture(params=["memory", "postgres"])
def office(request: pytest.FixtureRequest) -> Office:
    if request.param == "memory":
        time = Time()
        return Office(MemoryShapeLease(lambda: time.seconds), time.passes)
    pool: Pool = request.getfixturevalue("pool")
    older = f"UPDATE shape_lease SET expires_at = expires_at - interval '{SECONDS} s'"
    return Office(PostgresShapeLease(pool), lambda: pool.run_script(older))


async def test_who_comes_first_has_it(office: Office) -> None:
    assert await office.lease.holder() is None
    assert await office.lease.take(ONE, SECONDS) == ONE
    assert await office.lease.take(OTHER, SECONDS) == ONE
    assert await office.lease.holder() == ONE


async def test_of_many_at_once_one_gets_it(office: Office) -> None:
    holders = [replace(ONE, id=an_id(number)) for number in range(8)]
    found = await asyncio.gather(*(office.lease.take(one, SECONDS) for one in holders))
    assert len({one.id for one in found}) == 1


async def test_who_has_it_renews_it_also_at_another_address(office: Office) -> None:
    await office.lease.take(ONE, SECONDS)
    await office.pass_time()
    moved = replace(ONE, address="[::1]:4003")
    assert await office.lease.take(moved, SECONDS) == moved
    assert await office.lease.holder() == moved
    assert await office.lease.take(OTHER, SECONDS) == moved


async def test_when_it_is_over_another_may_take_it(office: Office) -> None:
    await office.lease.take(ONE, SECONDS)
    await office.pass_time()
    assert await office.lease.holder() is None
    assert await office.lease.take(OTHER, SECONDS) == OTHER
    assert await office.lease.take(ONE, SECONDS) == OTHER


async def test_only_who_has_it_can_give_it_back(office: Office) -> None:
    await office.lease.take(ONE, SECONDS)
    await office.lease.release(OTHER)
    assert await office.lease.holder() == ONE
    await office.lease.release(ONE)
    await office.lease.release(ONE)
    assert await office.lease.take(OTHER, SECONDS) == OTHER
