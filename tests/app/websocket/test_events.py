"""A slim event behaves as `asyncio.Event` does."""

import asyncio

from app.websocket.events import SlimEvent


async def test_whoever_waits_goes_on_when_it_is_set_and_waits_again_when_it_was_cleared() -> None:
    event = SlimEvent()
    waiting = [asyncio.create_task(event.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert (event.is_set(), [each.done() for each in waiting]) == (False, [False, False])
    event.set()
    # As `asyncio.Event` has it: who waited goes on, though it is cleared at once.
    event.clear()
    assert await asyncio.gather(*waiting) == [True, True]
    again = asyncio.create_task(event.wait())
    await asyncio.sleep(0)
    assert (again.done(), event.is_set()) == (False, False)
    event.set()
    assert (await again, event.is_set(), await event.wait()) == (True, True, True)
