"""Who is told what in a room, and how often each client is written to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from app.rooms.fan_out import FanOut
from app.rooms.frames import FrameBatch
from crdt.errors import Draining
from crdt.protocol import hocuspocus, y_websocket
from crdt.protocol.messages import AwarenessUpdate, Message, Stateless, Update
from tests.app.fakes import Inbox

BUSY = 50
"""Clients enough for a window that a test can hold open."""


@dataclass
class Shelf(Inbox):
    """An inbox that keeps the parcels it was offered."""

    encode: Callable[[Message], bytes] = y_websocket.encode
    parcels: list[FrameBatch] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(encode=self.encode)
        self.second = asyncio.Event()

    def put(self, frame: bytes) -> None:
        self.parcels.append(FrameBatch.of([frame]))

    def offer(self, batch: FrameBatch) -> None:
        self.parcels.append(batch)
        if len(self.parcels) == 2:
            self.second.set()

    @property
    def told(self) -> list[tuple[bytes, ...]]:
        return [batch.payloads for batch in self.parcels]


def frames(*messages: Message) -> tuple[bytes, ...]:
    return tuple(map(y_websocket.encode, messages))


def crowd(count: int, longest_window: float = 10.0) -> tuple[FanOut, list[Shelf]]:
    audience, shelves = FanOut(longest_window), [Shelf() for _ in range(count)]
    for session, shelf in enumerate(shelves):
        audience.add(session, shelf)
    return audience, shelves


async def test_a_small_room_is_told_at_once() -> None:
    audience, shelves = crowd(3)
    for number in range(3):
        audience.broadcast(Update(b"%d" % number), exclude=None)
    assert [len(shelf.parcels) for shelf in shelves] == [3, 3, 3]


async def test_a_busy_room_is_told_the_first_at_once_and_the_rest_together() -> None:
    audience, shelves = crowd(BUSY)
    one, two, three = Update(b"one"), AwarenessUpdate(b"\x00"), Update(b"three")
    for message in (one, two, three):
        audience.broadcast(message, exclude=None)
    assert shelves[0].told == [frames(one)]
    await asyncio.wait_for(shelves[-1].second.wait(), 10)
    assert {tuple(shelf.told) for shelf in shelves} == {(frames(one), frames(two, three))}
    assert len({id(shelf.parcels[-1]) for shelf in shelves}) == 1, "made once"
    audience.close(Draining())


async def test_nobody_is_told_what_they_said_themselves() -> None:
    audience, shelves = crowd(BUSY)
    first, by_one, by_two = Update(b"first"), Update(b"by one"), Update(b"by two")
    audience.broadcast(first, exclude=0)
    audience.broadcast(by_one, exclude=1)
    audience.broadcast(by_two, exclude=2)
    audience.broadcast(Stateless("to everybody, so now"), None)
    assert shelves[0].told == [frames(by_one, by_two)]
    assert shelves[1].told == [frames(first), frames(by_two)]
    assert shelves[2].told == [frames(first), frames(by_one)]
    assert shelves[3].told == [frames(first), frames(by_one, by_two)]
    audience.close(Draining())


async def test_clients_of_both_protocols_are_told_in_their_own() -> None:
    audience, [shelf] = crowd(1)
    other = Shelf(hocuspocus.Encoder("name"))
    audience.add(1, other)
    message, stateless = Update(b"update"), Stateless("not of y-websocket")
    audience.broadcast(message, exclude=None)
    audience.broadcast(stateless, exclude=None)
    assert shelf.told == [frames(message)]
    assert other.told == [(other.encode(message),), (other.encode(stateless),)]


async def test_who_is_sent_away_is_told_nothing_more() -> None:
    audience, shelves = crowd(BUSY)
    for number in range(3):
        audience.broadcast(Update(b"%d" % number), exclude=None)
    audience.close(Draining())
    assert [len(shelf.parcels) for shelf in shelves] == [1] * BUSY
    assert shelves[0].close_code == 1012
