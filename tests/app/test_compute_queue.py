import asyncio

import pytest

from app.compute_queue import AT_ONCE, FOR_NEWCOMERS, MAX_WAITING_OF_ONE, ComputeQueue
from crdt.errors import Overloaded
from tests.app.fakes import turns
from tests.contracts.stores import an_id

ADA = an_id(0)


async def test_a_few_tasks_run_at_once_and_the_others_wait_their_turn() -> None:
    bench, release = ComputeQueue(), asyncio.Event()
    running = 0

    async def work(user: int) -> None:
        nonlocal running
        async with bench.turn(an_id(user)):
            running += 1
            await release.wait()

    tasks = [asyncio.create_task(work(user)) for user in range(AT_ONCE + 3)]
    await turns()
    assert running == AT_ONCE
    release.set()
    await asyncio.gather(*tasks)
    assert running == AT_ONCE + 3


async def test_too_many_who_wait_are_sent_away_and_newcomers_later_than_others() -> None:
    queue, release = ComputeQueue(max_waiting=3), asyncio.Event()

    async def work(user: int) -> None:
        async with queue.turn(an_id(user)):
            await release.wait()

    tasks = [asyncio.create_task(work(user)) for user in (1, 1, 2)]
    await turns()
    with pytest.raises(Overloaded):
        await queue.run(an_id(1), int)
    tasks += [asyncio.create_task(work(user)) for user in range(10, 10 + FOR_NEWCOMERS)]
    await turns()
    with pytest.raises(Overloaded):
        await queue.run(ADA, int)
    release.set()
    await asyncio.gather(*tasks)
    assert await queue.run(ADA, int, "7") == 7


async def test_one_user_takes_one_turn_and_not_the_whole_queue() -> None:
    bench, release = ComputeQueue(), asyncio.Event()
    running = 0

    async def work() -> None:
        nonlocal running
        async with bench.turn(ADA):
            running += 1
            await release.wait()

    tasks = [asyncio.create_task(work()) for _ in range(MAX_WAITING_OF_ONE)]
    await turns()
    assert running == 1
    with pytest.raises(Overloaded):
        await bench.run(ADA, int)
    assert await bench.run(an_id(1), int, "7") == 7
    release.set()
    await asyncio.gather(*tasks)
    assert await bench.run(ADA, int, "7") == 7


async def test_a_task_that_fails_makes_room() -> None:
    bench = ComputeQueue()
    for _ in range(AT_ONCE + 1):
        with pytest.raises(ValueError, match="invalid literal"):
            await bench.run(ADA, int, "x")
    assert await bench.run(ADA, int, "7") == 7
