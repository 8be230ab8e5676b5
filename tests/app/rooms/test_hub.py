import asyncio
import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Map
from structlog.testing import capture_logs

import app.rooms.hub
from app.bus.memory import MemoryBus
from app.rooms.hub import Hub
from app.rooms.live_room import LiveRoom
from app.telemetry.metrics import DAMAGED_LOADS
from crdt.document.document import Document
from crdt.errors import Draining, Overloaded, PipelineNotFound
from crdt.protocol.messages import Refused, Scope, SyncStep1, SyncStep2, Update
from crdt.room.effects import SessionId
from crdt.room.session import Session, UserProfile
from crdt.updates.format import has_structs
from crdt.updates.limits import ACCEPTED
from crdt.updates.state_vector import EMPTY_STATE_VECTOR
from persistence.decision_rounds import DecisionRounds
from persistence.errors import StoreUnavailable
from persistence.group_commit import GroupCommit
from persistence.ports.directory import NewPipeline
from persistence.ports.update_log import LoggedUpdate, NewUpdate, StoredDocument
from persistence.worker.log_repair import accept_loss
from persistence.worker.replay import NewClientId, replay
from tests.app.fakes import PIPELINE, USER, HeldClock, Inbox, Replica, content_of, turns
from tests.app.gates import GatedStore
from tests.contracts.stores import NOON, a_pipeline, an_id
from tests.server import eventually

UNLOAD_AFTER = 30.0


@dataclass
class Node:
    """A hub and what it stands on; several may share a store and a bus."""

    store: GatedStore
    bus: MemoryBus = field(default_factory=MemoryBus)
    clock: HeldClock = field(default_factory=HeldClock)
    pending_bytes: int = 1_000_000

    def __post_init__(self) -> None:
        self.committer = GroupCommit(self.store, max_pending_bytes=self.pending_bytes)
        self.decisions = DecisionRounds(self.store, self.committer)
        self.hub = self.new_hub()

    def new_hub(self, unload_after: float = UNLOAD_AFTER, **options: Any) -> Hub:
        """Another hub on the same things."""
        stands_on = self.store, self.committer, self.decisions, self.bus, self.clock
        return Hub(*stands_on, unload_after=unload_after, **options)

    async def enter(self, pipeline_id: UUID = PIPELINE) -> "Visit":
        room = await self.hub.open(pipeline_id)
        visit = Visit(room, self.hub.new_session())
        room.join(Session(visit.session, UserProfile(USER), "read-write"), visit.inbox)
        return visit

    async def content(self) -> object:
        """The pipeline's settings as a client is told who has nothing yet."""
        visit = await self.enter()
        visit.room.receive_message(visit.session, SyncStep1(b"\x00"))
        await turns()
        (answer,) = visit.inbox.of(SyncStep2)
        assert isinstance(answer, SyncStep2)
        visit.leave()
        return content_of(answer.update)


@dataclass
class Visit:
    """A client in a room."""

    room: LiveRoom
    session: SessionId
    inbox: Inbox = field(default_factory=Inbox)

    def edit(self, update: bytes) -> None:
        self.room.receive_message(self.session, Update(update))

    def leave(self) -> None:
        self.room.leave(self.session)

    @property
    def echoes(self) -> list[bytes]:
        return [message.update for message in self.inbox.received if isinstance(message, Update)]


@pytest.fixture
def replica() -> Replica:
    return Replica(client_id=1)


@pytest.fixture
async def store(replica: Replica) -> GatedStore:
    """A store with one pipeline, whose name is "Loom"."""
    return await a_store(replica)


async def a_store(replica: Replica) -> GatedStore:
    """See `store`."""
    made = GatedStore()
    team = await made.create_team(await made.create_organization("Looms", "looms"), "W", "w")
    seed = replica.set("name", "Loom")
    await made.create_pipeline(NewPipeline(PIPELINE, team, None, a_pipeline(), seed, NOON))
    return made


