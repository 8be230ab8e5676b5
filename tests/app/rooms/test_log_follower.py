"""Rooms follow the log, whatever the bus loses."""

import asyncio
from collections.abc import Callable, Collection

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from app.bus.base import Handler
from app.bus.memory import MemoryBus
from app.rooms.inspect_in_thread import LARGE_BYTES
from app.rooms.live_room import LiveRoom
from app.telemetry.metrics import counters
from crdt.protocol.messages import Update
from crdt.room.peer_messages import Committed, PeerMessage
from persistence.errors import StoreUnavailable
from persistence.ports.update_log import NewUpdate
from tests.app.fakes import PIPELINE, Replica
from tests.app.rooms.test_hub import GatedStore, Node, Visit, a_store, turns
from tests.contracts.stores import NOON


class LossyBus(MemoryBus):
    """A bus that loses the news of some commits."""

    def __init__(self, *lost: int) -> None:
        super().__init__()
        self.lost: Collection[int] = lost

    def publish(self, pipeline_id: object, message: PeerMessage, sender: Handler) -> None:
        if not (isinstance(message, Committed) and message.seq in self.lost):
            super().publish(PIPELINE, message, sender)


@pytest.fixture
def replica() -> Replica:
    return Replica(client_id=1)


@pytest.fixture
async def store(replica: Replica) -> GatedStore:
    return await a_store(replica)


@pytest.fixture
def gaps_filled() -> Callable[[], int]:
    """How many gaps the servers of this test have filled from the log so far."""
    before = counters.bus_gaps
    return lambda: counters.bus_gaps - before


def edits(replica: Replica, count: int) -> list[bytes]:
    return [replica.set("name", f"{number}") for number in range(count)]


async def until_followed(room: LiveRoom, seq: int) -> None:
    for _ in range(100_000):
        if room.position.seq >= seq:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"expected the room to reach update {seq}, got {room.position.seq}")


async def two_nodes(store: GatedStore, bus: MemoryBus) -> tuple[Node, Node, Visit, Visit]:
    here, there = Node(store, bus), Node(store, bus)
    return here, there, await here.enter(), await there.enter()


async def test_a_gap_that_is_filled_is_traced(
    store: GatedStore, replica: Replica, exported: InMemorySpanExporter
) -> None:
    _, _, alice, bob = await two_nodes(store, LossyBus(2))
    for update in edits(replica, 2):
        alice.edit(update)
        await turns()
    await until_followed(bob.room, 3)
    await turns()
    (span,) = (one for one in exported.get_finished_spans() if one.name == "bus.fill_gap")
    about = {"pipeloom.pipeline_id": str(PIPELINE), "pipeloom.from_seq": 1, "pipeloom.seq": 3}
    assert dict(span.attributes or {}) == about


async def test_a_gap_is_filled_when_later_news_come(store: GatedStore, replica: Replica) -> None:
    _, there, alice, bob = await two_nodes(store, LossyBus(2))
    first, second = edits(replica, 2)
    alice.edit(first)
    await turns()
    assert bob.inbox.of(Update) == []
    alice.edit(second)
    await until_followed(bob.room, 3)
    assert sorted(bob.echoes) == sorted([first, second])
    assert await there.content() == {"name": "1"}


async def test_what_nobody_told_is_found_by_the_second_look(
    store: GatedStore, replica: Replica
) -> None:
    _, there, alice, bob = await two_nodes(store, LossyBus(2, 3))
    for edit in edits(replica, 2):
        alice.edit(edit)
    await turns()
    await there.hub.follow_log()
    await turns(50)
    assert bob.room.position.seq == 1
    await there.hub.follow_log()
    await until_followed(bob.room, 3)
    assert await there.content() == {"name": "1"}


async def test_what_was_told_in_time_is_not_read_again(
    store: GatedStore, replica: Replica, gaps_filled: Callable[[], int]
) -> None:
    _, there, alice, _ = await two_nodes(store, MemoryBus())
    for edit in edits(replica, 3):
        alice.edit(edit)
        await turns()
        await there.hub.follow_log()
    await turns(50)
    assert gaps_filled() == 0


async def test_a_long_absence_is_made_up_in_one_go(
    store: GatedStore, replica: Replica, gaps_filled: Callable[[], int]
) -> None:
    everything = range(2, 2000)
    _, there, alice, bob = await two_nodes(store, LossyBus(*everything))
    for edit in edits(replica, 1200):
        alice.edit(edit)
    await turns(50)
    await there.hub.follow_log()
    await there.hub.follow_log()
    await until_followed(bob.room, 1201)
    assert gaps_filled() == 1
    assert await there.content() == {"name": "1199"}


