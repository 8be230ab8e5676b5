"""What waits is bounded, and the oldest gives way."""

import asyncio

from app.bus.publish_queue import BATCH, PublishQueue
from app.bus.transport import Received
from tests.contracts.stores import an_id


def message(number: int) -> Received:
    return Received(an_id(1), bytes([number]) * 10)


async def test_messages_are_taken_in_order_and_in_batches() -> None:
    outgoing = PublishQueue()
    waiting = [message(number) for number in range(BATCH + 1)]
    for each in waiting:
        outgoing.put(each)
    assert await outgoing.take() == waiting[:BATCH]
    assert await outgoing.take() == waiting[BATCH:]


async def test_who_takes_waits_for_a_message() -> None:
    outgoing = PublishQueue()
    taking = asyncio.create_task(outgoing.take())
    await asyncio.sleep(0)
    assert not taking.done()
    outgoing.put(message(1))
    assert await taking == [message(1)]


async def test_the_oldest_of_too_many_gives_way() -> None:
    outgoing = PublishQueue(max_messages=2)
    for number in range(3):
        outgoing.put(message(number))
    assert (await outgoing.take(), outgoing.dropped) == ([message(1), message(2)], 1)


async def test_the_oldest_of_too_long_ones_gives_way() -> None:
    outgoing = PublishQueue(max_bytes=25)
    for number in range(3):
        outgoing.put(message(number))
    assert (await outgoing.take(), outgoing.dropped) == ([message(1), message(2)], 1)
    outgoing.put(Received(an_id(1), bytes(26)))
    assert (len(outgoing), outgoing.dropped) == (0, 2)
