"""What every bus promises: two nodes, and the rooms they have open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from app.bus.base import Bus
from app.bus.memory import MemoryBus
from crdt.messages import Stateless
from crdt.news import Committed, News, Roster, WhoIsHere
from tests.contracts.stores import an_id

PATIENCE = 10.0
"""Seconds after which a test gives up waiting; nothing takes that long."""

FIRST, SECOND, LAST = Committed(1, b"first"), Committed(2, b"second"), Committed(3, b"last")

Buses: TypeAlias = "Callable[[], AbstractAsyncContextManager[tuple[Bus, Bus]]]"


@asynccontextmanager
async def memory() -> AsyncIterator[tuple[Bus, Bus]]:
    """Two nodes in one process share one bus."""
    bus = MemoryBus()
    yield bus, bus


@dataclass
class Nodes:
    """The same bus as two nodes see it."""

    here: Bus
    there: Bus


class Room:
    """A subscriber that remembers what it heard."""

    def __init__(self, bus: Bus, pipeline: int = 1) -> None:
        self._bus, self._pipeline_id = bus, an_id(pipeline)
        self._heard: asyncio.Queue[News] = asyncio.Queue()
        self.close = bus.subscribe(self._pipeline_id, self._hear)

    def _hear(self, message: News) -> None:
        self._heard.put_nowait(message)

    def publish(self, *messages: News) -> None:
        for message in messages:
            self._bus.publish(self._pipeline_id, message, self._hear)

    @property
    def is_silent(self) -> bool:
        """Whether nothing was heard that was not asked for."""
        return self._heard.empty()

    async def heard(self, count: int) -> list[News]:
        """The next messages; a bus may take its time."""
        async with asyncio.timeout(PATIENCE):
            return [await self._heard.get() for _ in range(count)]


@pytest.fixture(params=[memory])
async def nodes(request: pytest.FixtureRequest) -> AsyncIterator[Nodes]:
    buses: Buses = request.param
    async with buses() as (here, there):
        yield Nodes(here, there)


async def test_a_message_reaches_the_other_node_in_order(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    sender.publish(FIRST, SECOND, LAST)
    assert await receiver.heard(3) == [FIRST, SECOND, LAST]


async def test_a_message_keeps_its_kind_and_every_byte(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    messages = (
        Committed(2**40, bytes(range(256)) * 400),
        Committed(1, b""),
        Roster("here", b"\x00", is_complete=False),
        Roster("é😀", bytes(range(256)), is_complete=True),
        WhoIsHere("here"),
        Stateless("é😀"),
    )
    sender.publish(*messages)
    assert await receiver.heard(len(messages)) == list(messages)


async def test_both_nodes_speak_and_hear(nodes: Nodes) -> None:
    one, other = Room(nodes.here), Room(nodes.there)
    one.publish(FIRST)
    assert await other.heard(1) == [FIRST]
    other.publish(SECOND)
    assert await one.heard(1) == [SECOND]


async def test_nobody_hears_itself(nodes: Nodes) -> None:
    sender, other = Room(nodes.here), Room(nodes.there)
    sender.publish(FIRST)
    await other.heard(1)
    other.publish(LAST)
    assert await sender.heard(1) == [LAST]


async def test_rooms_of_one_node_hear_each_other(nodes: Nodes) -> None:
    sender, neighbour = Room(nodes.here), Room(nodes.here)
    sender.publish(FIRST)
    assert await neighbour.heard(1) == [FIRST]


async def test_everybody_hears(nodes: Nodes) -> None:
    sender, rooms = Room(nodes.here), [Room(nodes.there) for _ in range(3)]
    sender.publish(FIRST)
    assert [await room.heard(1) for room in rooms] == [[FIRST]] * 3


async def test_other_pipelines_are_not_disturbed(nodes: Nodes) -> None:
    sender, other_pipeline = Room(nodes.here), Room(nodes.here, pipeline=2)
    stranger, receiver = Room(nodes.there, pipeline=2), Room(nodes.there)
    sender.publish(FIRST)
    await receiver.heard(1)
    other_pipeline.publish(LAST)
    assert await stranger.heard(1) == [LAST]


async def test_who_unsubscribed_hears_nothing_more(nodes: Nodes) -> None:
    sender, leaver, stayer = Room(nodes.here), Room(nodes.there), Room(nodes.there)
    sender.publish(FIRST)
    await leaver.heard(1)
    leaver.close()
    sender.publish(SECOND)
    assert await stayer.heard(2) == [FIRST, SECOND]
    assert leaver.is_silent


async def test_who_returns_hears_again(nodes: Nodes) -> None:
    sender, leaver = Room(nodes.here), Room(nodes.there)
    leaver.close()
    sender.publish(FIRST)
    returned, witness = Room(nodes.there), Room(nodes.there)
    sender.publish(LAST)
    assert LAST in await witness.heard(1)
    assert LAST in await returned.heard(1)


async def test_a_message_without_an_audience_is_no_error(nodes: Nodes) -> None:
    sender = Room(nodes.here)
    sender.publish(FIRST)
    sender.close()
    nodes.here.publish(an_id(3), FIRST, lambda message: None)


async def test_a_room_may_close_while_a_message_goes_round(nodes: Nodes) -> None:
    sender, witness = Room(nodes.here), Room(nodes.there)

    def close_all(message: News) -> None:
        unsubscribe()

    unsubscribe = nodes.there.subscribe(an_id(1), close_all)
    late = Room(nodes.there)
    sender.publish(FIRST)
    sender.publish(LAST)
    assert await witness.heard(2) == await late.heard(2) == [FIRST, LAST]
