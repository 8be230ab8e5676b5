"""What waits to be published is bounded, and the oldest messages are dropped."""

import asyncio

from app.bus.publish_queue import BATCH, PublishQueue
from app.bus.transport import ChannelMessage
from app.telemetry.metrics import REGISTRY
from tests.contracts.stores import an_id


def message(number: int) -> ChannelMessage:
    return ChannelMessage(an_id(1), bytes([number]) * 10)


def dropped() -> float:
    labels = {"reason": "queue_full"}
    return REGISTRY.get_sample_value("pipeloom_bus_dropped_total", labels) or 0.0


async def test_messages_are_taken_in_order_and_in_batches() -> None:
    queue = PublishQueue()
    waiting = [message(number) for number in range(BATCH + 1)]
    for each in waiting:
        queue.put(each)
    assert await queue.next_batch() == waiting[:BATCH]
    assert await queue.next_batch() == waiting[BATCH:]


async def test_who_takes_waits_for_a_message() -> None:
    queue = PublishQueue()
    taking = asyncio.create_task(queue.next_batch())
    await asyncio.sleep(0)
    assert not taking.done()
    queue.put(message(1))
    assert await taking == [message(1)]


async def test_the_oldest_of_too_many_is_dropped() -> None:
    queue, before = PublishQueue(max_messages=2), dropped()
    for number in range(3):
        queue.put(message(number))
    assert await queue.next_batch() == [message(1), message(2)]
    assert dropped() == before + 1


async def test_the_oldest_of_too_many_bytes_is_dropped() -> None:
    queue, before = PublishQueue(max_bytes=25), dropped()
    for number in range(3):
        queue.put(message(number))
    assert await queue.next_batch() == [message(1), message(2)]
    assert dropped() == before + 1


async def test_a_message_longer_than_the_limit_is_dropped_itself() -> None:
    queue, before = PublishQueue(max_bytes=25), dropped()
    queue.put(ChannelMessage(an_id(1), bytes(26)))
    assert dropped() == before + 1
    queue.put(message(1))
    assert await queue.next_batch() == [message(1)]