async def test_a_gap_stays_while_the_log_is_away_and_is_filled_later(
    store: GatedStore, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, there, alice, bob = await two_nodes(store, LossyBus(2))
    alice.edit(edits(replica, 1)[0])
    await turns()
    await there.hub.follow_log()

    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(store, "since", away)
        await there.hub.follow_log()
        await turns(50)
        patched.setattr(store, "heads", away)
        with pytest.raises(StoreUnavailable):
            await there.hub.follow_log()
    await there.hub.follow_log()
    await until_followed(bob.room, 2)


@pytest.mark.parametrize(("failures", "is_dropped"), [(1, False), (2, True)])
async def test_a_gap_does_not_stay_when_a_reading_fails_by_a_bug(
    store: GatedStore,
    replica: Replica,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    is_dropped: bool,
) -> None:
    _, there, alice, bob = await two_nodes(store, LossyBus(2))
    alice.edit(edits(replica, 1)[0])
    await turns()
    await there.hub.follow_log()

    async def fail(*_: object) -> None:
        raise LookupError("a bug")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(store, "since", fail)
        for _ in range(failures):
            await there.hub.follow_log()
            await turns(50)
    assert [(log["event"], log["error"]) for log in logs] == [
        ("room.follow_failed", "a bug")
    ] * failures
    assert bob.room.dropped == is_dropped
    await there.hub.follow_log()
    if not is_dropped:
        await until_followed(bob.room, 2)
    assert await there.content() == {"name": "0"}


class TellingBus(MemoryBus):
    """A bus that says of commits what a test wants said."""

    def __init__(self, said: bytes | None) -> None:
        super().__init__()
        self._said = said

    def publish(self, pipeline_id: object, message: PeerMessage, sender: Handler) -> None:
        if isinstance(message, Committed):
            message = Committed(message.seq, self._said)
        super().publish(PIPELINE, message, sender)


class RecordingBus(MemoryBus):
    """A bus that remembers the commits it told of."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Committed] = []

    def publish(self, pipeline_id: object, message: PeerMessage, sender: Handler) -> None:
        if isinstance(message, Committed):
            self.commits.append(message)
        super().publish(PIPELINE, message, sender)


@pytest.mark.parametrize("said", [None, b"garbled"])
async def test_what_the_bus_did_not_bring_whole_is_read_at_once(
    store: GatedStore, replica: Replica, said: bytes | None
) -> None:
    _, there, alice, bob = await two_nodes(store, TellingBus(said))
    (first,) = edits(replica, 1)
    alice.edit(first)
    await until_followed(bob.room, 2)
    assert bob.echoes == [first]
    assert not bob.room.position.has_gap
    assert await there.content() == {"name": "0"}


async def test_a_large_update_is_left_to_the_log(
    store: GatedStore, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = RecordingBus()
    _, there, alice, bob = await two_nodes(store, bus)
    long = replica.set("name", "x" * LARGE_BYTES)
    alice.edit(long)
    with monkeypatch.context() as patch:
        # From here on only a thread may inspect it, and not the document on the event loop.
        patch.setattr("crdt.document.document.inspect_update", lambda *_: pytest.fail("again"))
        await until_followed(bob.room, 2)
    assert bob.echoes == [long]
    assert bus.commits == [Committed(2, None)]
    assert await there.content() == {"name": "x" * LARGE_BYTES}


async def test_what_nobody_committed_is_looked_for_once(
    store: GatedStore, gaps_filled: Callable[[], int]
) -> None:
    bus = MemoryBus()
    _, _, alice, bob = await two_nodes(store, bus)
    bus.publish(PIPELINE, Committed(2**60, None), lambda _: None)
    assert bob.room.position.has_gap
    for _ in range(100_000):
        if not (alice.room.position.has_gap or bob.room.position.has_gap):
            break
        await asyncio.sleep(0)
    await turns(50)
    assert not alice.room.position.has_gap
    assert not bob.room.position.has_gap
    assert gaps_filled() == 2, "once by each server"


async def test_an_update_that_cannot_be_read_is_left_out(
    store: GatedStore, replica: Replica
) -> None:
    node = Node(store)
    visit = await node.enter()
    await store.append([NewUpdate(PIPELINE, None, b"junk", NOON)])
    await store.append([NewUpdate(PIPELINE, None, replica.set("name", "Warp"), NOON)])
    await node.hub.follow_log()
    await node.hub.follow_log()
    await until_followed(visit.room, 3)
    assert await node.content() == {"name": "Warp"}