async def another_pipeline(store: GatedStore) -> UUID:
    """Create another pipeline in a store, and return its id."""
    team = await store.create_team(await store.create_organization("Mills", "mills"), "M", "m")
    seed = Replica(client_id=2).set("name", "Mill")
    await store.create_pipeline(NewPipeline(an_id(2), team, None, a_pipeline(), seed, NOON))
    return an_id(2)


@pytest.fixture
async def node(store: GatedStore) -> Node:
    return Node(store)


def test_no_two_sessions_share_an_id() -> None:
    hub = Node(GatedStore()).hub
    assert len({hub.new_session() for _ in range(100)}) == 100


async def test_a_room_holds_what_the_log_holds(node: Node) -> None:
    assert await node.content() == {"name": "Loom"}


async def test_nothing_is_encoded_for_the_first_visitor_of_what_was_loaded_whole(
    node: Node, replica: Replica
) -> None:
    [seed] = (await node.store.load(PIPELINE)).tail
    assert (await node.hub.open(PIPELINE)).copy() is seed.payload
    visit = await node.enter()
    visit.edit(replica.set("status", "active"))
    room = await node.hub.open(PIPELINE)
    assert room.copy() != seed.payload
    assert content_of(room.copy()) == {"name": "Loom", "status": "active"}


async def test_however_many_open_a_room_it_is_loaded_once(node: Node) -> None:
    rooms = await asyncio.gather(*(node.hub.open(PIPELINE) for _ in range(20)))
    assert len(set(rooms)) == 1
    assert await node.hub.open(PIPELINE) is rooms[0]
    assert (node.store.reading.passed, len(node.hub)) == (1, 1)


async def test_a_visitor_who_gives_up_takes_no_other_along(node: Node) -> None:
    node.store.reading.open.clear()
    impatient, patient = (asyncio.create_task(node.hub.open(PIPELINE)) for _ in range(2))
    await turns()
    impatient.cancel()
    await turns()
    node.store.reading.open.set()
    assert await patient is await node.hub.open(PIPELINE)
    assert impatient.cancelled()
    assert node.store.reading.passed == 1


async def test_a_room_nobody_waited_for_is_kept_for_the_next(node: Node) -> None:
    node.store.reading.open.clear()
    impatient = asyncio.create_task(node.hub.open(PIPELINE))
    await turns()
    impatient.cancel()
    await turns()
    next_one = asyncio.create_task(node.hub.open(PIPELINE))
    await turns()
    node.store.reading.open.set()
    await next_one
    assert node.store.reading.passed == 1


async def test_a_room_nobody_came_to_is_unloaded_like_any_other(node: Node) -> None:
    node.store.reading.open.clear()
    impatient = asyncio.create_task(node.hub.open(PIPELINE))
    await turns()
    (load,) = (task for task in asyncio.all_tasks() if task.get_name() == f"open {PIPELINE}")
    impatient.cancel()
    node.store.reading.open.set()
    await load
    assert len(node.hub) == 1
    node.clock.seconds = UNLOAD_AFTER
    node.hub.tick()
    assert len(node.hub) == 0


async def test_a_load_that_fails_fails_for_all_who_wait_and_not_for_the_next(node: Node) -> None:
    node.store.reading.open.clear()
    node.store.reading.error = StoreUnavailable("away")
    waiting = asyncio.gather(*(node.hub.open(PIPELINE) for _ in range(3)), return_exceptions=True)
    await turns()
    node.store.reading.open.set()
    assert await waiting == [node.store.reading.error] * 3

    node.store.reading.error = None
    assert await node.content() == {"name": "Loom"}
    assert node.store.reading.passed == 2


async def test_there_is_no_room_of_a_pipeline_that_is_not_there(node: Node) -> None:
    with pytest.raises(PipelineNotFound):
        await node.hub.open(an_id(404))
    assert len(node.hub) == 0


async def test_updates_that_cannot_be_replayed_are_left_out_and_named(node: Node) -> None:
    await node.store.append([NewUpdate(PIPELINE, None, b"no update", NOON)])
    before = DAMAGED_LOADS._value.get()
    with capture_logs() as logs:
        assert await node.content() == {"name": "Loom"}
    assert [(entry["event"], entry["pipeline_id"], entry["seqs"]) for entry in logs] == [
        ("room.updates_left_out", str(PIPELINE), [2])
    ]
    assert DAMAGED_LOADS._value.get() == before + 1


