"""What a room sends to its clients at once, coalesced, or after a commit."""

from datetime import UTC, datetime

from app.rooms.appends import Appends
from app.rooms.client_link import WAITING_BYTES, ClientLink
from app.rooms.coalescing import CoalescingIntervals
from app.rooms.fan_out import LeavingClient
from crdt.errors import Draining
from crdt.protocol.awareness_update import Entry, join_entries, write_entry
from crdt.protocol.messages import AwarenessUpdate, SyncStep2, Update
from persistence.ports.update_log import NewUpdate
from tests.app.fakes import HandCommitter, Inbox, turns
from tests.contracts.stores import an_id

ALICE, BOB = 1, 2
PIPELINE = an_id(1)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Scene:
    def __init__(self, presence: float = 0.0) -> None:
        self.committer = HandCommitter([])
        self.appends = Appends(self.committer, lambda *_: None, lambda _: Draining())
        self.link = ClientLink(self.appends, CoalescingIntervals(presence=presence))
        self.alice, self.bob = Inbox(), Inbox()
        self.link.add(ALICE, self.alice)
        self.link.add(BOB, self.bob)

    def append(self) -> None:
        self.appends.append(NewUpdate(PIPELINE, None, b"update", NOON))


def presence(clock: int) -> AwarenessUpdate:
    return AwarenessUpdate(join_entries([write_entry(Entry(7, clock, "{}"))]))


async def test_an_answer_waits_for_the_commit_and_counts_until_then() -> None:
    scene = Scene()
    scene.append()
    scene.link.put_when_durable(ALICE, SyncStep2(b"\0\0"))
    assert (scene.alice.received, scene.alice.reserved) == ([], WAITING_BYTES + 2)
    scene.committer.commit()
    await turns()
    assert (scene.alice.received, scene.alice.reserved) == ([SyncStep2(b"\0\0")], 0)


async def test_an_answer_goes_out_at_once_when_nothing_waits() -> None:
    scene = Scene()
    scene.link.put_when_durable(ALICE, SyncStep2(b"\0\0"))
    assert scene.alice.received == [SyncStep2(b"\0\0")]


async def test_presence_is_coalesced_and_updates_are_not() -> None:
    scene = Scene(presence=60.0)
    for clock in (1, 2, 3):
        scene.link.broadcast(presence(clock), None)
    scene.link.broadcast(Update(b"edit"), ALICE)
    assert scene.alice.received == [presence(1)]
    assert scene.bob.received == [presence(1), Update(b"edit")]
    scene.link.close(Draining())


async def test_nothing_is_broadcast_once_all_are_about_to_leave_but_answers_are_sent() -> None:
    scene = Scene()
    scene.link.stop_broadcasts()
    scene.link.broadcast(Update(b"edit"), ALICE)
    scene.link.broadcast(presence(1), None)
    scene.link.put(BOB, SyncStep2(b"\0\0"))
    assert (scene.alice.received, scene.bob.received) == ([], [SyncStep2(b"\0\0")])


async def test_who_leaves_gets_the_last_answers_before_the_end() -> None:
    scene = Scene()
    scene.append()
    scene.link.put_when_durable(ALICE, SyncStep2(b"\0\0"))
    outbox = scene.link.remove(ALICE)
    assert outbox is scene.alice
    scene.link.close_after_acks(ALICE, LeavingClient(outbox, Draining(), deadline=9.0))
    assert scene.alice.end is None
    scene.committer.commit()
    await turns()
    assert scene.alice.received == [SyncStep2(b"\0\0")]
    assert isinstance(scene.alice.end, Draining)
