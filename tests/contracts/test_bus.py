"""What every bus promises: two nodes, and the rooms they have open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import pytest

from app.bus.base import Bus, BusUnavailable, OnListening, unmoved
from app.bus.memory import MemoryBus
from app.bus.postgres import open_postgres_transport
from app.bus.redis import open_redis_transport
from app.bus.remote import RemoteBus
from app.bus.transport import Transport
from app.bus_selection import run_bus
from crdt.protocol.messages import Stateless
from crdt.room.peer_messages import Committed, NodePresence, PeerMessage, PresenceQuery
from tests.contracts.stores import an_id
from tests.server import eventually

PATIENCE = 10.0
"""Seconds after which a test gives up waiting; nothing takes that long."""

FIRST, SECOND, LAST = Committed(1, b"first"), Committed(2, b"second"), Committed(3, b"last")


@dataclass
class Nodes:
    """The same bus as two nodes see it."""

    here: Bus
    there: Bus

    async def settled(self) -> None:
        """Wait until every room hears."""
        for bus in (self.here, self.there):
            if isinstance(bus, RemoteBus):
                await settled(bus)


async def settled(bus: RemoteBus) -> None:
    async def is_settled() -> bool:
        return bus.is_settled

    await eventually("a bus on which every room hears", is_settled)


@asynccontextmanager
async def remote(open_transport: Callable[[], Awaitable[Transport]]) -> AsyncIterator[Nodes]:
    async with run_bus(open_transport, "here") as here, run_bus(open_transport, "there") as there:
        yield Nodes(here, there)


class Room:
    """A subscriber that remembers what it heard."""

    def __init__(self, bus: Bus, pipeline: int = 1, on_listening: OnListening = unmoved) -> None:
        self._bus, self._pipeline_id = bus, an_id(pipeline)
        self._heard: asyncio.Queue[PeerMessage] = asyncio.Queue()
        self.close = bus.subscribe(self._pipeline_id, self._receive, on_listening)

    def _receive(self, message: PeerMessage) -> None:
        self._heard.put_nowait(message)

    def publish(self, *messages: PeerMessage) -> None:
        for message in messages:
            self._bus.publish(self._pipeline_id, message, self._receive)

    @property
    def is_silent(self) -> bool:
        """Whether nothing was heard that was not asked for."""
        return self._heard.empty()

    async def hears(self, message: PeerMessage) -> None:
        """Wait for a message, whatever comes before it."""
        while message not in await self.heard(1):
            pass

    async def heard(self, count: int) -> list[PeerMessage]:
        """The next messages; a bus may take its time."""
        async with asyncio.timeout(PATIENCE):
            return [await self._heard.get() for _ in range(count)]


@pytest.fixture(params=["memory", "redis", "cluster", "postgres"])
async def nodes(request: pytest.FixtureRequest) -> AsyncIterator[Nodes]:
    if request.param == "memory":
        # Two nodes in one process share one bus.
        bus = MemoryBus()
        yield Nodes(bus, bus)
    elif request.param == "postgres":
        open_transport = partial(
            open_postgres_transport, request.getfixturevalue("postgres_server")
        )
        async with remote(open_transport) as made:
            yield made
    else:
        server = "redis_url" if request.param == "redis" else "redis_cluster_url"
        async with remote(partial(open_redis_transport, request.getfixturevalue(server))) as made:
            yield made


async def test_a_message_reaches_the_other_node_in_order(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await nodes.settled()
    sender.publish(FIRST, SECOND, LAST)
    assert await receiver.heard(3) == [FIRST, SECOND, LAST]


async def test_a_message_keeps_its_kind_and_every_byte(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await nodes.settled()
    messages = (
        Committed(2**40, bytes(range(256)) * 16),
        Committed(3, None),
        Committed(1, b""),
        NodePresence("here", b"\x00", is_complete=False),
        NodePresence("é😀", bytes(range(256)) * 400, is_complete=True),
        PresenceQuery("here"),
        Stateless("é😀"),
    )
    sender.publish(*messages)
    assert await receiver.heard(len(messages)) == list(messages)


async def test_of_a_long_update_others_are_told_at_least(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await nodes.settled()
    long = Committed(7, bytes(5_000_000))
    sender.publish(long, LAST)
    told, last = await receiver.heard(2)
    assert told in (long, Committed(7, None))
    assert last == LAST


async def test_a_room_is_told_when_it_begins_to_hear(nodes: Nodes) -> None:
    begun = asyncio.Event()
    sender, receiver = Room(nodes.here), Room(nodes.there, on_listening=begun.set)
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
    sender.publish(FIRST)
    assert await receiver.heard(1) == [FIRST]


async def test_a_second_room_is_told_so_too(nodes: Nodes) -> None:
    Room(nodes.there)
    await nodes.settled()
    begun = asyncio.Event()
    Room(nodes.there, on_listening=begun.set)
    assert begun.is_set()


async def test_a_bus_that_works_says_so(nodes: Nodes) -> None:
    Room(nodes.here)
    await nodes.settled()

    async def works() -> bool:
        with suppress(BusUnavailable):
            await nodes.here.check()
            return True
        return False

    await eventually("a bus that works", works)


async def test_both_nodes_speak_and_hear(nodes: Nodes) -> None:
    one, other = Room(nodes.here), Room(nodes.there)
    await nodes.settled()
    one.publish(FIRST)
    assert await other.heard(1) == [FIRST]
    other.publish(SECOND)
    assert await one.heard(1) == [SECOND]


async def test_nobody_hears_itself(nodes: Nodes) -> None:
    sender, other = Room(nodes.here), Room(nodes.there)
    await nodes.settled()
    sender.publish(FIRST)
    await other.heard(1)
    other.publish(LAST)
    assert await sender.heard(1) == [LAST]


async def test_rooms_of_one_node_hear_each_other(nodes: Nodes) -> None:
    sender, neighbour = Room(nodes.here), Room(nodes.here)
    await nodes.settled()
    sender.publish(FIRST)
    assert await neighbour.heard(1) == [FIRST]


async def test_everybody_hears(nodes: Nodes) -> None:
    sender, rooms = Room(nodes.here), [Room(nodes.there) for _ in range(3)]
    await nodes.settled()
    sender.publish(FIRST)
    assert [await room.heard(1) for room in rooms] == [[FIRST]] * 3


async def test_other_pipelines_are_not_disturbed(nodes: Nodes) -> None:
    sender, other_pipeline = Room(nodes.here), Room(nodes.here, pipeline=2)
    await nodes.settled()
    stranger, receiver = Room(nodes.there, pipeline=2), Room(nodes.there)
    await nodes.settled()
    sender.publish(FIRST)
    await receiver.heard(1)
    other_pipeline.publish(LAST)
    assert await stranger.heard(1) == [LAST]


async def test_who_unsubscribed_hears_nothing_more(nodes: Nodes) -> None:
    sender, leaver, stayer = Room(nodes.here), Room(nodes.there), Room(nodes.there)
    await nodes.settled()
    sender.publish(FIRST)
    await leaver.heard(1)
    leaver.close()
    sender.publish(SECOND)
    assert await stayer.heard(2) == [FIRST, SECOND]
    assert leaver.is_silent


async def test_who_returns_hears_again(nodes: Nodes) -> None:
    sender, leaver = Room(nodes.here), Room(nodes.there)
    await nodes.settled()
    leaver.close()
    sender.publish(FIRST)
    returned, witness = Room(nodes.there), Room(nodes.there)
    await nodes.settled()
    sender.publish(LAST)
    # The first one may still have been on its way.
    await witness.hears(LAST)
    await returned.hears(LAST)


async def test_a_message_without_an_audience_is_no_error(nodes: Nodes) -> None:
    sender = Room(nodes.here)
    await nodes.settled()
    sender.publish(FIRST)
    sender.close()
    nodes.here.publish(an_id(3), FIRST, lambda message: None)


async def test_a_room_may_close_while_a_message_goes_round(nodes: Nodes) -> None:
    sender, witness = Room(nodes.here), Room(nodes.there)
    await nodes.settled()

    def close_all(message: PeerMessage) -> None:
        unsubscribe()

    unsubscribe = nodes.there.subscribe(an_id(1), close_all)
    late = Room(nodes.there)
    sender.publish(FIRST)
    sender.publish(LAST)
    assert await witness.heard(2) == await late.heard(2) == [FIRST, LAST]