async def damaged(node: Node, replica: Replica) -> bytes:
    """Lose the second of three edits by the author of a document; return it."""
    lost = replica.set("lost", 1)
    await node.store.append([NewUpdate(PIPELINE, None, b"\xff rotten", NOON)])
    await node.store.append([NewUpdate(PIPELINE, None, replica.set("later", 2), NOON)])
    return lost


async def is_dropped(visit: Visit) -> None:
    """Wait until the room of a client is dropped."""

    async def dropped() -> bool:
        return visit.room.dropped

    await eventually("the room to be dropped", dropped)


async def asked_for(node: Node, scope: Scope = "read-write") -> tuple[Visit, bytes]:
    """Enter a room; return the state vector with which it asks for what it lacks."""
    room = await node.hub.open(PIPELINE)
    visit = Visit(room, node.hub.new_session())
    room.join(Session(visit.session, UserProfile(USER), scope), visit.inbox)
    (question,) = visit.inbox.of(SyncStep1)
    assert isinstance(question, SyncStep1)
    return visit, question.state_vector


async def test_a_document_goes_on_without_lost_edits_and_has_them_again_from_a_client(
    node: Node, replica: Replica
) -> None:
    await damaged(node, replica)
    assert await node.content() == {"name": "Loom", "later": 2}
    visit, question = await asked_for(node)
    visit.room.receive_message(visit.session, SyncStep2(replica.diff(question)))
    await is_dropped(visit)
    assert visit.inbox.close_code == Overloaded.close_code
    assert visit.echoes, "what it sent is acknowledged before"
    assert await node.content() == replica.content == {"name": "Loom", "lost": 1, "later": 2}


async def test_a_stand_in_that_a_client_sends_back_is_never_logged(
    node: Node, replica: Replica
) -> None:
    lost = await damaged(node, replica)
    visit, question = await asked_for(node)
    other = Replica(client_id=2)
    visit.room.receive_message(visit.session, SyncStep1(b"\x00"))
    await turns()
    (answer,) = visit.inbox.of(SyncStep2)
    assert isinstance(answer, SyncStep2)
    other.apply(answer.update)
    other.set("own", 3)
    visit.room.receive_message(visit.session, SyncStep2(other.diff(question)))
    await visit.room.committed(5.0)
    assert (visit.inbox.end, visit.room.seq) == (None, 4)
    stored = await node.store.load(PIPELINE)
    document, _ = replay(replace(stored, tail=[*stored.tail, LoggedUpdate(5, None, lost, NOON)]))
    whole = {"name": "Loom", "lost": 1, "later": 2, "own": 3}
    assert content_of(document.encode()) == whole


async def test_who_may_only_read_is_not_asked_for_what_is_lost(
    node: Node, replica: Replica
) -> None:
    await damaged(node, replica)
    _, question = await asked_for(node, "readonly")
    assert not has_structs(replica.diff(question))


async def test_a_damaged_document_is_loaded_anew_when_its_author_goes_on(
    node: Node, replica: Replica
) -> None:
    replica.set("lost", 1)
    await node.store.append([NewUpdate(PIPELINE, None, b"\xff rotten", NOON)])
    visit = await node.enter()
    visit.edit(replica.set("later", 2))
    node.hub.tick()
    assert visit.inbox.end is None
    await visit.room.committed(5.0)
    node.hub.tick()
    assert visit.inbox.close_code == Overloaded.close_code
    assert await node.content() == {"name": "Loom", "later": 2}


async def test_a_damaged_document_is_loaded_anew_when_somebody_has_decided_about_it(
    node: Node, replica: Replica
) -> None:
    await damaged(node, replica)
    visit = await node.enter()
    await accept_loss(node.store, node.store, PIPELINE, NOON)
    await node.hub.follow_log()
    await node.hub.follow_log()
    await is_dropped(visit)
    assert await node.content() == {"name": "Loom", "later": 2}
    _, question = await asked_for(node)
    assert not has_structs(replica.diff(question)), "the loss is accepted"


