"""Things pass at once after a pause, and together when they come fast."""

import asyncio

from app.rooms.coalescing import Coalescer

Sent = list[list[int]]


async def test_the_first_goes_at_once_and_the_rest_together() -> None:
    sent: Sent = []
    arrived = asyncio.Event()

    def send(things: list[int]) -> None:
        sent.append(things)
        if len(sent) == 2:
            arrived.set()

    window = Coalescer(lambda: 0.001, send)
    for thing in range(1, 6):
        window.add(thing)
    assert sent == [[1]]
    await asyncio.wait_for(arrived.wait(), 10)
    assert sent == [[1], [2, 3, 4, 5]]
    window.close()


async def test_without_a_window_everything_goes_at_once() -> None:
    sent: Sent = []
    window = Coalescer(lambda: 0.0, sent.append)
    for thing in range(1, 4):
        window.add(thing)
    assert sent == [[1], [2], [3]]


async def test_what_comes_while_something_is_sent_waits_its_turn() -> None:
    sent: Sent = []

    def send(things: list[int]) -> None:
        if things == [1]:
            window.add(2)
        sent.append(things)

    window = Coalescer(lambda: 10.0, send)
    window.add(1)
    window.flush()
    assert sent == [[1], [2]]
    window.close()


async def test_a_flushed_window_stays_open() -> None:
    sent: Sent = []
    window = Coalescer(lambda: 10.0, sent.append)
    for thing in (1, 2, 3):
        window.add(thing)
    window.flush()
    window.add(4)
    window.flush()
    window.flush()
    assert sent == [[1], [2, 3], [4]]
    window.close()


async def test_a_closed_window_passes_nothing_on() -> None:
    sent: Sent = []
    window = Coalescer(lambda: 10.0, sent.append)
    window.add(1)
    window.add(2)
    window.close()
    assert window._timer is not None
    assert window._timer.cancelled()
    assert sent == [[1]]
