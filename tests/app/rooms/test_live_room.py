import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import get_args

import pytest
from structlog.testing import capture_logs

from app.rooms.live_room import LAST_ACKS_SECONDS, LiveRoom
from app.telemetry.metrics import counters
from crdt.document.document import Document
from crdt.errors import DocumentPoisoned, Overloaded, PipelineNotFound
from crdt.protocol.awareness_update import Entry, join_entries, read_entries, write_entry
from crdt.protocol.messages import (
    AwarenessUpdate,
    Message,
    Refused,
    Scope,
    SyncStep1,
    SyncStep2,
    Update,
)
from crdt.protocol.y_websocket import encode
from crdt.room.awareness import EXPIRY, MAX_NODE_PRESENCE_BYTES
from crdt.room.effects import Effect, SessionId
from crdt.room.peer_messages import Committed, NodePresence
from crdt.room.room import READ_ONLY, Room
from crdt.room.session import Session, UserProfile
from crdt.updates.limits import REPLAYED, Limits
from persistence.errors import StoreError
from tests.app.fakes import (
    PIPELINE,
    USER,
    HandCommitter,
    HeldClock,
    Inbox,
    Journal,
    JournalBus,
    Replica,
    content,
    content_of,
    presence,
    turns,
)
from tests.contracts.stores import NOON, an_id

ALICE, BOB = 1, 2
EVERYTHING = SyncStep1(b"\x00")
HERE = json.dumps({"user": UserProfile(USER).card, "cursor": {"x": 1, "y": 2}})
GONE = "null"


class FragileDocument(Document):
    """A document in which the CRDT library panics when told to."""

    panics = False

    def apply(self, update: bytes, limits: Limits = REPLAYED) -> bool:
        if self.panics:
            raise DocumentPoisoned("the CRDT library panicked: test")
        return super().apply(update, limits)


@dataclass
class Scene:
    """One live room and the world around it."""

    journal: Journal = field(default_factory=list)
    clock: HeldClock = field(default_factory=HeldClock)
    document: FragileDocument = field(default_factory=FragileDocument)

    def __post_init__(self) -> None:
        self.committer = HandCommitter(self.journal)
        self.bus = JournalBus(self.journal)
        self.room = self.a_room(self.document)

    def a_room(self, document: Document) -> LiveRoom:
        return LiveRoom(PIPELINE, Room(document), self.committer, self.bus, self.clock)

    def enter(self, session: SessionId, name: str = "client", scope: Scope = "read-write") -> Inbox:
        """Let a client in; what it is told on entering is not in its inbox any more."""
        inbox = Inbox(name, self.journal)
        self.room.join(Session(session, UserProfile(USER), scope), inbox)
        inbox.received.clear()
        self.journal.clear()
        return inbox

    def edit(self, session: SessionId, update: bytes) -> None:
        self.room.receive_message(session, Update(update))

    def at(self, seconds: float) -> LiveRoom:
        """The room at another time."""
        self.clock.seconds = seconds
        return self.room


@pytest.fixture
async def scene() -> Scene:
    return Scene()


@pytest.fixture
def alice(scene: Scene) -> Inbox:
    return scene.enter(ALICE, "alice")


@pytest.fixture
def bob(scene: Scene, alice: Inbox) -> Inbox:
    return scene.enter(BOB, "bob")


@pytest.fixture
def replica() -> Replica:
    return Replica(client_id=1)


@pytest.fixture
def update(replica: Replica) -> bytes:
    return replica.set("name", "Loom")


def test_every_kind_of_effect_is_executed_by_something() -> None:
    assert set(LiveRoom.EXECUTORS) == set(get_args(Effect))


def test_a_client_that_enters_is_asked_what_it_has(scene: Scene) -> None:
    inbox = Inbox()
    scene.room.join(Session(ALICE, UserProfile(USER), "read-write"), inbox)
    assert inbox.received == [SyncStep1(scene.document.state_vector())]