async def test_a_room_is_unloaded_some_time_after_the_last_one_left(node: Node) -> None:
    visit = await node.enter()
    node.clock.seconds = 100
    node.hub.tick()
    visit.leave()
    node.clock.seconds = 100 + UNLOAD_AFTER - 1
    node.hub.tick()
    assert len(node.hub) == 1
    node.clock.seconds = 100 + UNLOAD_AFTER
    node.hub.tick()
    assert (len(node.hub), visit.room.dropped) == (0, True)


async def test_its_document_is_freed_then_and_not_when_the_garbage_collector_comes_by(
    node: Node,
) -> None:
    visit = await node.enter()
    await node.hub.edit(PIPELINE, None, lambda editor: editor.settings.update({"name": "Loom"}))
    document = weakref.ref(visit.room.read(lambda one: one.doc))
    visit.leave()
    node.clock.seconds += UNLOAD_AFTER
    await turns()
    gc.collect()
    gc.disable()
    try:
        assert document() is not None
        node.hub.tick()
        assert document() is None
    finally:
        gc.enable()


async def test_the_document_of_a_dropped_room_stays_while_an_edit_of_it_is_computed(
    node: Node,
) -> None:
    visit = await node.enter()
    with visit.room.in_use():
        visit.room.drop(Draining())
        node.hub.tick()
        assert len(node.hub) == 0
        assert visit.room.read(lambda one: one.state_vector()) != EMPTY_STATE_VECTOR


async def test_a_room_of_a_full_team_takes_nothing_from_the_moment_it_opens(
    node: Node, replica: Replica
) -> None:
    visit = await node.enter()
    await node.hub.look_at_storage(node.store, limit=1)
    visit.leave()
    node.clock.seconds = UNLOAD_AFTER
    node.hub.tick()
    await node.hub.look_at_storage(node.store, limit=1)
    again = await node.enter()
    again.edit(replica.set("name", "more"))
    assert again.inbox.of(Refused)
    await node.hub.look_at_storage(node.store, limit=1_000_000)
    later = replica.doc.get_update()
    again.edit(later)
    await turns()
    assert again.echoes == [later]


async def test_idle_rooms_are_unloaded_where_too_much_is_open(node: Node) -> None:
    hub = node.hub = node.new_hub(loaded_bytes=1)
    first = await node.enter()
    first.leave()
    other = await another_pipeline(node.store)
    second = await node.enter(other)
    assert (first.room.dropped, second.room.dropped) == (True, False)
    hub.tick()
    assert [hub.is_open(each) for each in (PIPELINE, other)] == [False, True]


async def test_no_further_document_is_loaded_while_all_are_in_use(node: Node) -> None:
    node.hub = node.new_hub(loaded_bytes=1)
    visit = await node.enter()
    other = await another_pipeline(node.store)
    with pytest.raises(Overloaded, match="as many documents open as it may"):
        await node.enter(other)
    assert visit.inbox.end is None
    assert (await node.enter()).room is visit.room
    visit.room.leave(visit.session)


async def test_the_depth_of_a_document_is_measured_aside_when_it_may_be_great(
    node: Node, replica: Replica
) -> None:
    async def measured() -> bool:
        return visit.room.begin_measuring_depth() is None

    visit = await node.enter()
    notes = replica.doc.get("notes", type=Map)
    with replica.transact() as updates:
        notes["in"] = Map()
    visit.edit(*updates)
    guard = visit.room.read(lambda document: document._depth_guard)
    guard._read = lambda: pytest.fail("read the whole document")
    for number in range(ACCEPTED.depth + 1):
        # A type in one that is there already: as far as the update shows, that may lie deep.
        with replica.transact() as updates:
            notes["in"][str(number)] = Map()
        visit.edit(*updates)
        if number % 20 == 0:
            node.hub.tick()
            await eventually("a measured depth", measured)
    assert visit.inbox.end is None


async def test_who_returns_in_time_finds_the_same_room(node: Node) -> None:
    first = await node.enter()
    first.leave()
    node.clock.seconds = UNLOAD_AFTER - 1
    second = await node.enter()
    node.clock.seconds = 10 * UNLOAD_AFTER
    node.hub.tick()
    assert second.room is first.room
    assert second.inbox.end is None


