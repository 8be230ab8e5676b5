import json
from uuid import UUID

import pytest

from app.bus.memory import MemoryBus
from app.services.events import MAX_WAITING, RoomEvent, RoomEvents, event_in
from crdt.protocol.messages import Stateless
from crdt.room.peer_messages import PeerMessage, PresenceQuery
from crdt.room.room import stateless_from
from crdt.room.session import UserProfile

ADA, BOB = UUID(int=1), UUID(int=2)
HERE, THERE = UUID(int=8), UUID(int=9)
NEWS = RoomEvent("comment.created", {"content": "hi"})
OTHER_NEWS = RoomEvent("comment.deleted", {"content": "hi"})


async def test_all_subscribers_of_a_pipeline_receive_its_events() -> None:
    events = RoomEvents(MemoryBus())
    with events.subscribed(HERE, ADA) as ada, events.subscribed(HERE, BOB) as bob:
        events.publish(THERE, NEWS)
        events.publish(HERE, NEWS)
        assert events.seats() == {(ADA, HERE), (BOB, HERE)}
        assert await ada.next() == await bob.next() == NEWS
    assert events.seats() == set()


async def test_who_does_not_keep_up_is_sent_away_after_what_waits() -> None:
    events = RoomEvents(MemoryBus())
    with events.subscribed(HERE, ADA) as ada:
        for _ in range(MAX_WAITING + 5):
            events.publish(HERE, NEWS)
        for _ in range(MAX_WAITING):
            assert await ada.next() == NEWS
        assert await ada.next() is None


async def test_who_loses_access_is_sent_away_and_nobody_else() -> None:
    events = RoomEvents(MemoryBus())
    with events.subscribed(HERE, ADA) as ada, events.subscribed(HERE, BOB) as bob:
        events.apply_scopes(HERE, {ADA: None, BOB: "readonly"})
        events.apply_scopes(THERE, {BOB: None})
        events.publish(HERE, NEWS)
        assert await ada.next() is None
        assert await bob.next() == NEWS


async def test_the_deletion_of_a_pipeline_is_an_event() -> None:
    events = RoomEvents(MemoryBus())
    with events.subscribed(HERE, ADA) as ada:
        events.withdraw(HERE)
        assert await ada.next() == RoomEvent("pipeline.deleted", {"pipeline_id": str(HERE)})
        assert await ada.next() is None


async def test_a_server_that_goes_down_sends_everybody_away() -> None:
    events = RoomEvents(MemoryBus())
    with events.subscribed(HERE, ADA) as ada, events.subscribed(THERE, BOB) as bob:
        events.close()
        assert await ada.next() is None
        assert await bob.next() is None


async def test_subscribers_of_all_nodes_receive_an_event_once() -> None:
    bus = MemoryBus()
    here, there = RoomEvents(bus), RoomEvents(bus)
    with here.subscribed(HERE, ADA) as ada, there.subscribed(HERE, BOB) as bob:
        here.publish(HERE, NEWS)
        there.publish(HERE, OTHER_NEWS)
        here.publish(THERE, NEWS)
        here.close()
        there.close()
        for listener in (ada, bob):
            assert [await listener.next() for _ in range(3)] == [NEWS, OTHER_NEWS, None]
    here.publish(HERE, NEWS)


async def test_a_node_without_subscribers_publishes_to_the_others() -> None:
    bus = MemoryBus()
    with RoomEvents(bus).subscribed(HERE, ADA) as ada:
        RoomEvents(bus).publish(HERE, NEWS)
        assert await ada.next() == NEWS


async def test_rooms_receive_an_event_as_a_stateless_message() -> None:
    bus, told = MemoryBus(), list[PeerMessage]()
    events, leave = RoomEvents(bus), bus.subscribe(HERE, told.append)
    with events.subscribed(HERE, ADA):
        events.publish(HERE, NEWS)
    events.withdraw(HERE)
    leave()
    (message,) = told
    assert isinstance(message, Stateless)
    assert json.loads(message.payload) == {"event": "comment.created", "data": {"content": "hi"}}


async def test_when_the_last_listener_goes_the_bus_is_left() -> None:
    bus = MemoryBus()
    events = RoomEvents(bus)
    with events.subscribed(HERE, ADA):
        with events.subscribed(HERE, BOB):
            pass
        RoomEvents(bus).publish(HERE, NEWS)
    assert not events.seats()
    with events.subscribed(HERE, BOB) as bob:
        RoomEvents(bus).publish(HERE, OTHER_NEWS)
        assert await bob.next() == OTHER_NEWS


@pytest.mark.parametrize(
    "news",
    [
        PresenceQuery("there"),
        Stateless(stateless_from(UserProfile(ADA), NEWS.message().payload)),
        Stateless(stateless_from(UserProfile(ADA, '{"event": '), '{"event": ')),
        Stateless('{"event": "of.tomorrow", "data": {}}'),
        Stateless('{"event": "comment.created"}'),
        Stateless('{"event": []}'),
        Stateless('{"event": '),
    ],
)
def test_nothing_else_passes_for_an_event(news: PeerMessage) -> None:
    assert event_in(NEWS.message()) == NEWS
    assert event_in(news) is None
