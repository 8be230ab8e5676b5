"""Who gets what in a room, and how often each client is written to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from app.rooms.fan_out import FanOut
from app.rooms.outbox import FrameBatch
from crdt.errors import Draining
from crdt.protocol import hocuspocus, y_websocket
from crdt.protocol.messages import AwarenessUpdate, Message, Stateless, Update
from tests.app.fakes import Inbox

BUSY = 50
"""So many clients that what comes next is gathered for longer than a test takes."""


@dataclass
class BatchInbox(Inbox):
    """An inbox that keeps the batches that it was offered."""

    encode: Callable[[Message], bytes] = y_websocket.encode
    batches: list[FrameBatch] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(encode=self.encode)
        self.second = asyncio.Event()

    def put(self, frame: bytes) -> None:
        self.batches.append(FrameBatch.of([frame]))

    def offer(self, batch: FrameBatch) -> None:
        self.batches.append(batch)
        if len(self.batches) == 2:
            self.second.set()

    @property
    def payloads(self) -> list[tuple[bytes, ...]]:
        return [batch.payloads for batch in self.batches]


def frames(*messages: Message) -> tuple[bytes, ...]:
    return tuple(map(y_websocket.encode, messages))


def fan_out_to(count: int, longest_seconds: float = 10.0) -> tuple[FanOut, list[BatchInbox]]:
    fan_out, inboxes = FanOut(longest_seconds), [BatchInbox() for _ in range(count)]
    for session, inbox in enumerate(inboxes):
        fan_out.add(session, inbox)
    return fan_out, inboxes


async def test_a_small_room_gets_each_message_at_once() -> None:
    fan_out, inboxes = fan_out_to(3)
    for number in range(3):
        fan_out.broadcast(Update(b"%d" % number), exclude=None)
    assert [len(inbox.batches) for inbox in inboxes] == [3, 3, 3]


async def test_a_busy_room_gets_the_first_message_at_once_and_the_rest_together() -> None:
    fan_out, inboxes = fan_out_to(BUSY)
    one, two, three = Update(b"one"), AwarenessUpdate(b"\x00"), Update(b"three")
    for message in (one, two, three):
        fan_out.broadcast(message, exclude=None)
    assert inboxes[0].payloads == [frames(one)]
    await asyncio.wait_for(inboxes[-1].second.wait(), 10)
    assert {tuple(inbox.payloads) for inbox in inboxes} == {(frames(one), frames(two, three))}
    assert len({id(inbox.batches[-1]) for inbox in inboxes}) == 1, "made once"
    fan_out.close(Draining())


async def test_nobody_gets_their_own_messages() -> None:
    fan_out, inboxes = fan_out_to(BUSY)
    first, by_one, by_two = Update(b"first"), Update(b"by one"), Update(b"by two")
    fan_out.broadcast(first, exclude=0)
    fan_out.broadcast(by_one, exclude=1)
    fan_out.broadcast(by_two, exclude=2)
    fan_out.broadcast(Stateless("to everybody, so now"), None)
    assert inboxes[0].payloads == [frames(by_one, by_two)]
    assert inboxes[1].payloads == [frames(first), frames(by_two)]
    assert inboxes[2].payloads == [frames(first), frames(by_one)]
    assert inboxes[3].payloads == [frames(first), frames(by_one, by_two)]
    fan_out.close(Draining())


async def test_clients_of_both_protocols_get_frames_of_their_own() -> None:
    fan_out, [inbox] = fan_out_to(1)
    other = BatchInbox(hocuspocus.Encoder("name"))
    fan_out.add(1, other)
    message, stateless = Update(b"update"), Stateless("not of y-websocket")
    fan_out.broadcast(message, exclude=None)
    fan_out.broadcast(stateless, exclude=None)
    assert inbox.payloads == [frames(message)]
    assert other.payloads == [(other.encode(message),), (other.encode(stateless),)]


async def test_clients_that_were_closed_get_nothing_more() -> None:
    fan_out, inboxes = fan_out_to(BUSY)
    for number in range(3):
        fan_out.broadcast(Update(b"%d" % number), exclude=None)
    fan_out.close(Draining())
    assert [len(inbox.batches) for inbox in inboxes] == [1] * BUSY
    assert inboxes[0].close_code == 1012


async def test_a_client_that_left_gets_nothing_more_and_the_others_do() -> None:
    fan_out, inboxes = fan_out_to(2)
    fan_out.remove(0)
    fan_out.broadcast(Update(b"update"), exclude=None)
    fan_out.remove(1)
    fan_out.broadcast(Update(b"for nobody"), exclude=None)
    assert [inbox.payloads for inbox in inboxes] == [[], [frames(Update(b"update"))]]


async def test_a_batch_without_frames_is_not_offered() -> None:
    fan_out, [inbox] = fan_out_to(1)
    mute = BatchInbox(lambda _: b"")
    fan_out.add(1, mute)
    fan_out.broadcast(Update(b"by the first"), exclude=0)
    assert (inbox.payloads, mute.payloads) == ([], [])
