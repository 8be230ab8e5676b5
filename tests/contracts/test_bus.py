"""What every bus promises: two nodes, and the rooms they have open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import pytest

from app.bus.base import Bus, BusUnavailable
from app.bus.memory import MemoryBus
from app.bus.postgres import open_postgres_transport
from app.bus.redis import open_redis_transport
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


@asynccontextmanager
async def remote(open_transport: Callable[[], Awaitable[Transport]]) -> AsyncIterator[Nodes]:
    async with run_bus(open_transport, "here") as here, run_bus(open_transport, "there") as there:
        yield Nodes(here, there)


class Room:
    """A subscriber that records what it received, and how often its subscription became active."""

    def __init__(self, bus: Bus, pipeline: int = 1) -> None:
        self._bus, self._pipeline_id = bus, an_id(pipeline)
        self._received: asyncio.Queue[PeerMessage] = asyncio.Queue()
        self._subscribed = asyncio.Event()
        self.times_subscribed = 0
        self.close = bus.subscribe(self._pipeline_id, self._receive, self._on_subscribed)

    def _receive(self, message: PeerMessage) -> None:
        self._received.put_nowait(message)

    def _on_subscribed(self) -> None:
        self.times_subscribed += 1
        self._subscribed.set()

    async def subscribed(self, times: int = 1) -> None:
        """Wait until the subscription has become active so many times."""
        async with asyncio.timeout(PATIENCE):
            while self.times_subscribed < times:
                self._subscribed.clear()
                await self._subscribed.wait()

    def publish(self, *messages: PeerMessage) -> None:
        for message in messages:
            self._bus.publish(self._pipeline_id, message, self._receive)

    @property
    def has_received_all(self) -> bool:
        """Whether nothing was received that `receive` has not returned."""
        return self._received.empty()

    async def receive_until(self, message: PeerMessage) -> None:
        """Wait for a message, whatever comes before it."""
        while message not in await self.receive(1):
            pass

    async def receive(self, count: int) -> list[PeerMessage]:
        """Wait for the next messages; a bus may take its time."""
        async with asyncio.timeout(PATIENCE):
            return [await self._received.get() for _ in range(count)]


async def subscribed(*rooms: Room) -> None:
    """Wait until all these rooms receive what is published."""
    for room in rooms:
        await room.subscribed()


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


async def test_messages_reach_the_other_node_in_order(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, receiver)
    sender.publish(FIRST, SECOND, LAST)
    assert await receiver.receive(3) == [FIRST, SECOND, LAST]


async def test_a_message_keeps_its_kind_and_every_byte(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, receiver)
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
    assert await receiver.receive(len(messages)) == list(messages)


async def test_of_a_long_update_the_number_is_published_at_least(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, receiver)
    long = Committed(7, bytes(5_000_000))
    sender.publish(long, LAST)
    received, last = await receiver.receive(2)
    assert received in (long, Committed(7, None))
    assert last == LAST


async def test_what_is_published_once_a_room_is_subscribed_reaches_it(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await receiver.subscribed()
    sender.publish(FIRST)
    assert await receiver.receive(1) == [FIRST]


async def test_a_second_room_of_a_pipeline_is_subscribed_at_once(nodes: Nodes) -> None:
    await Room(nodes.there).subscribed()
    assert Room(nodes.there).times_subscribed == 1


async def test_a_bus_that_works_passes_its_check(nodes: Nodes) -> None:
    await Room(nodes.here).subscribed()

    async def works() -> bool:
        with suppress(BusUnavailable):
            await nodes.here.check()
            return True
        return False

    await eventually("a bus that works", works)


async def test_both_nodes_publish_and_receive(nodes: Nodes) -> None:
    one, other = Room(nodes.here), Room(nodes.there)
    await subscribed(one, other)
    one.publish(FIRST)
    assert await other.receive(1) == [FIRST]
    other.publish(SECOND)
    assert await one.receive(1) == [SECOND]


async def test_a_sender_does_not_receive_its_own_message(nodes: Nodes) -> None:
    sender, other = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, other)
    sender.publish(FIRST)
    await other.receive(1)
    other.publish(LAST)
    assert await sender.receive(1) == [LAST]


async def test_rooms_of_one_node_receive_from_each_other(nodes: Nodes) -> None:
    sender, neighbour = Room(nodes.here), Room(nodes.here)
    await subscribed(sender, neighbour)
    sender.publish(FIRST)
    assert await neighbour.receive(1) == [FIRST]


async def test_every_room_of_a_pipeline_receives(nodes: Nodes) -> None:
    sender, rooms = Room(nodes.here), [Room(nodes.there) for _ in range(3)]
    await subscribed(sender, *rooms)
    sender.publish(FIRST)
    assert [await room.receive(1) for room in rooms] == [[FIRST]] * 3


async def test_rooms_of_other_pipelines_do_not_receive(nodes: Nodes) -> None:
    sender, other_pipeline = Room(nodes.here), Room(nodes.here, pipeline=2)
    stranger, receiver = Room(nodes.there, pipeline=2), Room(nodes.there)
    await subscribed(sender, other_pipeline, stranger, receiver)
    sender.publish(FIRST)
    await receiver.receive(1)
    other_pipeline.publish(LAST)
    assert await stranger.receive(1) == [LAST]


async def test_a_room_that_unsubscribed_receives_nothing_more(nodes: Nodes) -> None:
    sender, leaver, stayer = Room(nodes.here), Room(nodes.there), Room(nodes.there)
    await subscribed(sender, leaver, stayer)
    sender.publish(FIRST)
    await leaver.receive(1)
    leaver.close()
    sender.publish(SECOND)
    assert await stayer.receive(2) == [FIRST, SECOND]
    assert leaver.has_received_all


async def test_a_room_that_subscribes_again_receives_again(nodes: Nodes) -> None:
    sender, leaver = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, leaver)
    leaver.close()
    sender.publish(FIRST)
    returned, witness = Room(nodes.there), Room(nodes.there)
    await subscribed(returned, witness)
    sender.publish(LAST)
    # The first one may still have been on its way.
    await witness.receive_until(LAST)
    await returned.receive_until(LAST)


async def test_a_message_without_a_subscriber_is_no_error(nodes: Nodes) -> None:
    sender = Room(nodes.here)
    await sender.subscribed()
    sender.publish(FIRST)
    sender.close()
    nodes.here.publish(an_id(3), FIRST, lambda message: None)


async def test_a_room_may_unsubscribe_while_a_message_is_delivered(nodes: Nodes) -> None:
    sender, witness = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, witness)

    def unsubscribe_itself(message: PeerMessage) -> None:
        unsubscribe()

    unsubscribe = nodes.there.subscribe(an_id(1), unsubscribe_itself)
    late = Room(nodes.there)
    sender.publish(FIRST)
    sender.publish(LAST)
    assert await witness.receive(2) == await late.receive(2) == [FIRST, LAST]