async def test_a_room_with_pending_edits_is_not_unloaded(node: Node, replica: Replica) -> None:
    visit = await node.enter()
    node.store.writing.open.clear()
    visit.edit(replica.set("name", "Warp"))
    visit.leave()
    node.clock.seconds = 10 * UNLOAD_AFTER
    await turns()
    node.hub.tick()
    assert len(node.hub) == 1

    node.store.writing.open.set()
    await turns()
    node.hub.tick()
    assert len(node.hub) == 0


async def test_a_dropped_room_is_loaded_anew_only_when_its_edits_are_decided(
    node: Node, replica: Replica
) -> None:
    first = await node.enter()
    node.store.writing.open.clear()
    first.edit(replica.set("name", "Warp"))
    first.room.drop(Overloaded())
    node.hub.tick()
    content = asyncio.create_task(node.content())
    await turns()
    assert node.store.reading.passed == 1

    node.store.writing.open.set()
    assert await content == {"name": "Warp"}
    assert node.store.reading.passed == 2


async def test_who_waits_too_long_for_those_edits_is_sent_away(
    node: Node, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.rooms.hub, "SETTLE_SECONDS", 0)
    first = await node.enter()
    node.store.writing.open.clear()
    first.edit(replica.set("name", "Warp"))
    first.room.drop(Overloaded())
    with pytest.raises(Overloaded):
        await node.hub.open(PIPELINE)
    assert node.store.reading.passed == 1
    node.store.writing.open.set()
    assert await node.content() == {"name": "Warp"}


async def test_an_edit_refused_for_overload_is_gone_until_its_author_brings_it_back(
    store: GatedStore, replica: Replica
) -> None:
    node = Node(store, pending_bytes=1)
    first = await node.enter()
    store.writing.open.clear()
    accepted, refused = replica.set("name", "Warp"), replica.set("description", "Weft")
    first.edit(accepted)
    first.edit(refused)
    assert first.inbox.close_code == 1013
    store.writing.open.set()
    assert await node.content() == {"name": "Warp"}

    second = await node.enter()
    (hello,) = second.inbox.received
    assert isinstance(hello, SyncStep1)
    lacking = replica.diff(hello.state_vector)
    second.room.receive_message(second.session, SyncStep2(lacking))
    await turns()
    assert second.echoes == [lacking]
    assert (await store.load(PIPELINE)).tail[-1].payload == lacking
    assert await node.content() == {"name": "Warp", "description": "Weft"}


async def test_an_edit_that_the_log_refuses_is_gone_from_the_next_room(
    node: Node, replica: Replica
) -> None:
    first = await node.enter()
    node.store.writing.error = RuntimeError("refused")
    with capture_logs():
        first.edit(replica.set("name", "Warp"))
        await turns()
    node.store.writing.error = None
    assert first.inbox.close_code == 1013
    assert await node.content() == {"name": "Loom"}


async def test_a_frozen_hub_opens_nothing_and_takes_nothing(node: Node, replica: Replica) -> None:
    visit = await node.enter()
    node.hub.freeze()
    visit.edit(replica.set("name", "Warp"))
    await turns()
    assert (visit.echoes, visit.inbox.end) == ([], None)
    with pytest.raises(Draining):
        await node.hub.open(PIPELINE)


async def test_who_waits_for_a_room_while_the_hub_freezes_is_sent_away(node: Node) -> None:
    node.store.reading.open.clear()
    opening = asyncio.create_task(node.hub.open(PIPELINE))
    await turns()
    node.hub.freeze()
    node.store.reading.open.set()
    with pytest.raises(Draining):
        await opening


async def test_closing_sends_everybody_away_to_come_back(node: Node, replica: Replica) -> None:
    visits = [await node.enter() for _ in range(3)]
    visits[0].edit(replica.set("name", "Warp"))
    await turns()
    node.hub.close()
    assert [visit.inbox.close_code for visit in visits] == [1012] * 3
    assert len(visits[0].echoes) == 1
    assert len(node.hub) == 0


