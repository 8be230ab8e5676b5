"""A bus connection over a transport that the test plays."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from app.bus.base import BusUnavailable, do_nothing
from app.bus.connection import BusConnection
from app.bus.publish_queue import PublishQueue
from app.bus.receiver import Receiver
from app.bus.subscriptions import Subscriptions
from app.bus.transport import ChannelMessage, Event, Subscribed
from app.bus.wire import encode
from app.tasks import end
from crdt.room.peer_messages import Committed
from tests.app.fakes import turns
from tests.contracts.stores import an_id

NEVER = 3_600.0
PIPELINE = an_id(1)


@dataclass
class FakeTransport:
    """Records what the connection asks for; the test decides what arrives."""

    max_message: int = 1_000
    max_update: int = 100
    subscribed: set[UUID] = field(default_factory=set)
    published: list[ChannelMessage] = field(default_factory=list)
    events: "asyncio.Queue[Event | Exception]" = field(default_factory=asyncio.Queue)

    async def subscribe(self, channels: Collection[UUID]) -> None:
        self.subscribed |= set(channels)

    async def unsubscribe(self, channels: Collection[UUID]) -> None:
        self.subscribed -= set(channels)

    async def publish(self, messages: Sequence[ChannelMessage]) -> None:
        self.published += messages

    async def next_event(self) -> Event | None:
        event = await self.events.get()
        if isinstance(event, Exception):
            raise event
        return event

    async def close(self) -> None:
        pass


class Scene:
    """One connection of a node, and how often its heartbeats came back."""

    def __init__(self, timeout_seconds: float = NEVER) -> None:
        self.transport, self.subscriptions = FakeTransport(), Subscriptions()
        self.queue, self.heartbeats = PublishQueue(), 0
        self.connection = BusConnection(
            self.transport,
            "here",
            self.subscriptions,
            self.queue,
            Receiver("here", self.subscriptions),
            heartbeat_seconds=NEVER,
            timeout_seconds=timeout_seconds,
        )
        self.running = asyncio.create_task(self.connection.run(self._on_heartbeat))

    def _on_heartbeat(self) -> None:
        self.heartbeats += 1

    async def confirm(self) -> None:
        """Let the transport confirm every subscription that it was asked for."""
        for channel in self.transport.subscribed:
            self.transport.events.put_nowait(Subscribed(channel))
        await turns(10)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await turns(10)
    yield scene
    await end([scene.running])


async def test_subscriptions_follow_those_of_the_node(scene: Scene) -> None:
    (own,) = scene.transport.subscribed
    unsubscribe = scene.subscriptions.add(PIPELINE, lambda _: None, do_nothing)
    await turns(10)
    assert scene.transport.subscribed == {own, PIPELINE}
    unsubscribe()
    await turns(10)
    assert scene.transport.subscribed == {own}


async def test_subscribers_are_notified_once_the_transport_confirms(scene: Scene) -> None:
    notified: list[str] = []
    scene.subscriptions.add(PIPELINE, lambda _: None, lambda: notified.append("subscribed"))
    await turns(10)
    assert not scene.connection.is_subscribed(PIPELINE)
    assert notified == []
    await scene.confirm()
    assert scene.connection.is_subscribed(PIPELINE)
    assert notified == ["subscribed"]


async def test_a_heartbeat_that_comes_back_is_reported(scene: Scene) -> None:
    await turns(10)
    assert scene.transport.published == [], "not before its own channel is subscribed"
    await scene.confirm()
    (heartbeat,) = scene.transport.published
    assert scene.heartbeats == 0
    scene.transport.events.put_nowait(heartbeat)
    await turns(10)
    assert scene.heartbeats == 1


async def test_any_message_of_this_node_counts_as_a_heartbeat(scene: Scene) -> None:
    await scene.confirm()
    own = ChannelMessage(PIPELINE, encode("here", Committed(1, None)))
    scene.transport.events.put_nowait(own)
    await turns(10)
    assert scene.heartbeats == 1


async def test_a_heartbeat_that_does_not_come_back_ends_the_connection() -> None:
    scene = Scene(timeout_seconds=0.0)
    with pytest.raises(BusUnavailable, match="messages do not come through"):
        await scene.running


async def test_a_lost_transport_ends_the_connection(scene: Scene) -> None:
    scene.transport.events.put_nowait(BusUnavailable("lost"))
    with pytest.raises(BusUnavailable, match="lost"):
        await scene.running
