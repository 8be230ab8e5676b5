"""Things pass at once after a pause, and together when they come fast."""

import asyncio

from app.rooms.coalescing import Coalescer

Sent = list[list[int]]


async def test_the_first_goes_at_once_and_the_rest_together() -> None:
    sent: Sent = []
    arrived = asyncio.Event()

    def send(items: list[int]) -> None:
        sent.append(items)
        if len(sent) == 2:
            arrived.set()

    coalescer = Coalescer(lambda: 0.001, send)
    for item in range(1, 6):
        coalescer.add(item)
    assert sent == [[1]]
    await asyncio.wait_for(arrived.wait(), 10)
    assert sent == [[1], [2, 3, 4, 5]]
    coalescer.close()


async def test_without_a_window_everything_goes_at_once() -> None:
    sent: Sent = []
    coalescer = Coalescer(lambda: 0.0, sent.append)
    for item in range(1, 4):
        coalescer.add(item)
    assert sent == [[1], [2], [3]]


async def test_what_comes_while_something_is_sent_waits_its_turn() -> None:
    sent: Sent = []

    def send(items: list[int]) -> None:
        if items == [1]:
            coalescer.add(2)
        sent.append(items)

    coalescer = Coalescer(lambda: 10.0, send)
    coalescer.add(1)
    coalescer.flush()
    assert sent == [[1], [2]]
    coalescer.close()


async def test_a_flushed_window_stays_open() -> None:
    sent: Sent = []
    coalescer = Coalescer(lambda: 10.0, sent.append)
    for item in (1, 2, 3):
        coalescer.add(item)
    coalescer.flush()
    coalescer.add(4)
    coalescer.flush()
    coalescer.flush()
    assert sent == [[1], [2, 3], [4]]
    coalescer.close()


async def test_a_closed_window_passes_nothing_on() -> None:
    sent: Sent = []
    coalescer = Coalescer(lambda: 10.0, sent.append)
    coalescer.add(1)
    coalescer.add(2)
    coalescer.close()
    assert coalescer._timer is not None
    assert coalescer._timer.cancelled()
    assert sent == [[1]]
