"""Requests that wait: counted, woken, and given up without leaving anything behind."""

import asyncio
from uuid import uuid4

import pytest

from app.shapes.answers import MustRefetch, TooManyShapes
from app.shapes.live_requests import Bell, LiveCount
from tests.app.shapes.mock_electric import until


def test_a_user_has_so_many_requests_and_others_have_theirs() -> None:
    count, ada, bob = LiveCount(2), uuid4(), uuid4()
    ends = [count.begin(ada), count.begin(ada)]
    with pytest.raises(TooManyShapes, match="you have 2 live requests") as refused:
        count.begin(ada)
    assert refused.value.is_own
    count.begin(bob)
    for _ in range(2):
        ends[0]()
    count.begin(ada)
    with pytest.raises(TooManyShapes):
        count.begin(ada)


def test_a_request_is_counted_while_a_block_runs() -> None:
    count, ada = LiveCount(1), uuid4()
    with count.counted(ada):
        assert count.of(ada) == 1
        with pytest.raises(TooManyShapes), count.counted(ada):
            raise AssertionError
    assert count.of(ada) == 0
    with count.counted(ada):
        pass


async def test_whoever_waits_looks_when_the_bell_rings() -> None:
    bell, done, looks = Bell(), asyncio.Event(), asyncio.Queue[int]()

    async def work() -> str:
        await done.wait()
        return "done"

    async def look() -> None:
        looks.put_nowait(1)
        if looks.qsize() == 1:
            # Somebody rings while one looks.
            bell.ring()

    waiting = asyncio.create_task(bell.listener().until(asyncio.ensure_future(work()), look))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    bell.ring()
    await until(lambda: looks.qsize() == 2)
    done.set()
    assert await waiting == "done"
    assert looks.qsize() == 2


async def test_what_was_made_meanwhile_is_discarded() -> None:
    bell, discarded = Bell(), list[str]()
    stubborn = asyncio.Event()

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await stubborn.wait()
        return "made all the same"

    async def look() -> None:
        stubborn.set()
        raise MustRefetch("other_scope")

    async def discard(made: str) -> None:
        discarded.append(made)

    task = asyncio.ensure_future(work())
    waiting = asyncio.create_task(bell.listener().until(task, look, discard))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    bell.ring()
    with pytest.raises(MustRefetch):
        await waiting
    assert discarded == ["made all the same"]


async def test_who_is_cancelled_gives_up_the_work() -> None:
    bell = Bell()

    async def look() -> None:
        raise AssertionError

    task = asyncio.ensure_future(asyncio.Event().wait())
    waiting = asyncio.create_task(bell.listener().until(task, look))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert task.cancelled()


async def test_what_was_rung_before_somebody_waits_counts() -> None:
    bell, looks = Bell(), list[int]()

    async def look() -> None:
        looks.append(1)
        raise MustRefetch("other_scope")

    listener = bell.listener()
    bell.ring()
    with pytest.raises(MustRefetch):
        await listener.until(asyncio.ensure_future(asyncio.Event().wait()), look)
    assert looks == [1]
