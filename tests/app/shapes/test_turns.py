"""Turns of users: some at once, and the others in a line."""

import asyncio
from uuid import UUID

from app.shapes.turns import Turns
from tests.server import eventually

ADA, BEN = UUID(int=1), UUID(int=2)


async def test_a_user_waits_for_the_own_work_alone() -> None:
    turns, running = Turns(2), list[UUID]()
    go_on = asyncio.Event()

    async def work(user_id: UUID) -> None:
        async with turns.of(user_id):
            running.append(user_id)
            await go_on.wait()

    tasks = [asyncio.create_task(work(user)) for user in (ADA, ADA, ADA, ADA, BEN)]
    await eventually("three at work", lambda: asyncio.sleep(0, len(running) == 3))
    assert running == [ADA, ADA, BEN]
    # Who goes away while waiting is in nobody's way.
    tasks[2].cancel()
    go_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert running == [ADA, ADA, BEN, ADA]
    assert len(turns) == 0