async def test_two_nodes_exchange_edits_and_log_each_once(
    store: GatedStore, replica: Replica
) -> None:
    bus = MemoryBus()
    here, there = Node(store, bus), Node(store, bus)
    alice, bob = await here.enter(), await there.enter()
    first, second = replica.set("name", "Warp"), replica.set("name", "Weft")
    alice.edit(first)
    await turns()
    bob.edit(second)
    await turns()
    assert (alice.echoes, bob.echoes) == ([first, second], [first, second])
    assert [update.payload for update in await store.since(PIPELINE, 1)] == [first, second]
    assert await here.content() == await there.content() == {"name": "Weft"}


async def test_the_hub_knows_who_is_where(node: Node) -> None:
    assert node.hub.seats() == set()
    first, second = await node.enter(), await node.enter()
    assert node.hub.seats() == {(USER, PIPELINE)}
    first.leave()
    assert node.hub.seats() == {(USER, PIPELINE)}
    second.leave()
    assert node.hub.seats() == set()


async def test_a_changed_scope_reaches_the_room(node: Node, replica: Replica) -> None:
    visit = await node.enter()
    node.hub.apply_scopes(PIPELINE, {USER: "readonly"})
    visit.edit(replica.set("name", "Warp"))
    assert len(visit.inbox.of(Refused)) == 1
    node.hub.apply_scopes(PIPELINE, {USER: None})
    assert visit.inbox.close_code == 4403
    node.hub.apply_scopes(an_id(404), {USER: None})


async def test_a_deleted_pipeline_is_left_by_all(node: Node) -> None:
    visits = [await node.enter() for _ in range(3)]
    node.hub.withdraw(PIPELINE)
    node.hub.withdraw(an_id(404))
    assert {visit.inbox.close_code for visit in visits} == {4404}
    assert node.hub.seats() == set()


async def test_time_ends_sessions_in_all_rooms(node: Node) -> None:
    visit = await node.enter()
    inbox = Inbox()
    expired = Session(node.hub.new_session(), UserProfile(an_id(8)), "readonly", node.clock.now())
    visit.room.join(expired, inbox)
    node.hub.tick()
    assert (inbox.close_code, visit.inbox.close_code) == (4401, None)


async def test_a_room_that_fails_by_a_bug_keeps_time_from_no_other(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, working = await node.enter(), await node.enter(await another_pipeline(node.store))
    monkeypatch.setattr(failing.room, "tick", lambda: 1 / 0)
    inbox = Inbox()
    expired = Session(node.hub.new_session(), UserProfile(USER), "readonly", node.clock.now())
    working.room.join(expired, inbox)
    with capture_logs() as logs:
        node.hub.tick()
    assert inbox.close_code == 4401
    assert [(entry["event"], entry["pipeline_id"]) for entry in logs] == [
        ("room.tick_failed", PIPELINE)
    ]


async def test_an_unloaded_room_hears_nothing_more(store: GatedStore, replica: Replica) -> None:
    bus = MemoryBus()
    here, there = Node(store, bus), Node(store, bus)
    gone = await here.enter()
    gone.leave()
    here.clock.seconds = UNLOAD_AFTER
    here.hub.tick()
    visit = await there.enter()
    visit.edit(replica.set("name", "Warp"))
    await turns()
    gone.room.join(Session(99, UserProfile(USER), "read-write"), gone.inbox)
    gone.inbox.received.clear()
    visit.edit(replica.set("name", "Weft"))
    assert gone.inbox.received == []
    assert await here.content() == {"name": "Weft"}


async def test_replaying_does_not_hold_up_the_event_loop(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_thread_replays: list[bool] = []

    def watched(
        stored: StoredDocument, new_client_id: NewClientId, pause: Callable[[], None]
    ) -> tuple[Document, list[int]]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loop_thread_replays.append(False)
        else:
            loop_thread_replays.append(True)
        return replay(stored, new_client_id, pause=pause)

    monkeypatch.setattr(app.rooms.hub, "replay", watched)
    await node.hub.open(PIPELINE)
    assert loop_thread_replays == [False]
