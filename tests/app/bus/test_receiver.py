"""Messages of other nodes are delivered; those of this node and unreadable ones are not."""

import pytest
from structlog.testing import capture_logs

from app.bus.base import do_nothing
from app.bus.receiver import Receiver
from app.bus.subscriptions import Subscriptions
from app.bus.transport import ChannelMessage
from app.bus.wire import encode
from crdt.room.peer_messages import Committed, PeerMessage
from tests.contracts.stores import an_id

COMMITTED = Committed(1, b"update")


@pytest.fixture
def subscriptions() -> Subscriptions:
    return Subscriptions()


@pytest.fixture
def receiver(subscriptions: Subscriptions) -> Receiver:
    return Receiver("here", subscriptions)


@pytest.fixture
def delivered(subscriptions: Subscriptions) -> list[PeerMessage]:
    """What the subscriber of one pipeline received."""
    delivered: list[PeerMessage] = []
    subscriptions.add(an_id(1), delivered.append, do_nothing)
    return delivered


def a_message(node: str, pipeline: int = 1) -> ChannelMessage:
    return ChannelMessage(an_id(pipeline), encode(node, COMMITTED))


async def test_a_message_of_another_node_is_delivered(
    receiver: Receiver, delivered: list[PeerMessage]
) -> None:
    assert not receiver.receive(a_message("there"))
    assert not receiver.receive(a_message("there", pipeline=2))
    assert delivered == [COMMITTED]


async def test_a_message_of_this_node_is_recognized_and_not_delivered(
    receiver: Receiver, delivered: list[PeerMessage]
) -> None:
    assert receiver.receive(a_message("here"))
    assert delivered == []


async def test_unreadable_messages_are_ignored_and_reported_once(
    receiver: Receiver, delivered: list[PeerMessage]
) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            assert not receiver.receive(ChannelMessage(an_id(1), b"\xff"))
    assert [(log["event"], log["so_far"]) for log in logs] == [("bus.unreadable", 1)]
    assert delivered == []


async def test_a_handler_that_fails_is_reported_and_raises_nothing(
    receiver: Receiver, subscriptions: Subscriptions
) -> None:
    def fail(_: PeerMessage) -> None:
        raise RuntimeError("a fault of our own")

    subscriptions.add(an_id(1), fail, do_nothing)
    with capture_logs() as logs:
        assert not receiver.receive(a_message("there"))
    assert [log["event"] for log in logs] == ["bus.handler_failed"]