async def test_an_edit_goes_to_the_others_the_log_and_the_bus_and_once_committed_back(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    await turns()
    assert scene.journal == [("bob", Update(update)), ("log", update)]

    scene.journal.clear()
    scene.committer.commit()
    await turns()
    assert scene.journal == [("bus", Committed(1, update)), ("alice", Update(update))]


async def test_an_update_is_counted_once_for_each_who_is_sent_it(
    scene: Scene, alice: Inbox, bob: Inbox, replica: Replica
) -> None:
    before = counters.updates_in, counters.updates_out
    scene.edit(ALICE, replica.set("name", "Loom"))
    assert (counters.updates_in, counters.updates_out) == (before[0] + 1, before[1] + 1)
    scene.room.leave(BOB)
    scene.edit(ALICE, replica.set("name", "Weft"))
    assert (counters.updates_in, counters.updates_out) == (before[0] + 2, before[1] + 1)


async def test_the_log_is_told_who_edited_what_and_when(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    scene.clock.seconds = 5
    scene.edit(ALICE, update)
    (logged,) = scene.committer.submitted
    assert (logged.pipeline_id, logged.user_id, logged.payload) == (PIPELINE, USER, update)
    assert (logged.received_at - NOON).total_seconds() == 5


async def test_every_edit_is_echoed_after_its_own_commit_and_in_order(
    scene: Scene, alice: Inbox, replica: Replica
) -> None:
    edits = [replica.set("name", name) for name in ("one", "two", "three")]
    for update in edits:
        scene.edit(ALICE, update)
    for committed in range(1, 4):
        scene.committer.commit()
        await turns()
        assert alice.received == [Update(update) for update in edits[:committed]]


async def test_commits_of_one_transaction_are_echoed_in_order(
    scene: Scene, alice: Inbox, bob: Inbox, replica: Replica
) -> None:
    first, second = replica.set("name", "one"), replica.set("name", "two")
    scene.edit(ALICE, first)
    scene.edit(ALICE, second)
    scene.committer.commit()
    scene.committer.commit()
    await turns()
    assert alice.received == [Update(first), Update(second)]


async def test_an_edit_repeated_before_its_commit_is_echoed_only_after_it(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    scene.edit(BOB, update)
    await turns()
    assert bob.received == [Update(update)]
    assert len(scene.committer.submitted) == 1

    scene.committer.commit()
    await turns()
    assert bob.received == [Update(update), Update(update)]


async def test_an_edit_repeated_after_its_commit_is_echoed_at_once_and_not_logged_again(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    scene.committer.commit()
    await turns()
    alice.received.clear()

    scene.edit(ALICE, update)
    assert alice.received == [Update(update)]
    assert len(scene.committer.submitted) == 1


def test_a_document_without_pending_edits_is_told_at_once(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    scene.document.apply(update)
    scene.room.receive_message(ALICE, EVERYTHING)
    (answer,) = alice.received
    assert isinstance(answer, SyncStep2)
    assert content_of(answer.update) == {"name": "Loom"}


async def test_a_document_with_pending_edits_is_told_when_they_are_decided(
    scene: Scene, alice: Inbox, bob: Inbox, replica: Replica
) -> None:
    scene.edit(ALICE, replica.set("name", "one"))
    scene.edit(ALICE, replica.set("name", "two"))
    scene.room.receive_message(BOB, EVERYTHING)
    scene.committer.commit()
    await turns()
    assert bob.of(SyncStep2) == []

    scene.committer.commit()
    await turns()
    assert len(bob.of(SyncStep2)) == 1


async def test_between_a_commit_and_its_echo_nothing_overtakes_the_echo(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    scene.committer.commit()
    scene.room.receive_message(ALICE, EVERYTHING)
    await turns()
    assert [type(message) for message in alice.received] == [Update, SyncStep2]


@pytest.mark.parametrize("ask", [lambda _: EVERYTHING, Update])
async def test_between_a_refusal_and_its_consequences_nothing_is_acknowledged(
    scene: Scene, alice: Inbox, update: bytes, ask: Callable[[bytes], Message]
) -> None:
    scene.edit(ALICE, update)
    scene.committer.refuse(StoreError("no"))
    scene.room.receive_message(ALICE, ask(update))
    await turns()
    assert alice.received == []
    assert alice.close_code == 1013


async def test_the_refusal_of_an_earlier_edit_outlives_the_commit_of_a_later_one(
    scene: Scene, alice: Inbox, replica: Replica
) -> None:
    scene.edit(ALICE, replica.set("name", "one"))
    scene.edit(ALICE, replica.set("name", "two"))
    scene.committer.refuse(StoreError("no"))
    scene.committer.commit()
    scene.room.receive_message(ALICE, EVERYTHING)
    await turns()
    assert alice.received == []
    assert alice.close_code == 1013


async def test_a_pipeline_that_was_deleted_closes_everybody_for_good(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    scene.committer.refuse(PipelineNotFound("deleted"))
    await turns()
    assert (alice.close_code, bob.close_code) == (4404, 4404)
    assert alice.received == []
    assert scene.room.dropped


async def test_an_overloaded_log_drops_the_room_before_anything_is_published(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.committer.refusal = Overloaded("full")
    scene.edit(ALICE, update)
    await turns()
    assert (alice.close_code, bob.close_code) == (1013, 1013)
    assert scene.room.dropped
    assert scene.journal == [("bob", Update(update))]


@pytest.mark.parametrize("refusal", [StoreError("disk full"), RuntimeError("a bug")])
async def test_an_edit_that_the_log_refuses_drops_the_room(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes, refusal: Exception
) -> None:
    scene.edit(ALICE, update)
    scene.committer.refuse(refusal)
    with capture_logs() as logs:
        await turns()
    assert (alice.close_code, bob.close_code) == (1013, 1013)
    assert alice.received == []
    assert str(refusal) not in str(alice.end)
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("room.commit_failed", str(refusal))
    ]


async def test_who_poisons_a_document_is_told_to_stop_and_the_others_to_come_back(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.document.panics = True
    with capture_logs() as logs:
        scene.edit(ALICE, update)
    assert (alice.close_code, bob.close_code) == (4400, 1013)
    assert scene.committer.submitted == []
    assert [entry["event"] for entry in logs] == ["room.poisoned"]


async def test_a_document_poisoned_by_another_node_drops_the_room_here_alone(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    other = scene.a_room(Document())
    other_client = Inbox()
    other.join(Session(BOB, UserProfile(USER), "read-write"), other_client)
    scene.document.panics = True
    other.receive_message(BOB, Update(update))
    with capture_logs():
        scene.committer.commit()
        await turns()
    assert alice.close_code == 1013
    assert other_client.end is None
    assert not other.dropped


def test_nothing_of_the_log_touches_a_document_after_it_was_poisoned(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    scene.document.panics = True
    commits = [(Committed(seq, update), None) for seq in (1, 2, 3)]
    with capture_logs() as logs:
        scene.room.remote.follow(commits, is_all=True)
        scene.room.remote.follow(commits, is_all=True)
    assert [entry["event"] for entry in logs] == ["room.poisoned"]
    assert alice.close_code == 1013


def test_news_that_make_no_sense_are_ignored(scene: Scene, alice: Inbox) -> None:
    nonsense = [Committed(1, b"junk"), NodePresence("there", b"\x09", is_complete=True)]
    with capture_logs() as logs:
        for message in nonsense:
            scene.bus.publish(PIPELINE, message, lambda _: None)
    assert [entry["event"] for entry in logs] == ["room.peer_message_ignored"] * 2
    assert alice.received == []
    assert not scene.room.dropped
    # What came garbled may be fine in the log.
    assert (scene.room.position.seq, scene.room.position.has_gap) == (0, True)


async def test_a_dropped_room_hears_and_says_nothing_more(
    scene: Scene, alice: Inbox, bob: Inbox, replica: Replica
) -> None:
    other = scene.a_room(Document())
    other.join(Session(9, UserProfile(USER), "read-write"), Inbox())
    scene.edit(ALICE, replica.set("name", "one"))
    scene.room.drop(Overloaded())
    bob.received.clear()

    scene.edit(BOB, replica.set("name", "two"))
    other.receive_message(9, Update(replica.set("name", "three")))
    scene.committer.commit()
    await turns()
    scene.room.leave(ALICE)
    scene.room.tick()
    assert (alice.received, bob.received) == ([], [])
    assert content(scene.document) == {"name": "one"}


def test_a_room_is_dropped_once(scene: Scene, alice: Inbox) -> None:
    scene.room.drop(Overloaded("first"))
    scene.room.drop(PipelineNotFound("second"))
    assert str(alice.end) == "first"
    assert scene.bus.subscribers == 0


async def test_a_frozen_room_takes_nothing_but_still_acknowledges(
    scene: Scene, alice: Inbox, bob: Inbox, replica: Replica
) -> None:
    first, second = replica.set("name", "one"), replica.set("name", "two")
    scene.edit(ALICE, first)
    scene.room.freeze()
    scene.edit(ALICE, second)
    scene.room.receive_message(BOB, EVERYTHING)
    scene.committer.commit()
    await turns()
    assert alice.received == [Update(first)]
    assert bob.received == [Update(first)]
    assert content(scene.document) == {"name": "one"}


async def test_what_a_frozen_room_could_not_store_its_clients_bring_back(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    scene.room.freeze()
    scene.committer.refuse(StoreError("PostgreSQL is away"))
    await turns()
    assert (alice.received, alice.close_code) == ([], 1012)


async def test_an_edit_of_another_node_is_shown_and_neither_logged_nor_published(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    other = scene.a_room(Document())
    other.join(Session(BOB, UserProfile(USER), "read-write"), Inbox("bob", scene.journal))
    scene.journal.clear()
    other.receive_message(BOB, Update(update))
    scene.journal.clear()
    scene.committer.commit()
    await turns()
    assert scene.journal == [
        ("bus", Committed(1, update)),
        ("alice", Update(update)),
        ("bob", Update(update)),
    ]


def test_a_viewer_is_told_that_its_edit_was_not_taken(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    viewer = scene.enter(BOB, "viewer", "readonly")
    scene.edit(BOB, update)
    assert viewer.received == [Refused(READ_ONLY.reason)]
    assert (alice.received, scene.committer.submitted) == ([], [])
    assert content(scene.document) == {}


def test_a_client_that_breaks_the_protocol_is_closed_alone(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.room.receive_message(ALICE, presence(11, 1, HERE))
    bob.received.clear()
    scene.edit(ALICE, b"no update")
    scene.edit(ALICE, update)
    assert (alice.close_code, bob.close_code) == (4400, None)
    assert bob.received == [presence(11, 1, GONE)]


def test_who_leaves_takes_presence_along(scene: Scene, alice: Inbox, bob: Inbox) -> None:
    scene.room.receive_message(ALICE, presence(11, 1, HERE))
    scene.room.leave(ALICE)
    scene.room.leave(ALICE)
    assert bob.received == [presence(11, 1, HERE), presence(11, 1, GONE)]


def test_other_nodes_are_told_of_very_much_presence_in_several_messages(
    scene: Scene, alice: Inbox
) -> None:
    state = json.dumps({"x": "y" * 60_000})
    clients = range(1, 101)
    entries = [write_entry(Entry(client, 1, state)) for client in clients]
    scene.room.receive_message(ALICE, AwarenessUpdate(join_entries(entries)))
    rosters = [message for _, message in scene.journal if isinstance(message, NodePresence)]
    assert (
        max(len(node_presence.presence) for node_presence in rosters)
        <= MAX_NODE_PRESENCE_BYTES + 10
    )
    told = [
        each.client for node_presence in rosters for each in read_entries(node_presence.presence)
    ]
    assert told == [*clients]


def test_who_falls_silent_loses_presence(scene: Scene, alice: Inbox, bob: Inbox) -> None:
    scene.room.receive_message(ALICE, presence(11, 1, HERE))
    scene.clock.seconds = EXPIRY
    scene.room.tick()
    assert len(bob.received) == 1
    scene.clock.seconds = EXPIRY + 1
    scene.room.tick()
    assert bob.of(AwarenessUpdate) == [presence(11, 1, HERE), presence(11, 1, GONE)]


def test_who_enters_is_told_who_is_here(scene: Scene, alice: Inbox) -> None:
    scene.room.receive_message(ALICE, presence(11, 1, HERE))
    inbox = Inbox()
    scene.room.join(Session(BOB, UserProfile(an_id(8)), "readonly"), inbox)
    assert inbox.received[1:] == [presence(11, 1, HERE)]


ENDS: dict[int, Callable[[Scene], object]] = {
    4401: lambda scene: scene.at(60).tick(),
    4403: lambda scene: scene.room.apply_scopes({USER: None}),
}


@pytest.fixture(params=ENDS, ids=["expired", "withdrawn"])
def leaver(request: pytest.FixtureRequest, scene: Scene) -> tuple[Inbox, Callable[[], object]]:
    """A client whose session can be ended, and what ends it."""
    inbox = Inbox("leaver", scene.journal)
    scene.room.join(
        Session(ALICE, UserProfile(USER), "read-write", NOON + timedelta(seconds=60)), inbox
    )
    inbox.received.clear()
    scene.journal.clear()
    return inbox, lambda: ENDS[request.param](scene)


async def test_who_must_go_and_waits_for_nothing_goes_at_once(
    scene: Scene, leaver: tuple[Inbox, Callable[[], object]]
) -> None:
    inbox, end = leaver
    witness = Inbox("witness", scene.journal)
    scene.room.join(Session(BOB, UserProfile(an_id(8)), "readonly"), witness)
    scene.room.receive_message(ALICE, presence(11, 1, HERE))
    end()
    assert inbox.close_code in ENDS
    assert witness.received[-1] == presence(11, 1, GONE)
    assert witness.close_code is None


async def test_who_must_go_is_acknowledged_first_and_told_nothing_else(
    scene: Scene, leaver: tuple[Inbox, Callable[[], object]], replica: Replica, update: bytes
) -> None:
    inbox, end = leaver
    scene.edit(ALICE, update)
    end()
    late = replica.set("name", "late")
    scene.edit(ALICE, late)
    scene.room.join(Session(BOB, UserProfile(an_id(8)), "read-write"), Inbox())
    scene.edit(BOB, Replica(client_id=2).set("description", "not for those who left"))
    assert (inbox.received, inbox.close_code) == ([], None)
    assert late not in [each.payload for each in scene.committer.submitted]
    scene.committer.commit()
    await turns()
    assert inbox.received == [Update(update)]
    assert inbox.close_code in ENDS
    scene.room.leave(ALICE)


async def test_who_must_go_does_not_wait_for_ever(
    scene: Scene, leaver: tuple[Inbox, Callable[[], object]], update: bytes
) -> None:
    inbox, end = leaver
    scene.edit(ALICE, update)
    end()
    scene.clock.seconds += LAST_ACKS_SECONDS - 1
    scene.room.tick()
    assert inbox.close_code is None
    scene.clock.seconds += 1
    scene.room.tick()
    assert inbox.close_code in ENDS
    scene.committer.commit()
    await turns()
    assert inbox.received == []


async def test_who_must_go_goes_with_a_dropped_room(
    scene: Scene, leaver: tuple[Inbox, Callable[[], object]], update: bytes
) -> None:
    inbox, end = leaver
    scene.edit(ALICE, update)
    end()
    scene.room.drop(Overloaded())
    assert inbox.close_code in ENDS
    scene.committer.commit()
    await turns()


async def test_who_goes_without_waiting_is_forgotten(
    scene: Scene, leaver: tuple[Inbox, Callable[[], object]], update: bytes
) -> None:
    inbox, end = leaver
    scene.edit(ALICE, update)
    end()
    scene.room.leave(ALICE)
    scene.committer.commit()
    await turns()
    assert (inbox.received, inbox.close_code) == ([], None)


async def test_a_room_knows_its_users(scene: Scene, alice: Inbox, bob: Inbox) -> None:
    scene.room.join(Session(9, UserProfile(an_id(8)), "readonly"), Inbox())
    assert scene.room.users == {USER, an_id(8)}
    scene.room.leave(9)
    assert scene.room.users == {USER}


async def test_a_broadcast_is_encoded_once(scene: Scene, alice: Inbox, update: bytes) -> None:
    encoded: list[Message] = []

    def counting(message: Message) -> bytes:
        encoded.append(message)
        return encode(message)

    audience = [Inbox(encode=counting) for _ in range(5)]
    for session, inbox in enumerate(audience, 10):
        scene.room.join(Session(session, UserProfile(USER), "read-write"), inbox)
    encoded.clear()
    scene.edit(ALICE, update)
    assert encoded == [Update(update)]
    assert [inbox.received[-1] for inbox in audience] == [Update(update)] * 5


async def test_a_room_is_idle_when_empty_and_durable(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    assert not scene.room.is_idle
    scene.edit(ALICE, update)
    scene.clock.seconds = 3
    scene.room.leave(ALICE)
    assert (scene.room.is_idle, scene.room.is_durable) == (False, False)
    scene.committer.commit()
    await turns()
    assert (scene.room.is_idle, scene.room.empty_since) == (True, 3)


async def test_a_room_settles_when_the_log_has_decided(
    scene: Scene, alice: Inbox, update: bytes
) -> None:
    await scene.room.settled(0)
    scene.edit(ALICE, update)
    with pytest.raises(Overloaded):
        await scene.room.settled(0)
    settled = asyncio.create_task(scene.room.settled(60))
    await turns()
    assert not settled.done()
    scene.committer.refuse(StoreError("a refusal decides, too"))
    with capture_logs():
        await settled
    assert scene.room.is_durable


async def test_a_client_that_was_too_slow_gets_what_it_missed_when_that_is_durable(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    bob.received.clear()
    assert bob.refill()
    assert bob.of(SyncStep2) == []
    scene.committer.commit()
    await turns()
    (diff,) = bob.of(SyncStep2)
    assert isinstance(diff, SyncStep2)
    assert content_of(diff.update) == content(scene.document)


async def test_one_catching_up_waits_for_the_log_at_a_time(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    assert [bob.refill(), bob.refill(), alice.refill()] == [True, False, True]
    scene.committer.commit()
    await turns()
    assert len(bob.of(SyncStep2)) == 1
    assert bob.refill()
    assert len(bob.of(SyncStep2)) == 2


async def test_a_client_that_lacks_more_than_may_wait_for_it_is_sent_away(
    scene: Scene, alice: Inbox, bob: Inbox, update: bytes
) -> None:
    scene.edit(ALICE, update)
    bob.limit = 3
    assert bob.refill()
    assert (bob.close_code, alice.close_code) == (1013, None)


async def test_who_left_is_not_caught_up(scene: Scene, alice: Inbox, bob: Inbox) -> None:
    scene.room.leave(BOB)
    assert bob.refill()
    assert bob.received == []
