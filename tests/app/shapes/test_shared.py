"""Questions share an answer that is of a moment after each of them."""

import asyncio
from collections import Counter

import pytest

from app.shapes.shared import ANSWERED_AT_ONCE, Shared


class Looks:
    """Looks that end when they are let go; `asked` has the questions of each."""

    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []
        self.ends: list[asyncio.Future[int]] = []
        self.begun = asyncio.Condition()

    async def look(self, questions: frozenset[str]) -> int:
        async with self.begun:
            self.asked.append(questions)
            self.ends.append(asyncio.get_running_loop().create_future())
            self.begun.notify_all()
        return await self.ends[-1]

    async def begin(self, number: int) -> None:
        """Wait until so many looks have begun."""
        async with asyncio.timeout(10), self.begun:
            await self.begun.wait_for(lambda: len(self.asked) >= number)


async def test_questions_of_one_moment_are_one_look() -> None:
    looks = Looks()
    shared = Shared(looks.look)
    asking = [asyncio.create_task(shared.ask(question)) for question in "aba"]
    await looks.begin(1)
    looks.ends[0].set_result(7)
    assert await asyncio.gather(*asking) == [7, 7, 7]
    assert looks.asked == [{"a", "b"}]


async def test_who_asks_during_a_look_gets_the_next_one() -> None:
    looks = Looks()
    shared = Shared(looks.look)
    early = asyncio.create_task(shared.ask("a"))
    await looks.begin(1)
    late = [asyncio.create_task(shared.ask(question)) for question in "bc"]
    await asyncio.sleep(0)
    looks.ends[0].set_result(1)
    assert await early == 1
    await looks.begin(2)
    looks.ends[1].set_result(2)
    assert await asyncio.gather(*late) == [2, 2]
    assert looks.asked == [{"a"}, {"b", "c"}]


async def test_who_goes_away_leaves_the_look_to_the_others() -> None:
    looks = Looks()
    shared = Shared(looks.look)
    leaving, staying = (asyncio.create_task(shared.ask("a")) for _ in range(2))
    await looks.begin(1)
    leaving.cancel()
    await asyncio.sleep(0)
    looks.ends[0].set_result(5)
    assert await staying == 5
    assert leaving.cancelled()


async def test_a_look_that_fails_fails_for_its_questions_alone() -> None:
    looks = Looks()
    shared = Shared(looks.look)
    failing = asyncio.create_task(shared.ask("a"))
    await looks.begin(1)
    following = asyncio.create_task(shared.ask("b"))
    await asyncio.sleep(0)
    looks.ends[0].set_exception(ValueError("away"))
    with pytest.raises(ValueError, match="away"):
        await failing
    await looks.begin(2)
    looks.ends[1].set_result(3)
    assert await following == 3


async def test_many_who_ask_at_once_go_on_a_few_at_a_time() -> None:
    looks = Looks()
    shared = Shared(looks.look)
    turn, gone_on = 0, list[int]()

    async def ask() -> None:
        await shared.ask("a")
        gone_on.append(turn)

    asking = [asyncio.create_task(ask()) for _ in range(5 * ANSWERED_AT_ONCE)]
    await looks.begin(1)
    looks.ends[0].set_result(1)
    async with asyncio.timeout(10):
        while len(gone_on) < len(asking):
            await asyncio.sleep(0)
            turn += 1
    assert max(Counter(gone_on).values()) == ANSWERED_AT_ONCE
    await asyncio.gather(*asking)


async def test_the_next_look_does_not_wait_until_all_have_gone_on() -> None:
    looks = Looks()
    shared = Shared(looks.look)
    early = [asyncio.create_task(shared.ask("a")) for _ in range(5 * ANSWERED_AT_ONCE)]
    await looks.begin(1)
    late = asyncio.create_task(shared.ask("b"))
    await asyncio.sleep(0)
    looks.ends[0].set_result(1)
    await looks.begin(2)
    assert not all(task.done() for task in early)
    looks.ends[1].set_result(2)
    assert await asyncio.gather(*early, late) == [1] * len(early) + [2]
