import asyncio

import pytest

from app.api import workbench
from app.api.workbench import AT_ONCE, Workbench
from crdt.errors import Overloaded
from tests.app.fakes import turns


async def test_a_few_tasks_run_at_once_and_the_others_wait_their_turn() -> None:
    bench, release = Workbench(), asyncio.Event()
    running = 0

    async def work() -> None:
        nonlocal running
        async with bench.turn():
            running += 1
            await release.wait()

    tasks = [asyncio.create_task(work()) for _ in range(AT_ONCE + 3)]
    await turns()
    assert running == AT_ONCE
    release.set()
    await asyncio.gather(*tasks)
    assert running == AT_ONCE + 3


async def test_too_many_who_wait_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "MAX_WAITING", 3)
    bench, release = Workbench(), asyncio.Event()

    async def work() -> None:
        async with bench.turn():
            await release.wait()

    tasks = [asyncio.create_task(work()) for _ in range(3)]
    await turns()
    with pytest.raises(Overloaded):
        await bench.run(int)
    release.set()
    await asyncio.gather(*tasks)
    assert await bench.run(int, "7") == 7


async def test_a_task_that_fails_makes_room() -> None:
    bench = Workbench()
    for _ in range(AT_ONCE + 1):
        with pytest.raises(ValueError, match="invalid literal"):
            await bench.run(int, "x")
    assert await bench.run(int, "7") == 7
