import asyncio

from app.tasks import in_background


async def test_what_goes_on_beside_a_block_ends_with_it() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def going_on() -> None:
        try:
            begun.set()
            await asyncio.Future()
        finally:
            ended.set()

    async with in_background(going_on()):
        await begun.wait()
        assert not ended.is_set()
    assert ended.is_set()


async def test_a_failure_beside_it_leaves_the_block_alone() -> None:
    async def failing() -> None:
        raise LookupError

    async with in_background(failing()):
        await asyncio.sleep(0)
